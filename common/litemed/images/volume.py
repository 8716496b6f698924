# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What every volume on disk offers: its geometry, and one slice at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import numpy as np

__all__ = ["LPS_TO_RAS", "HeldVolume", "Volume", "check_same_grid", "damage_named", "spacing_of", "voxel_volume"]

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_BLOCK_BYTES = 1 << 28
_LONGEST = 400  # characters of a message
_RIGHT_ANGLE = 1e-3  # cosine of axes that count as at right angles


class Volume(ABC):
    """A three-dimensional image on disk of which single slices are decoded.

    Axes are those of NIfTI and of MONAI's readers in every format: for an axial scan x, y, z. Nothing stays open
    between reads, so a volume can be pickled and used by many processes and threads.

    A file of two axes counts as a volume of one slice; axes of one entry beyond the third are left out.

    Attributes:
        path: the file, or the folder of a DICOM series.
        stored_shape: sizes of the axes that the file has.
        shape: voxels along the three axes.
        affine: 4x4 float64 matrix from voxel indices to millimetres, RAS.
        has_spacing: whether the file says how large its voxels are; where it doesn't, they count as 1 mm.
        series: of a DICOM study of several, what tells this one from the others: its number or UID.
        slowest_axis: the axis along which slices are cheapest to read.

    Raises:
        ValueError: when a side is empty or the affine cannot be inverted.
    """

    slowest_axis = 2
    has_spacing = True
    series: str | None = None

    def __init__(self, path: Path, shape: tuple[int, ...], affine: np.ndarray) -> None:
        self.stored_shape = tuple(int(side) for side in shape)
        if len(shape) == 2:
            shape, affine = (*shape, 1), _with_depth(affine)
        if len(shape) < 3 or min(shape) < 1 or max(shape[3:], default=1) > 1:
            raise ValueError(f"{path}: expected a 3D volume, got shape {self.stored_shape}")
        if not np.isfinite(affine).all() or np.linalg.matrix_rank(affine[:3, :3]) < 3:
            raise ValueError(f"{path}: expected an invertible affine, got {affine.tolist()}")
        self.path = path
        self.shape = (int(shape[0]), int(shape[1]), int(shape[2]))
        self.affine = np.array(affine, dtype=np.float64)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance between voxels along the three axes, in mm."""
        return spacing_of(self.affine)

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel in mm3, right for sheared axes too."""
        return voxel_volume(self.affine)

    @property
    def is_sheared(self) -> bool:
        """Whether the axes aren't at right angles, as in a CT of a tilted gantry: sizes along axes aren't distances."""
        units = self.affine[:3, :3] / np.array(self.spacing)
        return bool(np.abs(units.T @ units - np.eye(3)).max() > _RIGHT_ANGLE)

    def read_slice(self, axis: int, index: int) -> np.ndarray:
        """Decode one slice.

        Args:
            axis: 0, 1 or 2, the axis across the slice.
            index: position along it, from 0.

        Returns:
            The remaining two axes in their order, a colour volume with its channels last. Stored values as they are;
            float32 where the format scales them.

        Raises:
            ValueError: for another axis, a damaged file, or voxels that are NaN or infinite.
            IndexError: for an index outside the volume.
        """
        check_axis(axis)
        if not 0 <= index < self.shape[axis]:
            raise IndexError(
                f"{self.path}: expected a slice from 0 to {self.shape[axis] - 1} on axis {axis}, got {index}"
            )
        with damage_named(self.path):
            pixels = self._decode(axis, index)
        if not np.isfinite(pixels).all():
            raise ValueError(f"{self.path}: slice {index} of axis {axis} has NaN or infinite voxels")
        return pixels

    def iter_slices(self, axis: int) -> Iterator[np.ndarray]:
        """All slices along an axis, in their order, as `read_slice` gives them.

        Along another axis than the slowest, which every slice crosses, blocks of slices are put together from one run
        through the volume each; a block takes up to 256 MB.
        """
        check_axis(axis)
        scanned = self.slowest_axis
        if axis == scanned:
            yield from (self.read_slice(axis, index) for index in range(self.shape[axis]))
            return
        position = axis - (scanned < axis)  # in a plane across the slowest axis
        start = 0
        while start < self.shape[axis]:
            stop, block = start, np.empty(0)
            for place in range(self.shape[scanned]):
                plane = self.read_slice(scanned, place)
                if not place:
                    bytes_each = plane.nbytes // self.shape[axis] * self.shape[scanned]
                    stop = min(self.shape[axis], start + max(1, _BLOCK_BYTES // bytes_each))
                    sides = list(self.shape)
                    sides[axis] = stop - start
                    block = np.empty((*sides, *plane.shape[2:]), plane.dtype)
                part = plane[start:stop] if position == 0 else plane[:, start:stop]
                np.moveaxis(block, scanned, 0)[place] = part
            slices = np.moveaxis(block, axis, 0)
            yield from (slices[index] for index in range(stop - start))
            start = stop

    @abstractmethod
    def _decode(self, axis: int, index: int) -> np.ndarray:
        """The stored values of one slice along an axis."""


class HeldVolume(Volume):
    """A volume whose voxels are all in memory: a slice along any axis costs next to nothing.

    Args:
        volume: read once, slice by slice.
    """

    def __init__(self, volume: Volume) -> None:
        super().__init__(volume.path, volume.shape, volume.affine)
        self.has_spacing = volume.has_spacing
        self.slowest_axis = axis = volume.slowest_axis
        first = volume.read_slice(axis, 0)
        voxels = np.empty((self.shape[axis], *first.shape), first.dtype)
        for index in range(len(voxels)):
            voxels[index] = volume.read_slice(axis, index)
        self.voxels = np.moveaxis(voxels, 0, axis)

    def _decode(self, axis: int, index: int) -> np.ndarray:
        return np.moveaxis(self.voxels, axis, 0)[index]


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Make whatever a damaged file raises in the readers of formats a ValueError of one short line with its name."""
    try:
        yield
    except (FileNotFoundError, PermissionError, ImportError, MemoryError):
        raise
    except Exception as error:
        said = (str(error) or type(error).__name__).strip().splitlines()[0]
        if isinstance(error, ValueError | OSError) and path.name in said and len(said) <= _LONGEST:
            raise
        raise ValueError(f"{path}: not a readable volume: {said[:_LONGEST]}") from error


def check_axis(axis: int) -> None:
    """Raise ValueError unless the axis is 0, 1 or 2."""
    if axis not in (0, 1, 2):
        raise ValueError(f"expected axis 0, 1 or 2, got {axis}")


def spacing_of(affine: np.ndarray) -> tuple[float, float, float]:
    """Lengths of an affine's three axis vectors."""
    x, y, z = np.linalg.norm(affine[:3, :3], axis=0).tolist()
    return x, y, z


def voxel_volume(affine: np.ndarray) -> float:
    """Volume of a voxel in mm3: the determinant of its three axis vectors."""
    return float(abs(np.linalg.det(affine[:3, :3])))


def _with_depth(affine: np.ndarray) -> np.ndarray:
    """An affine whose third axis, where it has no length, is 1 mm across the other two."""
    if np.any(affine[:3, 2]):
        return affine
    result = np.array(affine, dtype=np.float64)
    normal = np.cross(result[:3, 0], result[:3, 1])
    result[:3, 2] = normal / max(float(np.linalg.norm(normal)), np.finfo(float).tiny)
    return result


def check_same_grid(volume: Volume, other: Volume, tolerance: float = 0.1) -> None:
    """Check that two volumes have the same voxels in the same place.

    Args:
        volume: the one to hold against.
        other: the one to judge.
        tolerance: how far apart corners may lie, in voxels of ``volume``.

    Raises:
        ValueError: names both files and what differs.
    """
    if other.shape != volume.shape:
        raise ValueError(f"{other.path}: shape {other.shape} differs from {volume.shape} of {volume.path}")
    corners = np.array([(*corner, 1) for corner in product(*[(0, side - 1) for side in volume.shape])]).T
    offsets = np.linalg.solve(volume.affine, other.affine @ corners) - corners
    worst = np.abs(offsets).max()
    if worst > tolerance:
        raise ValueError(
            f"{other.path}: affine differs from that of {volume.path} by up to {worst:.3g} voxels: "
            f"{other.affine.tolist()} and {volume.affine.tolist()}"
        )
