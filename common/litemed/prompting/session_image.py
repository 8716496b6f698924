# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The image of a session: slices of each plane as the network sees them, and masks in the file's own axes."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from litemed.datasets.challenge import read_challenge
from litemed.images.names import image_part, is_archive, is_picture
from litemed.images.orientation import PLANES, PlaneView
from litemed.images.pictures import read_picture
from litemed.images.volume import HeldVolume, Volume
from litemed.images.volumes import open_volume
from litemed.images.writing import write_labels
from litemed.prompting.box_3d import SliceSource
from litemed.transforms.windows import IntensityRange, Window, ct_range, intensity_range

__all__ = ["SessionImage"]


_HELD_BYTES = 2 << 30


class SessionImage:
    """A picture, or a volume, whose slices are seen from three sides.

    A volume of up to 2 GiB is held in memory; of a larger one slices are decoded when they are asked for.

    Args:
        path: a picture, a volume, an archive of the challenge, or the folder of a DICOM series.
        modality: of a volume, see `litemed.transforms.windows.intensity_range`.
        window: CT window.
        page: of a picture of several.
        series: of a DICOM study, see `litemed.images.open_volume`.
        pixel_spacing: side of a picture's pixels in mm, which pictures don't tell.

    Attributes:
        path: as given.
        options: what was given beside it.
        part: of a file of several, see `litemed.images.names.image_part`.
        is_volume: whether it has three axes.
        planes: slices ``(D, H, W[, 3])`` by the direction that they are seen in: ``"picture"``, of one slice, or
            ``"axial"``, ``"coronal"`` and ``"sagittal"``; of volumes scaled to 0 to 255, as the network sees them.
        own_shape: of an array in the file's own axes x, y, z; z is 1 of a picture.
        intensity: how values were scaled, such as ``"CT window soft_tissue"``.
        shown: the values that are black and white to begin with, apart also where all values are equal.
        spacing: along the own axes in mm, two numbers or three; None where it isn't known.
        pixel_size: of a pixel in mm2 or a voxel in mm3; None where it isn't known.

    Raises:
        FileNotFoundError: when nothing lies at the path.
        ValueError: for a file that can't be read, another window, or a spacing that isn't positive.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        modality: str | None = None,
        window: Window = "soft_tissue",
        page: int | None = None,
        series: str | int | None = None,
        pixel_spacing: float | None = None,
    ) -> None:
        self.path = Path(path)
        self.options: dict[str, Any] = {
            "modality": modality,
            "window": window,
            "page": page,
            "series": series,
            "pixel_spacing": pixel_spacing,
        }
        ct_range(window)
        if pixel_spacing is not None and not 0 < pixel_spacing < math.inf:
            raise ValueError(f"expected a positive pixel spacing in mm, got {pixel_spacing}")
        if not self.path.exists():
            raise FileNotFoundError(f"{self.path} doesn't exist")
        self.part = image_part({"page": page})
        self.views: dict[str, PlaneView] = {}
        self.planes: dict[str, SliceSource] = {}
        self.spacing: tuple[float, ...] | None = None
        self.pixel_size: float | None = None
        self._affine: np.ndarray | None = None
        picture = self._picture()
        self.is_volume = picture is None
        if picture is not None:
            self.planes["picture"] = picture[None]
            self.own_shape: tuple[int, ...] = (picture.shape[1], picture.shape[0], 1)
            self.intensity = "as stored"
            is_byte = picture.dtype == np.uint8
            self.shown = (0.0, 255.0) if is_byte else _apart(float(picture.min()), float(picture.max()))
            if pixel_spacing is not None:
                self.spacing, self.pixel_size = (pixel_spacing, pixel_spacing), pixel_spacing**2
            return
        volume = open_volume(self.path, series=series)
        self.part = image_part({"series": getattr(volume, "series", None)})
        volume = _held(volume)
        self.own_shape = volume.shape
        self._affine = volume.affine
        if volume.has_spacing:
            self.spacing, self.pixel_size = volume.spacing, volume.voxel_volume
        self.views = {plane: PlaneView(volume, plane) for plane in PLANES}
        scale = intensity_range(self.views["axial"], modality, window)
        self.intensity, self.shown = scale.name, _apart(scale.low, scale.high)
        self.planes |= {plane: _ScaledSlices(view, scale) for plane, view in self.views.items()}

    def stored(self, plane: str, index: int) -> np.ndarray:
        """A slice ``(H, W[, 3])`` with its values as stored."""
        return np.asarray(self.views[plane][index] if self.views else self.planes[plane][index])

    def aspect(self, plane: str) -> tuple[float, float]:
        """Distances between the columns and the rows of a plane's slices, in mm; 1 where they aren't known."""
        if not self.views:
            return (1.0, 1.0)
        across, down, _ = self.views[plane].spacing
        return across, down

    def _picture(self) -> np.ndarray | None:
        """``(H, W[, 3])``; None of a volume."""
        if self.path.is_file() and is_picture(self.path):
            return read_picture(self.path, self.options["page"])
        if self.path.is_file() and is_archive(self.path):
            case = read_challenge(self.path)
            return None if case.is_volume else case.images
        return None

    def seen_in(self, plane: str, voxels: np.ndarray) -> np.ndarray:
        """An array of the file's own axes as slices ``(D, H, W)`` of a plane, of the same memory."""
        return self.views[plane].of_file(voxels) if self.views else voxels.T

    def write(self, output_dir: str | os.PathLike[str], labels: np.ndarray) -> Path:
        """Write a label map in the file's own axes, see `litemed.images.writing.write_labels`."""
        own = labels if self.is_volume else labels[..., 0]
        return write_labels(output_dir, own, self.path, self.part, self._affine)


class _ScaledSlices:
    """Slices scaled to 0 to 255 when they are asked for."""

    def __init__(self, slices: PlaneView, scale: IntensityRange) -> None:
        self._slices = slices
        self._scale = scale
        colours = np.shape(slices[0])[2:]
        self.shape = (*slices.shape, *colours)

    def __getitem__(self, index: int) -> np.ndarray:
        return self._scale.apply(self._slices[index])


def _apart(low: float, high: float) -> tuple[float, float]:
    return (low, high) if low < high else (low - 1, low)


def _held(volume: Volume) -> Volume:
    """The volume in memory, if that isn't too much."""
    axis = volume.slowest_axis
    size = volume.read_slice(axis, 0).nbytes * volume.shape[axis]
    return HeldVolume(volume) if size <= _HELD_BYTES else volume
