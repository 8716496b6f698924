# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""MetaImage volumes: the format's header (https://itk.org/Wiki/ITK/MetaIO/Documentation) and its data."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from litemed.images.inflate import InflatedFile
from litemed.images.itk_volume import ItkVolume
from litemed.images.storage import ByteSource, JoinedFiles, PlainFile, StoredArray, beside, numbered_files
from litemed.images.volume import LPS_TO_RAS, Volume

__all__ = ["MetaImageVolume", "open_metaimage"]

_TYPES = {
    "CHAR": "i1",
    "ASCII_CHAR": "i1",
    "UCHAR": "u1",
    "SHORT": "i2",
    "USHORT": "u2",
    "INT": "i4",
    "UINT": "u4",
    "LONG": "i4",
    "ULONG": "u4",
    "LONG_LONG": "i8",
    "ULONG_LONG": "u8",
    "FLOAT": "f4",
    "DOUBLE": "f8",
}
_LONGEST_LINE = 1 << 16

Header = dict[str, str]


def open_metaimage(path: Path) -> Volume:
    """Open a ``.mha`` or ``.mhd`` file, with data in it, in a file beside it or in many.

    Args:
        path: the file with the header.

    Returns:
        A ``MetaImageVolume``, or an ``ItkVolume`` for data that are text.

    Raises:
        ValueError: when it isn't MetaImage or isn't a 3D volume, or its data file lies outside its folder.
    """
    with path.open("rb") as file:
        header, listed = _read_header(file, path)
        end = file.tell()
    names = _data_files(path, header["ElementDataFile"], listed)
    files = None if names is None else [beside(path, name) for name in names]
    if not _is_true(header, "BinaryData", "True"):
        return ItkVolume(path)
    return MetaImageVolume(path, header, files, end)


class MetaImageVolume(Volume):
    """A MetaImage volume of binary data.

    Raw data cost one plane of memory whatever the depth. Compressed data are decoded forward and nothing but the slice
    is kept; a slice of axis 0 or 1 needs all of them decoded.

    Args:
        path: the file with the header.
        header: its fields.
        files: those with the data; None where they lie behind the header.
        header_end: where the header ends.

    Raises:
        ValueError: for a missing or odd field, or a file cut short.
    """

    def __init__(self, path: Path, header: Header, files: list[Path] | None, header_end: int) -> None:
        try:
            shape = tuple(int(size) for size in header["DimSize"].split())
            code = _TYPES[header["ElementType"].removeprefix("MET_").removesuffix("_ARRAY")]
            skip = int(header.get("HeaderSize", 0))
            channels = int(header.get("ElementNumberOfChannels", 1))
            affine, self.has_spacing = _affine(header, len(shape))
        except KeyError as error:
            raise ValueError(f"{path}: MetaImage header has no field, or an unknown value, {error}") from error
        except ValueError as error:
            raise ValueError(f"{path}: bad value in the MetaImage header: {error}") from error
        if channels not in (1, 3, 4):
            raise ValueError(f"{path}: expected grey voxels or colours, got {channels} numbers at each")
        super().__init__(path, shape, affine)
        is_big = _is_true(header, "BinaryDataByteOrderMSB", header.get("ElementByteOrderMSB", "False"))
        dtype = np.dtype((">" if is_big else "<") + code)
        dtype = dtype if channels == 1 else np.dtype((dtype, (channels,)))
        parts = files or [path]
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        if size % len(parts):
            raise ValueError(f"{path}: {size} bytes of voxels can't lie in {len(parts)} files of equal size")
        part_size, start = size // len(parts), header_end if files is None else 0
        sources: list[ByteSource]
        if _is_true(header, "CompressedData"):
            offset, sources = 0, [InflatedFile(part, part_size, start) for part in parts]
        else:
            # a head's size counts from the start of the file, -1 stands for data that end with it
            offset = parts[0].stat().st_size - part_size if skip < 0 else skip or start
            if offset < start:
                raise ValueError(f"{path}: truncated, or its HeaderSize of {skip} leads into the header")
            sources = [PlainFile(part) for part in parts]
        source: ByteSource = sources[0]
        if len(parts) > 1:
            source, offset = JoinedFiles(sources, offset, part_size), 0
        self._array = StoredArray(source, offset, dtype, self.shape)

    def _decode(self, axis: int, index: int) -> np.ndarray:
        pixels = self._array.read_slice(axis, index)
        return pixels[..., :3] if pixels.ndim == 3 else pixels


def _read_header(file: BinaryIO, path: Path) -> tuple[Header, list[str]]:
    """The fields, and the names of a list of data files."""
    header: Header = {}
    while "ElementDataFile" not in header:
        line = file.readline(_LONGEST_LINE).decode("utf-8", "replace")
        name, separator, value = line.partition("=")
        if not separator:
            raise ValueError(f"{path}: not a MetaImage header line: {line.strip()[:60]!r}")
        header[name.strip()] = value.strip()
    if header.get("ObjectType", "Image").lower() != "image" or {"DimSize", "ElementType"} - header.keys():
        raise ValueError(f"{path}: expected a MetaImage with DimSize and ElementType, got {', '.join(header)[:200]}")
    listed: list[str] = []
    if header["ElementDataFile"].split()[:1] == ["LIST"]:
        listed = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
        if not listed:
            raise ValueError(f"{path}: its list of data files is empty")
    return header, listed


def _data_files(path: Path, value: str, listed: list[str]) -> list[str] | None:
    words = value.split()
    if listed or value.upper() == "LOCAL":
        return listed or None
    if not words or "%" not in words[0] or len(words) < 3:
        return [value]
    try:
        numbers = [int(word) for word in words[1:4]]
        return numbered_files(words[0], numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 1)
    except ValueError as error:
        raise ValueError(f"{path}: bad data files in the MetaImage header: {error}") from error


def _is_true(header: Header, name: str, default: str = "False") -> bool:
    return header.get(name, default).lower()[:1] in ("t", "1")


def _affine(header: Header, dims: int) -> tuple[np.ndarray, bool]:
    """RAS affine of the first three axes, and whether their spacing is given."""

    def numbers(names: tuple[str, ...], default: np.ndarray) -> np.ndarray:
        text = next((header[name] for name in names if name in header), None)
        values = default if text is None else np.array([float(value) for value in text.split()])
        if values.size != default.size:
            raise ValueError(f"expected {default.size} numbers as {names[0]}, got {text!r}")
        return values

    axes = min(dims, 3)
    spacing = numbers(("ElementSpacing", "ElementSize"), np.ones(dims))
    origin = numbers(("Offset", "Position", "Origin"), np.zeros(dims))
    directions = numbers(("TransformMatrix", "Rotation", "Orientation"), np.eye(dims).ravel()).reshape(dims, dims).T
    affine = np.eye(4)
    affine[:axes, :axes] = (directions * spacing)[:axes, :axes]
    affine[:axes, 3] = origin[:axes]
    return LPS_TO_RAS @ affine, bool({"ElementSpacing", "ElementSize"} & header.keys())
