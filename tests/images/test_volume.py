# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Geometry of slices and volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from litemed.images.volume import Volume, check_same_grid, slice_affine


class Grid(Volume):
    """A volume without voxels."""

    def _decode(self, axis: int, index: int) -> np.ndarray:
        raise NotImplementedError


def test_spacing_is_the_length_of_axis_vectors(affine: np.ndarray) -> None:
    assert Grid(Path("a"), (2, 3, 4), affine).spacing == pytest.approx((0.7, 1.25, 4.0))


@pytest.mark.parametrize(
    ("axis", "pixel", "voxel"), [(0, (2, 3), (4, 2, 3)), (1, (2, 3), (2, 4, 3)), (2, (2, 3), (2, 3, 4))]
)
def test_slice_affine_puts_pixels_where_voxels_are(
    axis: int, pixel: tuple[int, int], voxel: tuple[int, int, int], affine: np.ndarray
) -> None:
    np.testing.assert_allclose(slice_affine(affine, axis, 4) @ (*pixel, 0, 1), affine @ (*voxel, 1), atol=1e-12)


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
