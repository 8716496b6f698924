# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""From slices back to a volume in its place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
import torch
from monai.data import MetaTensor
from monai.utils import ImageMetaKey

from litemed.images.volume import spacing_of

__all__ = ["stack_slices"]


def stack_slices(
    slices: Iterable[MetaTensor], missing: Literal["error", "zero"] = "error"
) -> tuple[np.ndarray, np.ndarray]:
    """Put slices of one volume, such as predictions for items of a ``SliceDataset``, back into its voxel grid.

    Args:
        slices: (1, H, W) or (H, W) on the pixel grid of the item, with its metadata, in any order. Batches go through
            ``monai.data.decollate_batch`` and spatial transforms through ``Invertd`` first.
        missing: what to do about slices that are not there: ``"error"``, or ``"zero"`` to leave them empty.

    Returns:
        The volume, of the source's shape and the slices' type, and its 4x4 affine, RAS in mm.

    Raises:
        TypeError: for a slice without the metadata.
        ValueError: when slices are of several volumes or axes, on another grid, given twice, or missing.
    """
    if missing not in ("error", "zero"):
        raise ValueError(f'expected missing="error" or "zero", got {missing!r}')
    volume, affine, origin = None, np.eye(4), ("", -1)
    filled: set[int] = set()
    for pixels in slices:
        if not isinstance(pixels, MetaTensor) or "slice_index" not in pixels.meta:
            raise TypeError(f"expected slices with the metadata of a SliceDataset, got {type(pixels).__name__}")
        meta = pixels.meta
        source, axis, index = str(meta[ImageMetaKey.FILENAME_OR_OBJ]), int(meta["slice_axis"]), int(meta["slice_index"])
        own_affine, shape = _array(meta["volume_affine"]), [int(side) for side in _array(meta["volume_shape"])]
        plane = _array(pixels)
        if volume is None:
            volume, affine, origin = np.zeros(shape, dtype=plane.dtype), own_affine, (source, axis)
        if (source, axis) != origin:
            raise ValueError(f"expected slices of {origin[0]} along axis {origin[1]}, got one of {source} along {axis}")
        if index in filled:
            raise ValueError(f"{source}: slice {index} is given twice")
        _check_grid(pixels, np.delete(shape, axis), np.delete(spacing_of(own_affine), axis), f"{source}: slice {index}")
        np.moveaxis(volume, axis, 0)[index] = plane.reshape(plane.shape[-2:])
        filled.add(index)
    if volume is None:
        raise ValueError("no slices to stack")
    lacking = sorted(set(range(volume.shape[origin[1]])) - filled)
    if lacking and missing == "error":
        raise ValueError(f"{origin[0]}: {len(lacking)} slices of axis {origin[1]} are missing, the first {lacking[0]}")
    return volume, affine


def _array(values: np.ndarray | torch.Tensor) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def _check_grid(pixels: MetaTensor, shape: np.ndarray, spacing: np.ndarray, name: str) -> None:
    if tuple(pixels.shape) not in (tuple(shape), (1, *shape)):
        raise ValueError(
            f"{name}: expected shape {(1, *shape.tolist())} of the volume's slice, got {tuple(pixels.shape)}"
        )
    expected = np.diag([*spacing, 1.0])
    if pixels.affine.shape != expected.shape or not np.allclose(_array(pixels.affine), expected, atol=1e-3):
        raise ValueError(f"{name} was flipped, rotated, shifted or resampled: apply Invertd before stacking")
