# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""DICOM series: one folder, one file a slice."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from litemed.images.volume import LPS_TO_RAS, Volume

__all__ = ["DicomVolume"]

_PREAMBLE, _MAGIC = 128, b"DICM"
_TOLERANCE = 0.1  # of a slice's distance to the next


class _SliceFile(NamedTuple):
    path: Path
    position: np.ndarray
    series: str
    size: tuple[int, int]
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, ...]
    thickness: float


class DicomVolume(Volume):
    """A folder that holds one series of single-frame grey images.

    Slices are sorted along the image plane's normal by ImagePositionPatient, and their rescale slope and intercept
    are applied. A tilted gantry gives a sheared affine. A slice of axis 2 costs one file; one of axis 0 or 1 decodes
    every file, one after the other. Files that aren't DICOM, and DICOMDIR, are passed over.

    Args:
        path: the folder.

    Raises:
        ValueError: when there is no series or more than one, its slices differ in size, orientation or pixel spacing,
            or a slice lacks, lies twice at a place, or lies off the even line.
    """

    def __init__(self, path: Path) -> None:
        files = [_read_tags(file) for file in sorted(path.iterdir()) if _is_dicom(file)]
        if not files:
            raise ValueError(f"{path}: no DICOM images in this folder")
        _check_alike(files, path)
        first = files[0]
        across = np.cross(first.orientation[:3], first.orientation[3:])
        files.sort(key=lambda file: float(across @ file.position))
        step = _step(files, across, path)

        affine = np.eye(4)
        affine[:3, 0] = np.array(first.orientation[:3]) * first.pixel_spacing[1]
        affine[:3, 1] = np.array(first.orientation[3:]) * first.pixel_spacing[0]
        affine[:3, 2] = step
        affine[:3, 3] = files[0].position
        super().__init__(path, (*first.size, len(files)), LPS_TO_RAS @ affine)
        self._files = [file.path for file in files]

    def _decode(self, axis: int, index: int) -> np.ndarray:
        if axis == 2:
            return self._read(index)
        return np.stack([np.take(self._read(k), index, axis) for k in range(self.shape[2])], axis=1)

    def _read(self, index: int) -> np.ndarray:
        import itk

        path = self._files[index]
        reader = itk.ImageFileReader[itk.Image[itk.F, 2]].New(FileName=str(path), ImageIO=itk.GDCMImageIO.New())
        try:
            reader.Update()
        except RuntimeError as error:
            raise ValueError(f"{path}: {_reason(error)}") from error
        return itk.array_from_image(reader.GetOutput()).T


def _is_dicom(path: Path) -> bool:
    if not path.is_file() or path.name.upper() == "DICOMDIR":
        return False
    with path.open("rb") as file:
        return path.suffix.lower() == ".dcm" or file.read(_PREAMBLE + len(_MAGIC))[_PREAMBLE:] == _MAGIC


def _read_tags(path: Path) -> _SliceFile:
    import itk

    io = itk.GDCMImageIO.New()
    io.SetFileName(str(path))
    try:
        io.ReadImageInformation()
    except RuntimeError as error:
        raise ValueError(f"{path}: not a readable DICOM image: {_reason(error)}") from error
    tags = io.GetMetaDataDictionary()
    if (_values(tags, "0028|0002", path), _values(tags, "0028|0008", path, "1")) != ((1.0,), (1.0,)):
        raise ValueError(f"{path}: expected a grey image of one frame")
    rows, columns = _values(tags, "0028|0010", path)[0], _values(tags, "0028|0011", path)[0]
    return _SliceFile(
        path=path,
        position=np.array(_values(tags, "0020|0032", path, count=3)),
        series=str(tags["0020|000e"]).strip("\0 ") if tags.HasKey("0020|000e") else "",
        size=(int(columns), int(rows)),
        orientation=_values(tags, "0020|0037", path, count=6),
        pixel_spacing=_values(tags, "0028|0030", path, count=2),
        thickness=_values(tags, "0018|0050", path, "0")[0],
    )


def _values(tags: Any, tag: str, path: Path, default: str = "", count: int = 1) -> tuple[float, ...]:
    text = str(tags[tag]) if tags.HasKey(tag) else default
    try:
        values = tuple(float(value) for value in text.strip("\0 ").split("\\"))
    except ValueError:
        values = ()
    if len(values) != count:
        raise ValueError(f"{path}: expected {count} numbers in DICOM tag ({tag.replace('|', ',')}), got {text!r}")
    return values


def _check_alike(files: list[_SliceFile], path: Path) -> None:
    series = sorted({file.series for file in files})
    if len(series) > 1:
        raise ValueError(f"{path}: expected one series, got {len(series)}: {', '.join(series)}")
    first = files[0]
    for file in files:
        for name in ("size", "orientation", "pixel_spacing"):
            own, expected = getattr(file, name), getattr(first, name)
            if not np.allclose(own, expected, atol=1e-4):
                raise ValueError(f"{file.path}: {name.replace('_', ' ')} {own} differs from {expected} of {first.path}")


def _step(files: list[_SliceFile], across: np.ndarray, path: Path) -> np.ndarray:
    """Vector from a slice to the next one, from files sorted along ``across``."""
    if len(files) == 1:
        if files[0].thickness <= 0:
            raise ValueError(f"{path}: a single slice without a thickness, tag (0018,0050)")
        return across * files[0].thickness
    distances = np.diff([across @ file.position for file in files])
    usual = float(np.median(distances))
    for before, after, distance in zip(files, files[1:], distances, strict=False):
        names = f"{before.path.name} and {after.path.name}"
        if distance < _TOLERANCE * usual or usual <= 0:
            raise ValueError(f"{path}: {names} lie at the same place {after.position.tolist()}")
        if distance > (2 - _TOLERANCE) * usual:
            raise ValueError(
                f"{path}: slices are missing between {names}: {distance:.4g} mm, others are {usual:.4g} mm"
            )
    step = (files[-1].position - files[0].position) / (len(files) - 1)
    for k, file in enumerate(files):
        if np.linalg.norm(files[0].position + k * step - file.position) > _TOLERANCE * usual:
            raise ValueError(f"{path}: slices are unevenly spaced: {file.path.name} at {file.position.tolist()}")
    return step


def _reason(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[-1]
