# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""NRRD volumes: the format's header (https://teem.sourceforge.net/nrrd/format.html) and its raw and gzip data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

import numpy as np

from litemed.images.inflate import InflatedFile
from litemed.images.storage import ByteSource, PlainFile, StoredArray
from litemed.images.volume import LPS_TO_RAS, Volume

__all__ = ["ItkVolume", "NrrdVolume", "open_nrrd"]

_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": (
        "longlong",
        "long long",
        "long long int",
        "signed long long",
        "signed long long int",
        "int64",
        "int64_t",
    ),
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
_MM_PER_UNIT = {"": 1.0, "mm": 1.0, "millimeter": 1.0, "um": 0.001, "micron": 0.001, "microns": 0.001, "cm": 10.0}

Header = dict[str, str]


def open_nrrd(path: Path) -> Volume:
    """Open a ``.nrrd`` or ``.nhdr`` file, with data in it or beside it.

    Args:
        path: the file with the header.

    Returns:
        A ``NrrdVolume`` for raw and gzip data in one file, else an ``ItkVolume``.

    Raises:
        ValueError: when it isn't NRRD or isn't a 3D volume.
    """
    with path.open("rb") as file:
        header = _read_header(file, path)
        end = file.tell()
    detached = header.get("datafile", "")
    is_one_file = not (detached.startswith("LIST") or "%" in detached)
    is_plain = header["encoding"] in ("raw", "gzip", "gz") and not {"lineskip", "axismins"} & header.keys()
    return NrrdVolume(path, header, end) if is_one_file and is_plain else ItkVolume(path)


class NrrdVolume(Volume):
    """A NRRD volume with raw or gzip data in one file.

    Raw data cost one plane of memory whatever the depth. Gzip data are decoded forward and nothing but the slice is
    kept; a slice of axis 0 or 1 needs all of them decoded. Without a named space, axes are taken as LPS, as ITK does.

    Args:
        path: the file with the header.
        header: its fields, names in lower case without blanks.
        header_end: where attached data begin.

    Raises:
        ValueError: for a missing or odd field, or a file cut short.
    """

    def __init__(self, path: Path, header: Header, header_end: int) -> None:
        try:
            shape = tuple(int(size) for size in header["sizes"].split())
            code = _CODES[header["type"].lower()]
            order = _BYTE_ORDERS[header["endian"].lower()] if code[1] != "1" else "|"
            skip = int(header.get("byteskip", 0))
            affine = _affine(header) if len(shape) == 3 else np.eye(4)
        except KeyError as error:
            raise ValueError(f"{path}: NRRD header has no field, or an unknown value, {error}") from error
        except ValueError as error:
            raise ValueError(f"{path}: bad value in the NRRD header: {error}") from error
        super().__init__(path, shape, affine)
        dtype = np.dtype(order + code)
        data, start = (path.parent / header["datafile"], 0) if "datafile" in header else (path, header_end)
        if not data.is_file():
            raise FileNotFoundError(f"{path}: its data file {data} does not exist")
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        source: ByteSource
        if header["encoding"] == "raw":
            source = PlainFile(data)
            offset = data.stat().st_size - size if skip == -1 else start + skip
        else:
            source = InflatedFile(data, skip + size, start)
            offset = skip
        if offset < 0:
            raise ValueError(f"{data}: truncated: expected {size} bytes of voxels, got {data.stat().st_size} in all")
        self._array = StoredArray(source, offset, dtype, self.shape)

    def _decode(self, axis: int, index: int) -> np.ndarray:
        return self._array.read_slice(axis, index)


class ItkVolume(Volume):
    """A volume that ITK reads, for data in text or in many files: every slice costs decoding it all.

    Args:
        path: the file.

    Raises:
        ValueError: when ITK cannot read it, or it isn't a 3D volume of scalars.
    """

    def __init__(self, path: Path) -> None:
        import itk

        try:
            image = itk.imread(str(path))
        except RuntimeError as error:
            raise ValueError(f"{path}: ITK cannot read it: {str(error).strip().splitlines()[-1]}") from error
        shape = itk.array_view_from_image(image).shape[::-1]
        affine = np.eye(4)
        if len(shape) == 3:
            affine[:3, :3] = itk.array_from_matrix(image.GetDirection()) * np.asarray(image.GetSpacing())
            affine[:3, 3] = image.GetOrigin()
        super().__init__(path, shape, LPS_TO_RAS @ affine)

    def _decode(self, axis: int, index: int) -> np.ndarray:
        import itk

        return np.take(itk.array_from_image(itk.imread(str(self.path))).T, index, axis)


def _read_header(file: BinaryIO, path: Path) -> Header:
    if not file.readline().startswith(b"NRRD000"):
        raise ValueError(f"{path}: not a NRRD file: its first line is not NRRD000x")
    header: Header = {}
    for raw in iter(file.readline, b""):
        line = raw.decode("utf-8", "replace").strip()
        if not line:
            break
        name, separator, value = line.partition(":")
        if line.startswith("#") or value.startswith("="):
            continue
        if not separator:
            raise ValueError(f"{path}: not a NRRD header line: {line[:60]!r}")
        header[name.strip().lower().replace(" ", "")] = value.strip()
    if missing := {"dimension", "sizes", "type", "encoding"} - header.keys():
        raise ValueError(f"{path}: NRRD header lacks {', '.join(sorted(missing))}")
    header["encoding"] = header["encoding"].lower()
    return header


def _affine(header: Header) -> np.ndarray:
    affine = np.eye(4)
    if "spacedirections" in header:
        vectors = [_vector(text) for text in re.findall(r"\(([^)]*)\)", header["spacedirections"])]
        affine[:3, :3] = np.array(vectors).T
    else:
        affine[:3, :3] = np.diag([float(value) for value in header["spacings"].split()])
    if "spaceorigin" in header:
        affine[:3, 3] = _vector(header["spaceorigin"].strip("()"))
    units = re.findall(r'"([^"]*)"', header.get("spaceunits", '"mm" "mm" "mm"'))
    scale = np.diag([*(_MM_PER_UNIT[unit.lower()] for unit in units), 1.0])
    return _TO_RAS.get(header.get("space", "").lower(), LPS_TO_RAS) @ scale @ affine


def _vector(text: str) -> list[float]:
    return [float(value) for value in text.split(",")]
