# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Volumes in ``.npz`` archives of the MedSAM challenge's form."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from litemed.images.inflate import RAW_DEFLATE, InflatedFile
from litemed.images.storage import ByteSource, PlainFile, StoredArray
from litemed.images.volume import LPS_TO_RAS, Volume

__all__ = ["NpzVolume"]

_LOCAL_HEADER = struct.Struct("<26xHH")
_HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class NpzVolume(Volume):
    """An array (D, H, W) or (D, H, W, 3) of an archive that also holds ``spacing``, x, y, z in mm.

    The volume's axes are x, y, z, that is (W, H, D). The form keeps no orientation: axes are taken as LPS with the
    origin at the first voxel. From an archive of ``numpy.savez`` a slice costs one plane of memory; one of
    ``savez_compressed`` is decoded forward and nothing but the slice is kept. Pickled objects are never loaded.

    Args:
        path: the archive.
        key: name of the array: ``"imgs"``, or ``"gts"`` for labels.

    Raises:
        ValueError: when it isn't such an archive, or the array isn't 3D.
    """

    def __init__(self, path: Path, key: str = "imgs") -> None:
        try:
            with zipfile.ZipFile(path) as archive:
                stored_shape, is_fortran, dtype, header_size, member = _array_header(archive, key, path)
            spacing = _spacing(path)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise ValueError(f"{path}: not a readable npz archive: {error}") from error
        is_colour = len(stored_shape) == 4 and stored_shape[3] == 3 and not is_fortran
        shape = stored_shape[:3][::-1] if is_colour else stored_shape[::-1]
        if len(shape) != 3:
            raise ValueError(f"{path}: expected a 3D volume, got shape {tuple(shape)}")
        super().__init__(path, shape, LPS_TO_RAS @ np.diag([*spacing, 1.0]))
        if is_colour:
            dtype = np.dtype((dtype, (3,)))
        self._is_reversed = is_fortran
        self.slowest_axis = 0 if is_fortran else 2

        size = dtype.itemsize * int(np.prod(self.shape, dtype=np.int64))
        if member.file_size < header_size + size:
            raise ValueError(f"{path}: array {key!r} is truncated: {member.file_size} bytes for shape {stored_shape}")
        with path.open("rb") as file:
            file.seek(member.header_offset)
            start = file.tell() + _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size)))
        source: ByteSource
        if member.compress_type == zipfile.ZIP_STORED:
            source, offset = PlainFile(path), start + header_size
        else:
            source, offset = InflatedFile(path, header_size + size, start, RAW_DEFLATE), header_size
        self._array = StoredArray(source, offset, dtype, self.shape[::-1] if is_fortran else self.shape)

    def _decode(self, axis: int, index: int) -> np.ndarray:
        if self._is_reversed:
            return self._array.read_slice(2 - axis, index).T
        return self._array.read_slice(axis, index)


def _array_header(
    archive: zipfile.ZipFile, key: str, path: Path
) -> tuple[tuple[int, ...], bool, np.dtype, int, zipfile.ZipInfo]:
    try:
        member = archive.getinfo(f"{key}.npy")
    except KeyError as error:
        raise ValueError(f"{path}: expected an array {key!r}, got {archive.namelist()}") from error
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{path}: array {key!r} has compression {member.compress_type}, expected none or deflate")
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADER_READERS:
            raise ValueError(f"{path}: array {key!r} has version {version} of the npy format, expected 1.0 or 2.0")
        shape, is_fortran, dtype = _HEADER_READERS[version](stream)
        if dtype.hasobject:
            raise ValueError(f"{path}: array {key!r} holds pickled objects, which are never loaded")
        return shape, is_fortran, dtype, stream.tell(), member


def _spacing(path: Path) -> list[float]:
    with np.load(path, allow_pickle=False) as archive:
        if "spacing" not in archive:
            raise ValueError(f"{path}: expected 'spacing' (x, y, z in mm) beside the volume, got {archive.files}")
        try:
            spacing = np.asarray(archive["spacing"], dtype=np.float64).ravel()
        except ValueError as error:
            raise ValueError(f"{path}: 'spacing' cannot be read: {error}") from error
    if spacing.shape != (3,) or not (spacing > 0).all():
        raise ValueError(f"{path}: expected three positive values in 'spacing', got {spacing.tolist()}")
    return spacing.tolist()
