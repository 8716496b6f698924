# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Volumes in rare forms of a format, decoded by ITK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from litemed.images.volume import LPS_TO_RAS, Volume

__all__ = ["ItkVolume"]


class ItkVolume(Volume):
    """A volume that ITK reads, for data that are text: decoded as a whole with the first slice, and kept then.

    Args:
        path: the file.

    Raises:
        ValueError: when ITK cannot read it, or it isn't a 3D volume of scalars or colours.
    """

    def __init__(self, path: Path) -> None:
        image = _read(path)
        voxels = _voxels(image)
        dims = int(image.GetImageDimension())
        affine = np.eye(4)
        axes = min(dims, 3)
        matrix = np.asarray(image.GetDirection()).reshape(dims, dims) * np.asarray(image.GetSpacing())
        affine[:axes, :axes] = matrix[:axes, :axes]
        affine[:axes, 3] = np.asarray(image.GetOrigin())[:axes]
        super().__init__(path, voxels.shape[:dims], LPS_TO_RAS @ affine)
        self._voxels: np.ndarray | None = voxels

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_voxels": None}

    def _decode(self, axis: int, index: int) -> np.ndarray:
        if self._voxels is None:
            self._voxels = _voxels(_read(self.path))
        voxels = self._voxels.reshape(*self.shape, *self._voxels.shape[len(self.stored_shape) :])
        return np.take(voxels, index, axis)[..., :3] if voxels.ndim == 4 else np.take(voxels, index, axis)


def _read(path: Path) -> Any:
    import itk

    try:
        return itk.imread(str(path))
    except Exception as error:  # ITK also raises where it has no type for what a file holds
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ValueError(f"{path}: ITK cannot read it: {lines[-1]}") from error


def _voxels(image: Any) -> np.ndarray:
    """Fastest axis first, colours last."""
    import itk

    array = itk.array_from_image(image)
    dims = int(image.GetImageDimension())
    return array.transpose(*range(dims - 1, -1, -1), *range(dims, array.ndim))
