# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How the cases of the three tasks are listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tfnet import CLASSES, RINGS, break_up_weights, frame_weights, load_cases, require_batches, subject_of
from tfnet.readers.tfm import TFM_BOXES, TFM_CLASSES


def test_classes_and_boxes_are_those_of_the_data_set() -> None:
    assert CLASSES == TFM_CLASSES
    assert RINGS == TFM_BOXES


def _save(array: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array.astype(np.uint8)).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A clear, a closed and a broken frame in training, a closed one in validation."""
    frames = {"train": ["clear", "closed", "broken"], "val": ["closed", "clear"]}
    (tmp_path / "labels" / "classification").mkdir(parents=True)
    for part, names in frames.items():
        for number, name in enumerate(names):
            stem = f"{part}_{number:03d}"
            _save(np.full((80, 100), 9), tmp_path / "images" / part / f"{stem}.png")
            if name != "closed":
                boxes = tmp_path / "labels" / "detection" / part / f"{stem}.txt"
                boxes.parent.mkdir(parents=True, exist_ok=True)
                boxes.write_text("0 0.5 0.5 0.1 0.1\n1 0.5 0.5 0.2 0.25\n2 0.5 0.5 0.4 0.5\n")
            if name == "broken":
                mask = np.zeros((40, 40))
                mask[:4, :10] = 255
                _save(np.full((40, 40), 9), tmp_path / "crop_broken_only" / "images" / part / f"{stem}.png")
                _save(mask, tmp_path / "crop_broken_only" / "masks" / part / f"{stem}.png")
        rows = [f"{part}_{number:03d}.png {name}" for number, name in enumerate(names)]
        (tmp_path / "labels" / "classification" / f"{part}_cls.txt").write_text("\n".join(rows))
    return tmp_path


def test_frames_with_their_classes(root: Path) -> None:
    cases = load_cases(root, "classification", "training")
    assert [case["label"].tolist() for case in cases] == [[0], [1], [2]]
    assert cases[1]["boxes"] is None
    np.testing.assert_allclose(cases[2]["boxes"][2], [30, 20, 70, 60])
    both = load_cases(root, "classification", "training+validation")
    assert [case["case"] for case in both] == ["train_000", "train_001", "train_002", "val_000", "val_001"]


def test_several_folders_are_one_set(root: Path) -> None:
    cases = load_cases([root, root], "classification", "validation")
    assert [case["case"] for case in cases] == [f"{root.name}_val_{number:03d}" for number in (0, 1)] * 2
    assert subject_of(cases)(f"{root.name}_val_000") == f"{root.name}_val"


def test_closed_frames_are_detected_without_rings(root: Path) -> None:
    cases = {case["case"]: case["boxes"] for case in load_cases(root, "detection", "training")}
    assert set(cases) == {"train_000", "train_001", "train_002"}
    assert cases["train_001"] is None
    np.testing.assert_allclose(cases["train_000"][2], [30, 20, 70, 60])


def test_weights_are_counted(root: Path) -> None:
    weights = break_up_weights(load_cases(root, "segmentation", "training"))
    # 40 of 1600 pixels: the weights are as 1/1560 to 1/40
    torch.testing.assert_close(weights, torch.tensor([40 / 1600, 1560 / 1600]))
    labels = [{"label": torch.tensor([label])} for label in (0, 0, 0, 1, 2, 3)]
    torch.testing.assert_close(frame_weights(labels), torch.tensor([1 / 3, 1, 1, 1]) / (10 / 3))


def test_the_video_of_a_case() -> None:
    video = subject_of([{"case": "a_001", "video": "a"}, {"case": "b_001", "video": ""}])
    assert (video("a_001"), video("b_001")) == ("a", "b_001")


def test_unknown_task(root: Path) -> None:
    with pytest.raises(ValueError, match="got 'segment'"):
        load_cases(root, "segment", "training")


@pytest.mark.parametrize(("batch_size", "cases", "said"), [(1, 9, "got 1.*--batch_size 2"), (4, 1, "train on, got 1")])
def test_trainings_that_would_meet_a_single_picture(batch_size: int, cases: int, said: str) -> None:
    with pytest.raises(SystemExit, match=said):
        require_batches(batch_size, range(cases))
    require_batches(2, range(2))
