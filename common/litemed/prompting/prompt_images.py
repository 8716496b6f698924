# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Image files as users have them: how boxes lie in them, how the network sees them, how label maps are written back."""

from __future__ import annotations

import gzip
import math
import os
from abc import ABC, abstractmethod
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from PIL import Image, UnidentifiedImageError

from litemed.datasets.challenge import ChallengeCase, read_challenge
from litemed.images.orientation import PLANES, PlaneView
from litemed.images.volume import LPS_TO_RAS, Volume
from litemed.images.volumes import open_volume
from litemed.prompting.box_3d import SliceSource
from litemed.transforms.pictures import LoadPictured
from litemed.transforms.windows import IntensityRange, Window, ct_range, intensity_range

__all__ = ["ArchiveImage", "PictureImage", "PromptImage", "VolumeImage", "open_image"]

_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif")
_TIFF = (".tif", ".tiff")


class PromptImage(ABC):
    """An image that boxes are drawn on.

    Attributes:
        path: the file, or the folder of a DICOM series.
        sides: size along x, y and, for a volume, z, in the order of a box's numbers.
        spacing: of the pixels along the same axes, in mm; None where it isn't known.
        boxes: those that the file brings, or None.
        intensity: how values were scaled, for reports.
    """

    path: Path
    sides: tuple[int, ...]
    spacing: tuple[float, ...] | None
    boxes: np.ndarray | None = None
    intensity: str = "as stored"

    @property
    def element_size(self) -> float | None:
        """Area of a pixel in mm2, volume of a voxel in mm3; None where the spacing isn't known."""
        return None if self.spacing is None else math.prod(self.spacing)

    @property
    def stem(self) -> str:
        """The file's name without its suffix."""
        name = self.path.name
        ends = (".nii.gz", self.path.suffix) if self.path.is_file() else ("",)
        return next(name[: len(name) - len(end)] for end in ends if name.lower().endswith(end.lower()))

    @property
    def result_name(self) -> str:
        """Name for the label map."""
        return f"{self.stem}_labels{self.result_suffix}"

    @property
    @abstractmethod
    def result_suffix(self) -> str:
        """Suffix of the format that label maps are written in."""

    @abstractmethod
    def pixels(self) -> SliceSource:
        """What the network sees: an array ``(H, W[, 3])``, or slices ``(D, H, W[, 3])``."""

    def to_view(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes in the frame of `pixels`."""
        return boxes

    def planes(self) -> dict[str, SliceSource]:
        """Slices by the direction that they are seen in; a picture is the one slice of ``"picture"``."""
        pixels = self.pixels()
        return {"stored": pixels} if len(self.sides) == 3 else {"picture": np.asarray(pixels)[None]}

    @property
    def own_shape(self) -> tuple[int, ...]:
        """Of an array in the image's own axes: x, y, z of a volume's file, else those of the slices of `planes`."""
        return (1, *self.sides[::-1])[-3:]

    def seen_in(self, plane: str, voxels: np.ndarray) -> np.ndarray:
        """An array of the image's own axes as the slices ``(D, H, W)`` of one of `planes`, of the same memory."""
        return voxels

    def write_own(self, path: Path, labels: np.ndarray) -> None:
        """`write` of a label map in the image's own axes."""
        self.write(path, labels[0] if len(self.sides) == 2 else labels)

    @abstractmethod
    def write(self, path: Path, labels: np.ndarray) -> None:
        """Write a label map, given in the frame of `pixels`, in the image's geometry and format."""


class PictureImage(PromptImage):
    """A picture: PNG, JPEG, TIFF, BMP or GIF of one frame, grey or colour, 8 or 16 bit.

    Label maps are written as PNG, or TIFF for a TIFF; JPEG would blur them.

    Args:
        path: the file.
        pixel_spacing: pixel size in mm, one number or x and y; pictures don't say it themselves.

    Raises:
        ValueError: when it can't be read, has several frames, or the spacing isn't positive.
    """

    def __init__(self, path: Path, pixel_spacing: Any = None) -> None:
        self.path = path
        try:
            with Image.open(path) as picture:
                frames = getattr(picture, "n_frames", 1)
        except (OSError, SyntaxError, UnidentifiedImageError) as error:
            raise ValueError(f"{path} can't be read as a picture: {error}") from error
        if frames != 1:
            raise ValueError(f"{path}: expected a picture of one frame, got {frames}")
        loaded = np.asarray(LoadPictured("image")({"image": str(path)})["image"]).transpose(2, 1, 0)
        self._pixels = np.ascontiguousarray(loaded)
        self.sides = (loaded.shape[1], loaded.shape[0])
        self.spacing = None
        if pixel_spacing is not None:
            values = np.broadcast_to(np.asarray(pixel_spacing, dtype=np.float64), (2,)).tolist()
            if not all(math.isfinite(value) and value > 0 for value in values):
                raise ValueError(f"expected a positive pixel spacing in mm, got {pixel_spacing} for {path}")
            self.spacing = (values[0], values[1])

    @property
    def result_suffix(self) -> str:
        return self.path.suffix if self.path.suffix.lower() in _TIFF else ".png"

    def pixels(self) -> SliceSource:
        return self._pixels

    def write(self, path: Path, labels: np.ndarray) -> None:
        if labels.dtype.itemsize > 2:
            raise ValueError(f"{self.path}: a picture holds at most 65535 objects, got {int(labels.max())}")
        Image.fromarray(labels).save(path, compression="tiff_deflate" if path.suffix.lower() in _TIFF else None)


class VolumeImage(PromptImage):
    """A volume: NIfTI, NRRD, or the folder of a DICOM series. Slices are decoded when the network asks for them.

    Label maps have the voxels and the affine of the file: NIfTI for NIfTI (its header copied) and DICOM, NRRD for NRRD.

    Args:
        volume: the volume.
        plane: direction of the slices, see `PlaneView`.
        modality: see `intensity_range`.
        window: CT window.
    """

    def __init__(self, volume: Volume, plane: str, modality: str | None, window: Window) -> None:
        self.volume = volume
        self.path = volume.path
        self.sides = volume.shape
        self.spacing = volume.spacing if volume.has_spacing else None
        self._view = PlaneView(volume, plane)
        self._range = intensity_range(self._view, modality, window)
        self.intensity = self._range.name

    @property
    def element_size(self) -> float | None:
        return None if self.spacing is None else self.volume.voxel_volume

    @property
    def result_suffix(self) -> str:
        name = self.path.name.lower()
        if name.endswith((".nrrd", ".nhdr")):
            return ".nrrd"
        return ".nii" if name.endswith(".nii") else ".nii.gz"

    def pixels(self) -> SliceSource:
        return _ScaledSlices(self._view, self._range)

    def planes(self) -> dict[str, SliceSource]:
        return {plane: _ScaledSlices(PlaneView(self.volume, plane), self._range) for plane in PLANES}

    @property
    def own_shape(self) -> tuple[int, ...]:
        return self.volume.shape

    def seen_in(self, plane: str, voxels: np.ndarray) -> np.ndarray:
        return PlaneView(self.volume, plane).of_file(voxels)

    def write_own(self, path: Path, labels: np.ndarray) -> None:
        self.write(path, self._view.of_file(labels))

    def to_view(self, boxes: np.ndarray) -> np.ndarray:
        return self._view.to_view(boxes)

    def write(self, path: Path, labels: np.ndarray) -> None:
        voxels = self._view.to_file(labels)
        if path.suffix == ".nrrd":
            _write_nrrd(path, voxels, self.volume.affine)
        else:
            _write_nifti(path, voxels, self.volume)


class ArchiveImage(PromptImage):
    """An archive of the MedSAM challenge; label maps are archives with ``segs``, of the same name as in the challenge.

    Args:
        case: the archive's content.
        modality: see `intensity_range`; 8-bit images, the challenge's, are taken as they are.
        window: CT window.
    """

    def __init__(self, case: ChallengeCase, modality: str | None, window: Window) -> None:
        self.path = case.path
        self.sides = case.sides
        self.spacing = None if case.spacing is None else case.spacing[: len(self.sides)]
        self.boxes = case.boxes
        self._images = case.images
        self._range: IntensityRange | None = None
        if case.images.dtype != np.uint8 and case.is_volume:
            self._range = intensity_range(case.images, modality, window)
            self.intensity = self._range.name

    @property
    def result_name(self) -> str:
        return self.path.name

    @property
    def result_suffix(self) -> str:
        return ".npz"

    def pixels(self) -> SliceSource:
        return self._images if self._range is None else _ScaledSlices(self._images, self._range)

    def write(self, path: Path, labels: np.ndarray) -> None:
        with path.open("wb") as file:
            np.savez_compressed(file, segs=labels)


def open_image(
    path: str | os.PathLike[str],
    *,
    modality: str | None = None,
    window: Window = "soft_tissue",
    plane: str = "axial",
    pixel_spacing: Any = None,
) -> PromptImage:
    """Open an image of any supported kind.

    Args:
        path: a picture, a NIfTI or NRRD file, an archive of the challenge, or the folder of a DICOM series.
        modality: ``"CT"`` for a window, another for percentiles; None judges by the values. Not for pictures.
        window: CT window, a name or level and width in HU.
        plane: direction of a volume's slices: axial, coronal, sagittal, or stored.
        pixel_spacing: pixel size of a picture in mm.

    Raises:
        FileNotFoundError: when nothing lies at the path.
        ValueError: for another kind of file, or one that is damaged, or has other than two (three) dimensions.
    """
    path = Path(path)
    ct_range(window)
    if not path.exists():
        raise FileNotFoundError(f"{path} doesn't exist")
    suffix = path.suffix.lower()
    if path.is_file() and suffix in _PICTURES:
        return PictureImage(path, pixel_spacing)
    if path.is_file() and suffix == ".npz":
        return ArchiveImage(read_challenge(path), modality, window)
    if pixel_spacing is not None:
        raise ValueError(f"{path} says its spacing itself: pixel_spacing={pixel_spacing} is for pictures")
    return VolumeImage(open_volume(path), plane, modality, window)


class _ScaledSlices:
    """Slices scaled to 0 to 255 when they are asked for."""

    def __init__(self, slices: SliceSource, scale: IntensityRange) -> None:
        self._slices = slices
        self._scale = scale
        self.shape = tuple(slices.shape)

    def __getitem__(self, index: int) -> np.ndarray:
        return self._scale.apply(np.asarray(self._slices[index]))


def _write_nifti(path: Path, voxels: np.ndarray, volume: Volume) -> None:
    image: Any
    if volume.path.is_file():
        source: Any = nibabel.load(volume.path)
        header = source.header.copy()
        header.set_data_dtype(voxels.dtype)
        header.set_slope_inter(1, 0)
        header["cal_min"] = header["cal_max"] = 0
        image = type(source)(voxels, source.affine, header)
    else:
        image = nibabel.Nifti1Image(voxels, volume.affine, dtype=voxels.dtype)
        image.header.set_xyzt_units("mm")
    is_gzip = path.suffix.lower() == ".gz"
    with path.open("wb") as file, _gzip(file) if is_gzip else nullcontext(file) as stream:
        image.to_stream(stream)


def _write_nrrd(path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    lps = LPS_TO_RAS @ affine

    def vector(values: np.ndarray) -> str:
        return "(" + ",".join(repr(float(value)) for value in values) + ")"

    fields = [
        "NRRD0005",
        f"type: {voxels.dtype.name}",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, voxels.shape))}",
        f"space directions: {' '.join(vector(lps[:3, axis]) for axis in range(3))}",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: gzip",
        f"space origin: {vector(lps[:3, 3])}",
    ]
    with path.open("wb") as file:
        file.write(("\n".join(fields) + "\n\n").encode("ascii"))
        with _gzip(file) as stream:
            stream.write(voxels.astype(voxels.dtype.newbyteorder("<")).tobytes(order="F"))


def _gzip(file: Any) -> gzip.GzipFile:
    """A stream without name and time, so that equal labels give equal files."""
    return gzip.GzipFile("", "wb", fileobj=file, mtime=0)
