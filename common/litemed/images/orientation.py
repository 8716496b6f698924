# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A volume's slices the way people look at them, whatever order and direction its axes are stored in."""

from __future__ import annotations

from collections.abc import Iterator

import nibabel
import numpy as np

from litemed.images.volume import Volume, spacing_of

__all__ = ["PLANES", "PlaneView"]

PLANES = {"axial": (2, 1, 0), "coronal": (1, 2, 0), "sagittal": (0, 2, 1)}
"""World axes (0 right-left, 1 anterior-posterior, 2 superior-inferior) across the slices, down and to the right."""


class PlaneView:
    """Slices of a volume as rows and columns, by index: decoded when asked for.

    Columns run to the patient's left, or from front to back in sagittal slices; rows run to the back, or downwards in
    coronal and sagittal ones: what LPS files, the challenge's archives and radiologists' screens show. Oblique volumes
    are not resampled: each axis counts for the direction that it is nearest to.

    Args:
        volume: the volume.
        plane: ``"axial"``, ``"coronal"``, ``"sagittal"``, or ``"stored"``: the file's own third, second and first axis,
            not mirrored, as the challenge's tools took any file.
        affine: take directions from this one instead of the volume's, so that an image and its labels turn alike.

    Attributes:
        shape: slices, rows and columns.
        spacing: between columns, rows and slices, in mm.

    Raises:
        ValueError: for another plane.
    """

    def __init__(self, volume: Volume, plane: str = "axial", affine: np.ndarray | None = None) -> None:
        if plane != "stored" and plane not in PLANES:
            raise ValueError(f"expected a plane of {', '.join(PLANES)} or stored, got {plane!r}")
        self.volume = volume
        if plane == "stored":
            self._axes: tuple[int, ...] = (2, 1, 0)
            self._mirrored: tuple[bool, ...] = (False, False, False)
        else:
            directions = nibabel.io_orientation(volume.affine if affine is None else affine)
            world = directions[:, 0].astype(int).tolist()
            self._axes = tuple(world.index(axis) for axis in PLANES[plane])
            # RAS axes run to the right, the front and the top: away from where pictures do
            self._mirrored = (False, *(bool(directions[axis, 1] > 0) for axis in self._axes[1:]))
        self.shape = tuple(volume.shape[axis] for axis in self._axes)
        self.spacing = tuple(spacing_of(volume.affine)[axis] for axis in self._axes[::-1])

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        return map(self._turned, self.volume.iter_slices(self._axes[0]))

    def __getitem__(self, index: int) -> np.ndarray:
        """Slice ``(H, W)``, or ``(H, W, 3)`` of a colour volume."""
        return self._turned(self.volume.read_slice(self._axes[0], index))

    def _turned(self, pixels: np.ndarray) -> np.ndarray:
        _, down, right = self._axes
        pixels = pixels if down < right else pixels.swapaxes(0, 1)
        return pixels[tuple(slice(None, None, -1 if mirrored else 1) for mirrored in self._mirrored[1:])]

    def to_view(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes ``(N, 6)`` in voxel indices of the file, x0, y0, z0, x1, y1, z1, as columns, rows and slices."""
        result = np.empty_like(boxes, dtype=np.float64)
        for place, axis in enumerate(self._axes[::-1]):
            low, high = boxes[:, axis], boxes[:, axis + 3]
            if self._mirrored[::-1][place]:
                low, high = self.volume.shape[axis] - 1 - high, self.volume.shape[axis] - 1 - low
            result[:, place], result[:, place + 3] = low, high
        return result

    def of_file(self, voxels: np.ndarray) -> np.ndarray:
        """An array of the file's own axes as ``(D, H, W)`` of this view; a view of the same memory."""
        return voxels.transpose(self._axes)[
            tuple(slice(None, None, -1 if mirrored else 1) for mirrored in self._mirrored)
        ]

    def line(self, axis: int, index: int) -> tuple[int, int]:
        """Where the slices of this view cross an entry of another of the file's axes.

        Args:
            axis: of the file, not the one across this view's slices.
            index: along it.

        Returns:
            0 for a row and 1 for a column of every slice, and its number.
        """
        place = self._axes.index(axis)
        mirrored = self._mirrored[place]
        return place - 1, self.shape[place] - 1 - index if mirrored else index

    @property
    def axis(self) -> int:
        """The file's axis across the slices."""
        return self._axes[0]
