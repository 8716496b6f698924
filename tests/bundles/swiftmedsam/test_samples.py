# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Listing archives, loading them, and making training samples of their objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from litemed.datasets.challenge import write_challenge
from litemed.transforms import LongestSide
from swiftmedsam import LoadChallenged, RandObjectd, list_slices, load_cases, modality_of, sample_archives


def _archive(path: Path, shape: tuple[int, ...], **arrays: np.ndarray) -> dict[str, object]:
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    write_challenge(path, images, spacing=(0.5, 0.75, 3.0), **arrays)
    return {"image": str(path)}


def test_parts_are_kept_or_drawn_by_case(tmp_path: Path) -> None:
    for number in range(10):
        _archive(tmp_path / "flat" / "deep" / f"2D_US_{number}.npz", (4, 5))
    names = [
        {case["case"] for case in load_cases(tmp_path / "flat", part)} for part in ("training", "validation", "test")
    ]
    assert [len(part) for part in names] == [7, 1, 2]
    assert len(set.union(*names)) == 10
    for part in ("training", "validation", "test"):
        _archive(tmp_path / "parts" / part / f"3D_MR_{part}.npz", (2, 4, 5))
    assert load_cases(tmp_path / "parts", "validation") == [
        {
            "image": str(tmp_path / "parts/validation/3D_MR_validation.npz"),
            "case": "3D_MR_validation",
            "modality": "MR",
        }
    ]
    assert modality_of("3D_CT_x_1") == "CT"
    assert modality_of("scan_CT") == "other"


def test_bad_data_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no \.npz archive in"):
        load_cases(tmp_path, "training")
    with pytest.raises(FileNotFoundError, match="gone is no folder"):
        load_cases(tmp_path / "gone", "training")
    with pytest.raises(ValueError, match="expected a part among training, validation, test, got 'train'"):
        load_cases(tmp_path, "train")
    case = _archive(tmp_path / "2D_US_a.npz", (4, 5))
    with pytest.raises(ValueError, match=r"2D_US_a\.npz: expected an array 'gts' of labels to train with"):
        list_slices([case])
    with pytest.raises(ValueError, match=r"2D_US_a\.npz has no labels"):
        LoadChallenged()(case)
    np.savez(tmp_path / "2D_US_p.npz", imgs=np.array([{}], dtype=object), gts=np.ones(1))
    with pytest.raises(ValueError, match="pickled objects, which are never loaded"):
        LoadChallenged()({"image": str(tmp_path / "2D_US_p.npz")})


def test_every_fifth_labelled_slice_is_taken(tmp_path: Path) -> None:
    labels = np.zeros((20, 6, 8), np.uint8)
    labels[3:17, 2:4, 1:5] = 1
    volume = _archive(tmp_path / "3D_CT_a.npz", labels.shape, labels=labels)
    picture = _archive(tmp_path / "2D_US_a.npz", (6, 8, 3), labels=labels[5])
    assert [item["slice"] for item in list_slices([volume, picture])] == [3, 8, 13, -1]


def test_a_slice_is_loaded_as_its_volume_has_it(tmp_path: Path) -> None:
    labels = np.zeros((3, 6, 8), np.uint8)
    labels[1, 2:4, 1:5], labels[1, 5, 6:8] = 7, 3
    case = _archive(tmp_path / "3D_CT_a.npz", labels.shape, labels=labels)
    whole, single = LoadChallenged()(case), LoadChallenged()({**case, "slice": 1})
    assert whole["image"].shape == (1, 8, 6, 3)
    assert single["image"].shape == (3, 8, 6)
    assert torch.equal(single["image"][0], whole["image"][0, :, :, 1])
    assert torch.equal(single["label"], whole["label"][..., 1])
    assert single["label"][0, 1, 2] == 2  # 7 comes after 3
    assert single["label"][0, 6, 5] == 1
    assert single["boxes"].tolist() == [[6, 4.5, 7, 5.5], [1, 2, 4, 3]]
    assert whole["boxes"][:, [2, 5]].tolist() == [[1, 1], [1, 1]]
    assert whole["spacing"].tolist() == [0.5, 0.75, 3.0]


def test_one_object_in_a_grown_box(tmp_path: Path) -> None:
    labels = np.zeros((64, 128), np.uint8)
    labels[10:20, 30:50], labels[40:60, 100:128] = 1, 2
    item = LoadChallenged()(_archive(tmp_path / "2D_US_a.npz", (64, 128, 3), labels=labels))
    transform = RandObjectd().set_random_state(seed=0)
    expected = {1: (60, 20, 99, 39), 2: (200, 80, 255, 119)}  # at twice the size
    seen, growths = set(), set()
    for _ in range(60):
        sample = transform(item)
        image, mask = sample["image"], sample["label"][0]
        assert image.shape == (4, 256, 256)
        assert torch.equal(image[:3], LongestSide(64, 128).prepare(np.asarray(item["image"]).transpose(2, 1, 0)))
        label = 1 if mask[30, 70] else 2
        x0, y0, x1, y1 = expected[label]
        assert mask.sum() == (x1 - x0 + 1) * (y1 - y0 + 1) == mask[y0 : y1 + 1, x0 : x1 + 1].sum()
        rows, columns = (torch.nonzero(image[3].any(dim=dim)).flatten() for dim in (1, 0))
        growth = [x0 - columns[0], y0 - rows[0], columns[-1] - x1, rows[-1] - y1]
        assert all(0 <= side <= 5 for side in growth)
        assert label == 1 or growth[2] == 0  # the picture's edge
        seen.add(label)
        growths.update(int(side) for side in growth)
    assert seen == {1, 2}
    assert growths == set(range(6))


def test_an_object_below_a_pixel_is_kept(tmp_path: Path) -> None:
    labels = np.zeros((1024, 1024), np.uint8)
    labels[510, 100] = 1
    item = LoadChallenged()(_archive(tmp_path / "2D_XRay_a.npz", labels.shape, labels=labels))
    sample = RandObjectd(grow=0).set_random_state(seed=0)(item)
    assert torch.nonzero(sample["label"][0]).tolist() == [[127, 25]]
    with pytest.raises(ValueError, match="expected grow from 0 pixels, got -1"):
        RandObjectd(grow=-1)


def test_the_sample_is_converted_once() -> None:
    folder = sample_archives()
    assert folder == sample_archives()
    assert [len(load_cases(folder, part)) for part in ("training", "validation", "test")] == [8, 4, 4]
    item = LoadChallenged()(load_cases(folder, "test")[0])
    assert item["modality"] == "Microscopy"
    assert item["label"].max() == len(item["boxes"]) > 1
