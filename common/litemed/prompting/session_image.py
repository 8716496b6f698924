# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The image of a session: slices of each plane as the network sees them, and masks in the file's own axes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from litemed.datasets.challenge import read_challenge
from litemed.images.names import image_part, is_archive, is_picture
from litemed.images.orientation import PLANES, PlaneView
from litemed.images.pictures import read_picture
from litemed.images.volume import Volume
from litemed.images.volumes import open_volume
from litemed.images.writing import write_labels
from litemed.prompting.box_3d import SliceSource
from litemed.transforms.windows import IntensityRange, Window, ct_range, intensity_range

__all__ = ["SessionImage"]


class SessionImage:
    """A picture, or a volume of which slices are decoded when they are asked for.

    Args:
        path: a picture, a volume, an archive of the challenge, or the folder of a DICOM series.
        modality: of a volume, see `litemed.transforms.windows.intensity_range`.
        window: CT window.
        page: of a picture of several.

    Attributes:
        path: as given.
        is_volume: whether it has three axes.
        planes: slices ``(D, H, W[, 3])`` by the direction that they are seen in: ``"picture"``, of one slice, or
            ``"axial"``, ``"coronal"`` and ``"sagittal"``.
        own_shape: of an array in the file's own axes x, y, z; z is 1 of a picture.

    Raises:
        FileNotFoundError: when nothing lies at the path.
        ValueError: for a file that can't be read, or another window.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        modality: str | None = None,
        window: Window = "soft_tissue",
        page: int | None = None,
    ) -> None:
        self.path = Path(path)
        self._page = page
        ct_range(window)
        if not self.path.exists():
            raise FileNotFoundError(f"{self.path} doesn't exist")
        self._views: dict[str, PlaneView] = {}
        self.planes: dict[str, SliceSource] = {}
        picture = self._picture()
        self.is_volume = picture is None
        if picture is not None:
            self.planes["picture"] = picture[None]
            self.own_shape: tuple[int, ...] = (picture.shape[1], picture.shape[0], 1)
            return
        volume: Volume = open_volume(self.path)
        self.own_shape = volume.shape
        self._views = {plane: PlaneView(volume, plane) for plane in PLANES}
        scale = intensity_range(self._views["axial"], modality, window)
        self.planes |= {plane: _ScaledSlices(view, scale) for plane, view in self._views.items()}

    def _picture(self) -> np.ndarray | None:
        """``(H, W[, 3])``; None of a volume."""
        if self.path.is_file() and is_picture(self.path):
            return read_picture(self.path, self._page)
        if self.path.is_file() and is_archive(self.path):
            case = read_challenge(self.path)
            return None if case.is_volume else case.images
        return None

    def seen_in(self, plane: str, voxels: np.ndarray) -> np.ndarray:
        """An array of the file's own axes as slices ``(D, H, W)`` of a plane, of the same memory."""
        return self._views[plane].of_file(voxels) if self._views else voxels.T

    def write(self, output_dir: str | os.PathLike[str], labels: np.ndarray) -> Path:
        """Write a label map in the file's own axes, see `litemed.images.writing.write_labels`."""
        return write_labels(
            output_dir, labels if self.is_volume else labels[..., 0], self.path, image_part({"page": self._page})
        )


class _ScaledSlices:
    """Slices scaled to 0 to 255 when they are asked for."""

    def __init__(self, slices: PlaneView, scale: IntensityRange) -> None:
        self._slices = slices
        self._scale = scale
        colours = np.shape(slices[0])[2:]
        self.shape = (*slices.shape, *colours)

    def __getitem__(self, index: int) -> np.ndarray:
        return self._scale.apply(self._slices[index])
