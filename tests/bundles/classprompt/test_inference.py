# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""inference.json: the predicted modality, a given one, and what is said of both."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from classprompt import BUNDLE_ROOT, ConditionedNetwork
from litemed.training.checkpoints import save_checkpoint
from monai.bundle import ConfigParser
from monai.bundle import run as run_bundle
from PIL import Image

CONFIG = f"{BUNDLE_ROOT}/configs/inference.json"
BOXES = [[10, 5, 39, 24], [50, 35, 79, 54]]


@pytest.fixture
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two bright objects; the test runs in an unrelated folder."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    pixels = np.full((60, 90), 20, np.uint8)
    pixels[5:25, 10:40] = pixels[35:55, 50:80] = 220
    Image.fromarray(pixels).save(tmp_path / "case.png")
    return tmp_path / "case.png"


def _segment(picture: Path, weights: str, boxes: Any = BOXES, **overrides: Any) -> tuple[np.ndarray, list[dict]]:
    out = picture.parent / "out"
    files = {"dataset_dir": str(picture), "ckpt_path": weights, "output_dir": str(out)}
    run_bundle(config_file=CONFIG, boxes=boxes, **files, **overrides)
    with (out / "modality_of_cases.csv").open() as file:
        return np.asarray(Image.open(out / f"{picture.stem}_mask.png")), list(csv.DictReader(file))


def _causes(error: BaseException | None) -> str:
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def test_the_predicted_modality_is_told(picture: Path, weights: str, capfd: pytest.CaptureFixture[str]) -> None:
    labels, rows = _segment(picture, weights)
    assert np.unique(labels).tolist() == [0, 1, 2]
    share = np.exp(2) / (np.exp(2) + 10)
    assert rows == [
        {
            "case": "case",
            "modality": "Microscopy",
            "predicted_modality": "Microscopy",
            "modality_probability": f"{share:.4f}",
        }
    ]
    assert f"case: Microscopy, probability {share:.2f}\n" in capfd.readouterr().out
    assert not list(Path.cwd().iterdir())


def test_a_given_modality_overrides(picture: Path, weights: str, capfd: pytest.CaptureFixture[str]) -> None:
    labels, rows = _segment(picture, weights, modality="pet")
    assert not labels.any()
    assert (rows[0]["modality"], rows[0]["predicted_modality"]) == ("PET", "Microscopy")
    assert ", told PET\n" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({"modality": "photo"}, "expected a modality of CT, MR, .*, got 'photo'"),
        ({"boxes": [[700, 10, 720, 40]]}, "expected a box inside 90x60"),
    ],
)
def test_bad_input_is_refused(picture: Path, weights: str, overrides: dict[str, Any], text: str) -> None:
    with pytest.raises((RuntimeError, ValueError)) as caught:
        _segment(picture, weights, **overrides)
    assert re.search(text, _causes(caught.value))
    assert not (picture.parent / "out").exists()


def test_a_checkpoint_of_another_network_is_refused(picture: Path, bright: type) -> None:
    other = str(picture.with_name("other.pt"))
    save_checkpoint(other, bright("mean"))
    with pytest.raises(RuntimeError) as caught:
        _segment(picture, other)
    assert "pooling is mean, not sum" in _causes(caught.value)
    assert not (picture.parent / "out").exists()


def test_a_volume_has_one_modality(picture: Path, weights: str, bright: type) -> None:
    labels = np.zeros((24, 30, 7), np.uint8)
    labels[5:20, 8:20, 2:6] = 1
    values = np.where(labels > 0, 150, -1000).astype(np.int16)
    for name, array in (("scan", values), ("mask", labels)):
        nibabel.save(nibabel.Nifti1Image(array, np.diag([0.7, 0.8, 3.0, 1])), picture.with_name(f"{name}.nii.gz"))
    out = picture.with_name("volume")
    files = {"dataset_dir": str(picture.with_name("scan.nii.gz")), "boxes": str(picture.with_name("mask.nii.gz"))}
    run_bundle(config_file=CONFIG, ckpt_path=weights, output_dir=str(out), modality="CT", **files)
    assert np.asanyarray(nibabel.load(out / "scan_mask.nii.gz").dataobj).any()
    with (out / "modality_of_cases.csv").open() as file:
        row = next(csv.DictReader(file))
    assert (row["modality"], row["predicted_modality"]) == ("CT", "Microscopy")


def test_prompts_of_monai_label(picture: Path, bright: type) -> None:
    parser = ConfigParser()
    parser.read_config(CONFIG)
    item = parser.get_parsed_content("preprocessing")({"image": str(picture), "roi": [10, 39, 5, 24]})
    network = parser.get_parsed_content("network_def").eval()
    labels = parser.get_parsed_content("inferer")(torch.stack([item["image"]]), network)[0]
    assert labels.sum() == pytest.approx(600, rel=0.05)


def test_the_object_table_holds_the_modality(picture: Path, weights: str) -> None:
    def table() -> dict[str, Any]:
        return json.loads((picture.parent / "out/case_objects.json").read_text())

    _segment(picture, weights)
    found = table()
    assert (found["modality"], found["predicted_modality"]) == ("Microscopy", "Microscopy")
    assert [entry["label"] for entry in found["objects"]] == [1, 2]
    _segment(picture, weights, modality="PET")
    told = table()
    assert (told["modality"], told["modality_probability"]) == ("PET", found["modality_probability"])
    assert [entry["pixels"] for entry in told["objects"]] == [0, 0]


def test_nothing_decoded_has_no_modality(bright: type) -> None:
    with pytest.raises(ValueError, match="no image was decoded yet"):
        _ = ConditionedNetwork(bright()).modality


@pytest.mark.parametrize(("class_prompt", "told"), [(True, "CT"), (False, None)])
def test_a_network_without_the_prompt_is_told_nothing(bright: type, class_prompt: bool, told: str | None) -> None:
    network = ConditionedNetwork(bright(class_prompt=class_prompt), "CT")
    network.decode(torch.full((1, 3, 256, 256), 0.9), torch.tensor([[0.0, 0, 9, 9]]))
    assert (network.modality.told, network.modality.predicted) == (told, "Microscopy")
