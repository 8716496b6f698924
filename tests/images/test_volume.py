# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Geometry of slices and volumes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from litemed.images.volume import Volume, check_same_grid
from litemed.images.volumes import open_volume


class Grid(Volume):
    """A volume without voxels."""

    def _decode(self, axis: int, index: int) -> np.ndarray:
        raise NotImplementedError


def test_spacing_is_the_length_of_axis_vectors(affine: np.ndarray) -> None:
    assert Grid(Path("a"), (2, 3, 4), affine).spacing == pytest.approx((0.7, 1.25, 4.0))


@pytest.mark.parametrize(
    ("shape", "matrix", "message"),
    [
        ((2,), np.eye(4), r"a.nii: expected a 3D volume, got shape \(2,\)"),
        ((2, 3, 4, 5), np.eye(4), r"a.nii: expected a 3D volume, got shape \(2, 3, 4, 5\)"),
        ((2, 0, 4), np.eye(4), r"expected a 3D volume, got shape \(2, 0, 4\)"),
        ((2, 3, 4), np.diag([1.0, 0.0, 1.0, 1.0]), "expected an invertible affine"),
        ((2, 3, 4), np.diag([1.0, np.nan, 1.0, 1.0]), "expected an invertible affine"),
    ],
)
def test_rejects_what_is_no_volume(shape: tuple[int, ...], matrix: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Grid(Path("a.nii"), shape, matrix)


@pytest.mark.parametrize(
    ("axis", "index", "error", "message"),
    [
        (3, 0, ValueError, "expected axis 0, 1 or 2, got 3"),
        (-1, 0, ValueError, "expected axis 0, 1 or 2, got -1"),
        (1, 3, IndexError, "a.nii: expected a slice from 0 to 2 on axis 1, got 3"),
        (1, -1, IndexError, "a.nii: expected a slice from 0 to 2 on axis 1, got -1"),
    ],
)
def test_rejects_slices_outside(axis: int, index: int, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Grid(Path("a.nii"), (2, 3, 4), np.eye(4)).read_slice(axis, index)


def test_same_grid_allows_rounding_and_no_more(affine: np.ndarray) -> None:
    image = Grid(Path("image.nii"), (512, 512, 100), affine)
    check_same_grid(image, Grid(Path("label.nii"), (512, 512, 100), affine.astype(np.float32)))

    shifted = affine.copy()
    shifted[:3, 3] += 0.5 * affine[:3, 0]
    with pytest.raises(ValueError, match=r"label.nii: affine differs from that of image.nii by up to 0.5 voxels"):
        check_same_grid(image, Grid(Path("label.nii"), (512, 512, 100), shifted))
    with pytest.raises(
        ValueError, match=r"label.nii: shape \(512, 512, 99\) differs from \(512, 512, 100\) of image.nii"
    ):
        check_same_grid(image, Grid(Path("label.nii"), (512, 512, 99), affine))


@pytest.mark.parametrize("kind", ["nifti-gzip", "nrrd", "npz-deflate", "dicom"])
@pytest.mark.parametrize("block", [1, 600, 1 << 28])
def test_slices_one_after_the_other(
    kind: str, block: int, write: Callable, voxels: np.ndarray, affine: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litemed.images.volume._BLOCK_BYTES", block)
    volume = open_volume(write(kind, voxels, affine))
    for axis in range(3):
        slices = list(volume.iter_slices(axis))
        assert len(slices) == voxels.shape[axis]
        for index, pixels in enumerate(slices):
            np.testing.assert_array_equal(pixels, np.take(voxels, index, axis))


def test_slices_across_the_slowest_axis_decode_the_volume_once(
    write: Callable, voxels: np.ndarray, affine: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = open_volume(write("nifti-gzip", voxels, affine))
    reads = []
    read = type(volume)._decode
    monkeypatch.setattr(type(volume), "_decode", lambda self, *place: reads.append(place) or read(self, *place))
    assert len(list(volume.iter_slices(0))) == 5
    assert reads == [(2, index) for index in range(7)]


def test_colour_slices_one_after_the_other(write: Callable, affine: np.ndarray) -> None:
    colours = np.random.default_rng(4).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
    volume = open_volume(write("npz", colours[..., 0].T, affine, imgs=colours))
    for axis in range(3):
        expected = [np.take(colours.transpose(2, 1, 0, 3), index, axis) for index in range(volume.shape[axis])]
        np.testing.assert_array_equal(list(volume.iter_slices(axis)), expected)
