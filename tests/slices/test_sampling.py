# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Which slices are taken."""

from __future__ import annotations

import numpy as np
import pytest
from litemed.images.volumes import open_volume
from litemed.slices.sampling import label_slices, sample_slices


@pytest.mark.parametrize(
    ("interval", "axis", "expected"),
    [(5, 2, [0, 5, 10]), (1, 0, [0, 1, 2]), (2, 1, [0, 2, 4]), (4, 2, [0, 4, 8]), (100, 2, [0])],
)
def test_uniform_interval(interval: int, axis: int, expected: list[int], write, affine: np.ndarray) -> None:
    volume = open_volume(write("nifti", np.zeros((3, 5, 12), np.uint8), affine))
    assert sample_slices(volume, interval, axis) == expected


def labelled(axis: int, indices: list[int]) -> np.ndarray:
    """One labelled voxel in each of the given slices of an axis, at varied places."""
    label = np.zeros((9, 10, 12), np.uint8)
    for index in indices:
        place = [index % 3, index % 4, index % 5]
        place[axis] = index
        label[tuple(place)] = 3
    return label


@pytest.mark.parametrize("kind", ["nifti", "nifti-gzip", "npz", "dicom"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_label_bearing_slices(kind: str, axis: int, write, affine: np.ndarray) -> None:
    label = open_volume(write(kind, labelled(axis, [1, 2, 3, 7, 8]), affine))
    assert label_slices(label, axis) == [1, 2, 3, 7, 8]
    assert sample_slices(label, 2, axis, label=label) == [1, 3, 8]
    assert sample_slices(label, 5, axis, label=label) == [1]


def test_label_slices_of_an_archive_in_fortran_order(write, affine: np.ndarray) -> None:
    label = np.asfortranarray(labelled(0, [2, 6]).T)
    for axis, expected in [(0, [2, 6]), (1, [2]), (2, [1, 2])]:
        assert label_slices(open_volume(write("npz", label.T, affine, imgs=label)), axis) == expected


def test_no_label_gives_no_slice(write, affine: np.ndarray) -> None:
    volume = open_volume(write("nifti", np.zeros((3, 5, 12), np.uint8), affine))
    assert sample_slices(volume, label=volume) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"interval": 0}, "expected an interval of at least 1, got 0"),
        ({"interval": -5}, "expected an interval of at least 1, got -5"),
        ({"axis": 3}, "expected axis 0, 1 or 2, got 3"),
    ],
)
def test_bad_arguments(arguments: dict[str, int], message: str, write, affine: np.ndarray) -> None:
    volume = open_volume(write("nifti", np.zeros((3, 5, 12), np.uint8), affine))
    with pytest.raises(ValueError, match=message):
        sample_slices(volume, **arguments)
