# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""NRRD volumes: the format's header (https://teem.sourceforge.net/nrrd/format.html) and its raw and gzip data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

import numpy as np

from litemed.images.inflate import InflatedFile
from litemed.images.itk_volume import ItkVolume
from litemed.images.storage import ByteSource, JoinedFiles, PlainFile, StoredArray, beside, numbered_files
from litemed.images.volume import LPS_TO_RAS, Volume

__all__ = ["NrrdVolume", "open_nrrd"]

_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_CODES = {name: code for code, names in _TYPES.items() for name in names}
_BYTE_ORDERS = {"little": "<", "big": ">"}
_TO_RAS = {
    "right-anterior-superior": np.eye(4),
    "ras": np.eye(4),
    "left-anterior-superior": np.diag([-1.0, 1.0, 1.0, 1.0]),
    "las": np.diag([-1.0, 1.0, 1.0, 1.0]),
}
_COLOURS = {"rgb-color": 3, "3-color": 3, "rgba-color": 4, "4-color": 4}
_LONGEST_LINE = 1 << 16
_MM_PER_UNIT = {"": 1.0, "mm": 1.0, "millimeter": 1.0, "um": 0.001, "micron": 0.001, "microns": 0.001, "cm": 10.0}

Header = dict[str, str]


def open_nrrd(path: Path) -> Volume:
    """Open a ``.nrrd`` or ``.nhdr`` file, with data in it, in a file beside it or in many.

    Args:
        path: the file with the header.

    Returns:
        A ``NrrdVolume`` for raw and gzip data, else an ``ItkVolume``.

    Raises:
        ValueError: when it isn't NRRD or isn't a 3D volume, or its data file lies outside its folder.
    """
    with path.open("rb") as file:
        header, listed = _read_header(file, path)
        end = file.tell()
    names = _data_files(path, header, listed)
    files = None if names is None else [beside(path, name) for name in names]
    is_gzip = header["encoding"] in ("gzip", "gz")
    needs_itk = (
        not (is_gzip or header["encoding"] == "raw")
        or bool({"axismins", "axismaxs"} & header.keys())
        or (is_gzip and header.get("byteskip", "0").startswith("-"))
    )
    return ItkVolume(path) if needs_itk else NrrdVolume(path, header, files, end)


class NrrdVolume(Volume):
    """A NRRD volume with raw or gzip data.

    Raw data cost one plane of memory whatever the depth. Gzip data are decoded forward and nothing but the slice is
    kept; a slice of axis 0 or 1 needs all of them decoded. Without a named space, axes are taken as LPS, as ITK does.
    Of a first axis that holds colours, red, green and blue are read.

    Args:
        path: the file with the header.
        header: its fields, names in lower case without blanks.
        files: those with the data; None where they lie behind the header.
        header_end: where the header ends.

    Raises:
        ValueError: for a missing or odd field, or a file cut short.
    """

    def __init__(self, path: Path, header: Header, files: list[Path] | None, header_end: int) -> None:
        try:
            sizes = tuple(int(size) for size in header["sizes"].split())
            code = _CODES[header["type"].lower()]
            order = _BYTE_ORDERS[header["endian"].lower()] if code[1] != "1" else "|"
            skip = int(header.get("byteskip", 0))
            lines = int(header.get("lineskip", 0))
            channels = _channels(header, sizes)
            shape = sizes if channels is None else sizes[1:]
            affine, self.has_spacing = _affine(header, len(shape))
        except KeyError as error:
            raise ValueError(f"{path}: NRRD header has no field, or an unknown value, {error}") from error
        except ValueError as error:
            raise ValueError(f"{path}: bad value in the NRRD header: {error}") from error
        super().__init__(path, shape, affine)
        dtype = np.dtype(order + code)
        dtype = dtype if channels is None else np.dtype((dtype, (channels,)))
        parts = files or [path]
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        if size % len(parts):
            raise ValueError(f"{path}: {size} bytes of voxels can't lie in {len(parts)} files of equal size")
        part_size = size // len(parts)
        starts = [_skip_lines(part, header_end if files is None else 0, lines) for part in parts]
        sources: list[ByteSource]
        if header["encoding"] == "raw":
            offsets = {_raw_offset(*part, skip, part_size) for part in zip(parts, starts, strict=True)}
            sources = [PlainFile(part) for part in parts]
        else:
            offsets = {skip}
            sources = [InflatedFile(part, skip + part_size, start) for part, start in zip(parts, starts, strict=True)]
        if len(offsets) > 1:
            raise ValueError(f"{path}: its data files have heads of several lengths")
        offset = offsets.pop()
        source: ByteSource = sources[0]
        if len(parts) > 1:
            source, offset = JoinedFiles(sources, offset, part_size), 0
        self._array = StoredArray(source, offset, dtype, self.shape)

    def _decode(self, axis: int, index: int) -> np.ndarray:
        pixels = self._array.read_slice(axis, index)
        if pixels.ndim == 2:
            return pixels
        return pixels[..., 0] if pixels.shape[2] == 1 else pixels[..., :3]


def _read_header(file: BinaryIO, path: Path) -> tuple[Header, list[str]]:
    """The fields, and the names of a list of data files."""
    if not file.readline(_LONGEST_LINE).startswith(b"NRRD000"):
        raise ValueError(f"{path}: not a NRRD file: its first line is not NRRD000x")
    header: Header = {}
    for raw in iter(lambda: file.readline(_LONGEST_LINE), b""):
        line = raw.decode("utf-8", "replace").strip()
        if not line:
            break
        name, separator, value = line.partition(":")
        if line.startswith("#") or value.startswith("="):
            continue
        if not separator:
            raise ValueError(f"{path}: not a NRRD header line: {line[:60]!r}")
        header[name.strip().lower().replace(" ", "")] = value.strip()
        if header.get("datafile", "").split()[:1] == ["LIST"]:
            break
    if missing := {"dimension", "sizes", "type", "encoding"} - header.keys():
        raise ValueError(f"{path}: NRRD header lacks {', '.join(sorted(missing))}")
    header["encoding"] = header["encoding"].lower()
    listed: list[str] = []
    if header.get("datafile", "").split()[:1] == ["LIST"]:
        listed = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
        if not listed:
            raise ValueError(f"{path}: its list of data files is empty")
    return header, listed


def _data_files(path: Path, header: Header, listed: list[str]) -> list[str] | None:
    if listed or "datafile" not in header:
        return listed or None
    words = header["datafile"].split()
    if "%" not in words[0] or len(words) < 4:
        return [header["datafile"]]
    try:
        return numbered_files(words[0], *map(int, words[1:4]))
    except ValueError as error:
        raise ValueError(f"{path}: bad data files in the NRRD header: {error}") from error


def _channels(header: Header, sizes: tuple[int, ...]) -> int | None:
    """Numbers at a voxel, of a first axis that isn't one of space."""
    kinds = header.get("kinds", "").lower().split()
    is_vector = header.get("spacedirections", "").lower().startswith("none") or kinds[:1] in (["vector"], ["list"])
    if len(sizes) < 3 or not (is_vector or (kinds and kinds[0] in _COLOURS)):
        return None
    if sizes[0] not in (1, 3, 4):
        raise ValueError(f"expected grey voxels or colours, got {sizes[0]} numbers at each")
    return sizes[0]


def _affine(header: Header, dims: int) -> tuple[np.ndarray, bool]:
    """RAS affine of the first three axes, and whether their spacing is given."""
    affine = np.eye(4)
    has_spacing = True
    axes = min(dims, 3)
    if "spacedirections" in header:
        vectors = [_vector(text)[:3] for text in re.findall(r"\(([^)]*)\)", header["spacedirections"])][:axes]
        if len(vectors) < axes:
            raise ValueError(f"expected {axes} space directions, got {header['spacedirections']}")
        affine[:3, :axes] = 0
        for axis, vector in enumerate(vectors):
            affine[: len(vector), axis] = vector
    elif "spacings" in header:
        given = np.array([float(value) for value in header["spacings"].split()])[-dims:][:axes]
        has_spacing = bool(np.isfinite(given).all())
        affine[range(axes), range(axes)] = np.where(np.isfinite(given), given, 1.0)
    else:
        has_spacing = False
    if "spaceorigin" in header:
        origin = _vector(header["spaceorigin"].strip("()"))[:3]
        affine[: len(origin), 3] = origin
    units = re.findall(r'"([^"]*)"', header.get("spaceunits", ""))[:3] or [""] * 3
    scale = np.diag([*(_MM_PER_UNIT[unit.lower()] for unit in [*units, "", ""][:3]), 1.0])
    space = header.get("space", "").lower().removesuffix("-time")
    return _TO_RAS.get(space, LPS_TO_RAS) @ scale @ affine, has_spacing


def _vector(text: str) -> list[float]:
    return [float(value) for value in text.split(",")]


def _skip_lines(path: Path, start: int, count: int) -> int:
    """Where a file's data begin after so many lines."""
    if count < 0:
        raise ValueError(f"{path}: expected lines to skip from 0, got {count}")
    with path.open("rb") as file:
        file.seek(start)
        for _ in range(count):
            if not file.readline():
                raise ValueError(f"{path}: truncated: it has fewer than {count} lines to skip")
        return file.tell()


def _raw_offset(path: Path, start: int, skip: int, size: int) -> int:
    """Where raw data begin; a skip below 0 counts from the file's end, -1 for data that end with it."""
    offset = start + skip if skip >= 0 else path.stat().st_size - size + skip + 1
    if offset < start:
        raise ValueError(
            f"{path}: truncated, or a wrong byte skip of {skip}: expected {size} bytes of voxels after the header"
        )
    return offset
