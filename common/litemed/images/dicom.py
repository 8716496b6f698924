# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""DICOM: a file of one frame or many, the folder of a series, or of a study."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from litemed.images.names import is_dicom
from litemed.images.volume import LPS_TO_RAS, Volume

__all__ = ["DicomVolume", "Series", "list_series"]

_TOLERANCE = 0.1  # of a slice's distance to the next
_TAGS = (
    "SOPClassUID SOPInstanceUID SeriesInstanceUID SeriesNumber SeriesDescription Modality ImageType Rows Columns "
    "NumberOfFrames SamplesPerPixel PhotometricInterpretation ImagePositionPatient ImageOrientationPatient "
    "PixelSpacing ImagerPixelSpacing SliceThickness SpacingBetweenSlices RescaleSlope RescaleIntercept "
    "ModalityLUTSequence SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence DetectorInformationSequence "
    "SequenceOfUltrasoundRegions RedPaletteColorLookupTableDescriptor"
).split()
_NO_IMAGES = ("SEG", "RTDOSE")
"""Modalities whose objects have pixels, but aren't images of the patient."""
_MM_PER_UNIT = {3: 10.0}  # of an ultrasound region: centimetres


class Series(NamedTuple):
    """A series of images in a folder.

    Attributes:
        uid: SeriesInstanceUID.
        number: SeriesNumber, "" where there is none.
        description: SeriesDescription.
        modality: such as CT.
        images: how many frames there are.
        size: columns and rows.
        files: with its images.
    """

    uid: str
    number: str
    description: str
    modality: str
    images: int
    size: tuple[int, int]
    files: tuple[Path, ...]

    def __str__(self) -> str:
        parts = [self.modality, f"{self.images} of {self.size[0]}x{self.size[1]}", self.description, self.uid]
        return f"{self.number or '-'} ({', '.join(part for part in parts if part)})"


class _Frame(NamedTuple):
    path: Path
    number: int  # in the file, from 0
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing: tuple[float, ...] | None
    size: tuple[int, int]
    channels: int
    thickness: float
    slope: float
    intercept: float


class _File(NamedTuple):
    """What is kept of a file's tags."""

    path: Path
    series: str
    number: str
    description: str
    modality: str
    size: tuple[int, int]
    is_localizer: bool
    is_white_zero: bool
    has_palette: bool
    has_table: bool
    frames: tuple[_Frame, ...]
    problem: str  # where the tags of frames can't be understood


class DicomVolume(Volume):
    """One series of DICOM images, or one file of one or many frames: MR, CT and others, single-frame or enhanced.

    Slices are sorted along the image plane's normal by their positions, and their rescale slope and intercept, or
    their table, are applied. A tilted gantry gives a sheared affine. Where 0 is white (MONOCHROME1), rescaled values
    are turned over within their range, for which all of them are read once. Frames without a position, as in a film of
    ultrasound, lie in their order at an unknown distance. Colours are read as red, green and blue.

    Objects without pixels, localizers beside other images and files that aren't DICOM are passed over. A slice of axis
    2 costs one frame; one of axis 0 or 1 decodes every frame, one after the other.

    Args:
        path: the file, or the folder; folders in it are searched too.
        series: UID or number of the series to read, where there are several.

    Raises:
        ImportError: when pydicom isn't installed.
        ValueError: when there is no series, none or several that fit, its slices differ in size, orientation or pixel
            spacing, or a slice lacks, lies twice at a place, or lies off the even line.
    """

    def __init__(self, path: Path, series: str | int | None = None) -> None:
        files, own_name = _chosen(path, _read_files(path), series)
        if problem := next((file.problem for file in files if file.problem), None):
            raise ValueError(problem)
        frames = [frame for file in files for frame in file.frames]
        self._has_table = any(file.has_table for file in files)
        self._is_white_zero = files[0].is_white_zero
        self._has_palette = files[0].has_palette
        self._sum: float | None = None
        _check_alike(frames)
        affine, frames = _geometry(path, frames)
        super().__init__(path, (*frames[0].size, len(frames)), LPS_TO_RAS @ affine)
        self._frames = frames
        self.series = own_name
        has_depth = len(frames) > 1 or frames[0].thickness > 0
        self.has_spacing = has_depth and frames[0].pixel_spacing is not None and frames[0].position is not None

    @property
    def frame_places(self) -> list[tuple[Path, int]]:
        """For each slice its file, and which of the file's frames it is, from 0."""
        return [(frame.path, frame.number) for frame in self._frames]

    def _decode(self, axis: int, index: int) -> np.ndarray:
        if axis == 2:
            return self._read(index)
        return np.stack([np.take(self._read(k), index, axis) for k in range(self.shape[2])], axis=1)

    def _read(self, index: int) -> np.ndarray:
        values = self._rescaled(index)
        if not self._is_white_zero:
            return values
        if self._sum is None:
            ranges = [(values.min(), values.max()) for values in map(self._rescaled, range(self.shape[2]))]
            self._sum = float(min(low for low, _ in ranges)) + float(max(high for _, high in ranges))
        return (self._sum - values).astype(np.float32)

    def _rescaled(self, index: int) -> np.ndarray:
        from pydicom import dcmread
        from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array

        frame = self._frames[index]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pixels = np.asarray(pixel_array(frame.path, index=frame.number))
                if self._has_table:
                    pixels = apply_modality_lut(pixels, dcmread(frame.path, stop_before_pixels=True, force=True))
                elif self._has_palette:
                    tables = dcmread(frame.path, stop_before_pixels=True, force=True)
                    pixels = np.round(apply_color_lut(pixels, tables) / 257).astype(np.uint8)
        except Exception as error:  # decoders raise anything for damaged frames
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise ValueError(f"{frame.path}: frame {frame.number} can't be decoded: {lines[0]}") from error
        pixels = pixels.swapaxes(0, 1)
        if self._has_table or (frame.slope, frame.intercept) == (1.0, 0.0):
            return pixels
        return (pixels * frame.slope + frame.intercept).astype(np.float32)


def list_series(path: str | os.PathLike[str]) -> list[Series]:
    """The series of images in a folder and the folders in it, by their numbers.

    Raises:
        ImportError: when pydicom isn't installed.
        ValueError: when there are no DICOM images, or a file can't be read.
    """
    return _told(_by_series(_read_files(Path(path))))


def _told(found: dict[str, list[_File]]) -> list[Series]:
    series = [
        Series(
            uid,
            files[0].number,
            files[0].description,
            files[0].modality,
            sum(len(file.frames) for file in files),
            files[0].size,
            tuple(file.path for file in files),
        )
        for uid, files in found.items()
    ]
    return sorted(series, key=lambda each: (int(each.number) if each.number.isdecimal() else -1, each.uid))


def _read_files(path: Path) -> list[_File]:
    """Files with images."""
    try:
        from pydicom import dcmread
    except ImportError as error:
        raise ImportError(f'{path}: DICOM needs the package pydicom: pip install "litemed[dicom]"') from error
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if is_dicom(file))
    found: dict[str, _File] = {}
    for file in files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tags = dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS), force=True)
                if "SOPClassUID" not in tags:
                    raise ValueError("it has no SOP class")
        except Exception as error:  # damaged files raise anything
            raise ValueError(f"{file}: not a readable DICOM image: {error}") from error
        if "Rows" in tags and "Columns" in tags and (path.is_file() or tags.get("Modality") not in _NO_IMAGES):
            found.setdefault(str(tags.get("SOPInstanceUID") or file), _as_file(file, tags))
    if not found:
        raise ValueError(f"{path}: no DICOM images " + ("in this folder" if path.is_dir() else "in this file"))
    return list(found.values())


def _as_file(path: Path, tags: Any) -> _File:
    frames: tuple[_Frame, ...] = ()
    problem = ""
    try:
        frames = tuple(_frames(path, tags))
    except ValueError as error:
        problem = str(error)
    return _File(
        path=path,
        series=str(tags.get("SeriesInstanceUID", "")),
        number=str(_value(tags, "SeriesNumber", "")),
        description=str(_value(tags, "SeriesDescription", "")).strip(),
        modality=str(_value(tags, "Modality", "")),
        size=(int(tags.Columns), int(tags.Rows)),
        is_localizer="LOCALIZER" in [str(value).upper() for value in tags.get("ImageType") or []],
        is_white_zero=tags.get("PhotometricInterpretation") == "MONOCHROME1",
        has_palette="RedPaletteColorLookupTableDescriptor" in tags,
        has_table="ModalityLUTSequence" in tags,
        frames=frames,
        problem=problem,
    )


def _by_series(files: list[_File]) -> dict[str, list[_File]]:
    """Files by series: localizers, and series without a place, such as screenshots, only where all are such."""
    found: dict[str, list[_File]] = {}
    for file in [file for file in files if not file.is_localizer] or files:
        found.setdefault(file.series, []).append(file)

    def is_placed(file: _File) -> bool:
        return bool(file.problem) or any(frame.position is not None for frame in file.frames)

    return {series: own for series, own in found.items() if any(map(is_placed, own))} or found


def _chosen(path: Path, files: list[_File], series: str | int | None) -> tuple[list[_File], str | None]:
    """The files of a series, and where there are several, its number, or its UID if others have the same number."""
    found = _by_series(files)
    told = "; ".join(map(str, _told(found)))
    numbers = [own[0].number for own in found.values()] if len(found) > 1 else []
    if series is not None:
        found = {uid: own for uid, own in found.items() if str(series) in (uid, _plain(uid), own[0].number)}
    if len(found) == 1:
        ((uid, own),) = found.items()
        number = own[0].number
        is_alone = number.isdecimal() and numbers.count(number) == 1
        return own, (number if is_alone else _plain(uid)) if numbers else None
    if series is None:
        raise ValueError(f"{path}: expected one series, got {len(found)}: choose one by its number or UID: {told}")
    raise ValueError(f"{path}: expected a series {series}, found {len(found) or 'none'} of it among: {told}")


def _plain(uid: str) -> str:
    """A UID without what file names can't have, which no sound one has either."""
    return re.sub(r"[^\w.]", "-", uid)


def _value(tags: Any, name: str, default: Any) -> Any:
    value = tags.get(name)
    return default if value is None or value == "" else value


def _frames(path: Path, tags: Any) -> Iterator[_Frame]:
    """The frames of a file, with what its functional groups say of each."""
    shared = _item(tags, "SharedFunctionalGroupsSequence")
    each = tags.get("PerFrameFunctionalGroupsSequence") or []
    detector = _item(tags, "DetectorInformationSequence")
    count = int(_value(tags, "NumberOfFrames", 1))
    if each and len(each) != count:
        raise ValueError(f"{path}: expected {count} functional groups of frames, got {len(each)}")
    between = _number(path, tags, "SpacingBetweenSlices") or _number(path, tags, "SliceThickness")
    for index in range(count):
        groups = [each[index] if each else None, shared]

        def found(sequence: str, name: str, length: int, groups: Any = groups) -> tuple[float, ...] | None:
            places = [_item(group, sequence) for group in groups] + [tags, detector]
            values = [_numbers(path, place, name, length) for place in places if place is not None]
            return next((value for value in values if value is not None), None)

        measures = "PixelMeasuresSequence"
        spacing = found(measures, "PixelSpacing", 2) or _numbers(path, tags, "ImagerPixelSpacing", 2) or _region(tags)
        position = found("PlanePositionSequence", "ImagePositionPatient", 3)
        orientation = found("PlaneOrientationSequence", "ImageOrientationPatient", 6)
        if position is not None and orientation is not None and count > 1 and not each:
            across = np.cross(orientation[:3], orientation[3:])
            position = tuple((np.array(position) + index * between * across).tolist()) if between else None
        values = "PixelValueTransformationSequence"
        yield _Frame(
            path=path,
            number=index,
            position=position,
            orientation=orientation,
            pixel_spacing=spacing,
            size=(int(tags.Columns), int(tags.Rows)),
            channels=int(_value(tags, "SamplesPerPixel", 1)),
            thickness=(found(measures, "SliceThickness", 1) or (0.0,))[0],
            slope=(found(values, "RescaleSlope", 1) or (1.0,))[0],
            intercept=(found(values, "RescaleIntercept", 1) or (0.0,))[0],
        )


def _item(tags: Any, name: str) -> Any:
    """First item of a sequence, or None."""
    sequence = None if tags is None else tags.get(name)
    return sequence[0] if sequence else None


def _numbers(path: Path, tags: Any, name: str, length: int) -> tuple[float, ...] | None:
    value = tags.get(name)
    if value is None or value == "":
        return None
    try:
        numbers = tuple(float(each) for each in (value if length > 1 else [value]))
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != length or not np.isfinite(numbers).all():
        raise ValueError(f"{path}: expected {length} numbers as {name}, got {value!r}")
    return numbers


def _number(path: Path, tags: Any, name: str) -> float:
    return (_numbers(path, tags, name, 1) or (0.0,))[0]


def _region(tags: Any) -> tuple[float, ...] | None:
    """Distance of rows and of columns in mm by an ultrasound image's first region."""
    region = _item(tags, "SequenceOfUltrasoundRegions")
    if region is None or region.get("PhysicalUnitsXDirection") not in _MM_PER_UNIT:
        return None
    scale = _MM_PER_UNIT[region.PhysicalUnitsXDirection]
    return abs(float(region.PhysicalDeltaY)) * scale, abs(float(region.PhysicalDeltaX)) * scale


def _check_alike(frames: list[_Frame]) -> None:
    first = frames[0]
    for frame in frames:
        for name in ("size", "channels", "orientation", "pixel_spacing"):
            own, expected = getattr(frame, name), getattr(first, name)
            if (own is None) != (expected is None) or (own is not None and not np.allclose(own, expected, atol=1e-4)):
                raise ValueError(
                    f"{frame.path}: {name.replace('_', ' ')} {own} differs from {expected} of {first.path}"
                )


def _geometry(path: Path, frames: list[_Frame]) -> tuple[np.ndarray, list[_Frame]]:
    """LPS affine, and the frames in their order."""
    first = frames[0]
    orientation = np.array(first.orientation or (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    row_spacing, column_spacing = first.pixel_spacing or (1.0, 1.0)
    across = np.cross(orientation[:3], orientation[3:])
    affine = np.eye(4)
    affine[:3, :3] = np.stack([orientation[:3] * column_spacing, orientation[3:] * row_spacing, across], axis=1)
    if lost := next((frame for frame in frames if frame.position is None or frame.orientation is None), None):
        if len({frame.path for frame in frames}) > 1:
            raise ValueError(f"{lost.path}: it doesn't say where it lies among the {len(frames)} slices of its series")
        return affine, frames
    frames = sorted(frames, key=lambda frame: float(across @ np.array(frame.position)))
    affine[:3, 2] = _step(frames, across, path)
    affine[:3, 3] = frames[0].position
    return affine, frames


def _step(frames: list[_Frame], across: np.ndarray, path: Path) -> np.ndarray:
    """Vector from a slice to the next one, from frames sorted along ``across``."""
    if len(frames) == 1:
        return across * (frames[0].thickness if frames[0].thickness > 0 else 1.0)
    positions = [np.array(frame.position) for frame in frames]
    distances = np.diff([across @ position for position in positions])
    usual = float(np.median(distances))
    for before, after, distance in zip(frames, frames[1:], distances, strict=False):
        names = f"{_name(before)} and {_name(after)}"
        if distance < _TOLERANCE * usual or usual <= 0:
            raise ValueError(f"{path}: {names} lie at the same place {list(after.position or ())}")
        if distance > (2 - _TOLERANCE) * usual:
            raise ValueError(
                f"{path}: slices are missing between {names}: {distance:.4g} mm, others are {usual:.4g} mm"
            )
    step = (positions[-1] - positions[0]) / (len(frames) - 1)
    for k, (frame, position) in enumerate(zip(frames, positions, strict=True)):
        if np.linalg.norm(positions[0] + k * step - position) > _TOLERANCE * usual:
            raise ValueError(f"{path}: slices are unevenly spaced: {_name(frame)} at {position.tolist()}")
    return step


def _name(frame: _Frame) -> str:
    return frame.path.name + (f" frame {frame.number}" if frame.number else "")
