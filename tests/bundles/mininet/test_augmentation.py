# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Other stains, cameras and obstructions: what must stay as it was, and what must change."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mininet.augmentation import RandCamerad, RandObstructionsd, RandStaind
from mininet.kinds import kind_weights, picture_kind
from monai.data import MetaTensor
from PIL import Image


def _disc(size: int = 96, radius: int = 20) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size] - size // 2
    return rows**2 + columns**2 <= radius**2


def _nuclei(ground: tuple[int, int, int], nucleus: tuple[int, int, int]) -> torch.Tensor:
    picture = np.where(_disc()[None], np.array(nucleus)[:, None, None], np.array(ground)[:, None, None])
    return torch.from_numpy(picture.astype(np.float32))


FLUORESCENCE = _nuclei((8, 8, 8), (180, 180, 180))
STAINED = _nuclei((230, 180, 220), (100, 50, 150))


def test_kinds_by_their_looks() -> None:
    assert picture_kind(FLUORESCENCE) == "fluorescence"
    assert picture_kind(_nuclei((0, 0, 20), (10, 20, 250))) == "fluorescence"
    assert picture_kind(_nuclei((210, 210, 210), (60, 60, 60))) == "bright-field"
    assert picture_kind(STAINED) == "stained"
    assert picture_kind(257 * STAINED) == "stained"


@pytest.mark.parametrize("transform", [RandStaind, RandCamerad, RandObstructionsd])
def test_pictures_keep_type_and_range_and_may_be_left_alone(transform: type) -> None:
    image = MetaTensor(257 * STAINED, meta={"filename_or_obj": "x.png"})
    items = {"image": image, "label": MetaTensor(torch.zeros(1, 96, 96))}
    unchanged = transform("image", prob=0.0)(items)["image"]
    assert torch.equal(unchanged.as_tensor(), 257 * STAINED)
    random = transform("image", prob=1.0).set_random_state(seed=0)
    for _ in range(20):
        result = random(dict(items))["image"]
        assert result.meta["filename_or_obj"] == "x.png"
        assert (result.shape, result.dtype) == (image.shape, torch.float32)
        assert result.min() >= 0
        assert result.max() <= image.max() * (1 + 1e-6)
        assert torch.isfinite(result.as_tensor()).all()
    assert torch.equal(image.as_tensor(), 257 * STAINED)


def test_the_same_seed_changes_alike() -> None:
    first, second = (RandStaind("image", prob=1.0).set_random_state(seed=3)({"image": STAINED})["image"] for _ in "ab")
    assert torch.equal(first, second)


def test_fluorescence_becomes_dark_nuclei_on_a_bright_ground() -> None:
    transform = RandStaind("image", prob=1.0).set_random_state(seed=0)
    darker = [
        bool(picture[:, _disc()].mean() < picture[:, ~_disc()].mean())
        for picture in (transform({"image": FLUORESCENCE})["image"].numpy() for _ in range(60))
    ]
    assert 0.6 < np.mean(darker) < 0.9


def test_stained_nuclei_stay_darker_than_their_ground() -> None:
    transform = RandStaind("image", prob=1.0).set_random_state(seed=0)
    for _ in range(40):
        picture = transform({"image": STAINED})["image"].numpy()
        assert picture[:, _disc()].mean() < picture[:, ~_disc()].mean()


def test_what_is_hidden_of_a_lesion_is_taken_from_its_label() -> None:
    skin = _nuclei((220, 180, 160), (110, 70, 50))
    label = torch.from_numpy(_disc()[None].astype(np.float32))
    transform = RandObstructionsd("image", prob=1.0).set_random_state(seed=0)
    kept, black = [], 0
    for _ in range(100):
        items = transform({"image": skin, "label": label})
        assert set(items["label"].unique().tolist()) <= {0.0, 1.0}
        assert (items["label"] <= label).all()
        kept.append(float(items["label"].sum() / label.sum()))
        black += bool((items["image"][:, :2, :2] < 30).all())
    assert min(kept) >= 0.8  # two may each hide a tenth
    assert 10 < black < 60
    assert label.sum() == _disc().sum()


def test_each_kind_is_drawn_as_often(tmp_path) -> None:
    cases = []
    for folder, pictures in (("one", [FLUORESCENCE] * 6 + [STAINED] * 2), ("two", [STAINED])):
        (tmp_path / folder / "images").mkdir(parents=True)
        for number, picture in enumerate(pictures):
            path = tmp_path / folder / "images" / f"{number}.png"
            Image.fromarray(picture.numpy().astype(np.uint8).transpose(2, 1, 0)).save(path)
            cases.append({"image": str(path)})
    weights = kind_weights(cases)
    assert len(weights) == 9
    assert sum(weights[:6]) == pytest.approx(1) == sum(weights[6:])
