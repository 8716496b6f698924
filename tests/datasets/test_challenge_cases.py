# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Listing archives of the challenge, and their slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from litemed.datasets.challenge import write_challenge
from litemed.datasets.challenge_cases import list_archives, list_slices, load_cases, modality_of, set_of


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
        {"image": str(tmp_path / "parts/validation/3D_MR_validation.npz"), "case": "3D_MR_validation", "modality": "MR"}
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


def test_every_fifth_labelled_slice_is_taken(tmp_path: Path) -> None:
    labels = np.zeros((20, 6, 8), np.uint8)
    labels[3:17, 2:4, 1:5] = 1
    volume = _archive(tmp_path / "3D_CT_a.npz", labels.shape, labels=labels)
    picture = _archive(tmp_path / "2D_US_a.npz", (6, 8, 3), labels=labels[5])
    assert [item["slice"] for item in list_slices([volume, picture])] == [3, 8, 13, -1]


def test_a_modality_gives_at_most_so_many_items_at_equal_steps(tmp_path: Path) -> None:
    label = np.ones((4, 5), np.uint8)
    for part, modality, count in (
        ("training", "US", 7),
        ("training", "OCT", 1),
        ("validation", "US", 1),
        ("test", "US", 1),
    ):
        for index in range(count):
            _archive(tmp_path / part / f"2D_{modality}_{index}.npz", (4, 5, 3), labels=label)
    cases = load_cases(tmp_path, "training")
    # places 0, 7 / 3 and 14 / 3 of seven pictures, rounded down
    assert [item["case"] for item in list_slices(cases, most=3)] == ["2D_OCT_0", "2D_US_0", "2D_US_2", "2D_US_4"]
    assert len(list_slices(cases)) == 8


def test_archives_of_folders_with_and_without_labels(tmp_path: Path) -> None:
    for name in ("training/2D_CT_a", "training/2D_CT_b", "training/2D_CT_c", "pictures/2D_OCT_d"):
        _archive(tmp_path / f"{name}.npz", (4, 5))
    _archive(tmp_path / "training/3D_CT_e.npz", (2, 4, 5))
    items = list_archives(tmp_path, ["training", "pictures", "absent"], most=2)
    assert [(Path(item["image"]).stem, item["modality"]) for item in items] == [
        ("2D_CT_a", "CT"),
        ("2D_CT_b", "CT"),
        ("2D_OCT_d", "OCT"),
    ]
    assert len(list_archives(tmp_path, ["training"])) == 3
    assert list_archives(tmp_path, ["absent"]) == []


def test_the_set_is_in_the_name() -> None:
    assert set_of("folder/2D_CT_msd-spleen_7_z003.npz") == "msd-spleen"
    assert [set_of(name) for name in ("2D_US_7.npz", "scan_of_a_b.png")] == ["", ""]
