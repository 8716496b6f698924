# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Single slices of an array that lies in one run of bytes of a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

__all__ = ["ByteSource", "JoinedFiles", "PlainFile", "StoredArray", "beside", "numbered_files"]

_MOST_PARTS = 100_000


class ByteSource(Protocol):
    """Bytes that can be read from any offset. Holds no open file, so it can be pickled and shared by processes."""

    path: Path

    def open(self) -> AbstractContextManager[Callable[[int, int], bytes | bytearray]]:
        """Open the file and give ``read_at(offset, count)``."""

    def check_size(self, size: int) -> None:
        """Raise ValueError when it is certain that there are fewer than ``size`` bytes."""


class PlainFile:
    """The bytes of a file as they are."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def check_size(self, size: int) -> None:
        """Raise ValueError when the file is shorter than ``size`` bytes."""
        actual = self.path.stat().st_size
        if actual < size:
            raise ValueError(f"{self.path}: truncated: expected at least {size} bytes, got {actual}")

    @contextmanager
    def open(self) -> Iterator[Callable[[int, int], bytes]]:
        """Open the file.

        Yields:
            ``read_at(offset, count)``, which raises ValueError when the file ends too early.
        """
        with self.path.open("rb") as file:

            def read_at(offset: int, count: int) -> bytes:
                file.seek(offset)
                data = file.read(count)
                if len(data) < count:
                    raise ValueError(f"{self.path}: truncated: expected {count} bytes at {offset}, got {len(data)}")
                return data

            yield read_at


class JoinedFiles:
    """Parts of equal size, each at the same offset in a source of its own, as one run of bytes.

    Args:
        sources: the parts, in their order.
        offset: where in each source its part begins.
        size: of each part.
    """

    def __init__(self, sources: Sequence[ByteSource], offset: int, size: int) -> None:
        self.path = sources[0].path
        self._sources = list(sources)
        self._offset = offset
        self._size = size

    def check_size(self, size: int) -> None:
        """Raise ValueError when a part is too short."""
        for source in self._sources:
            source.check_size(self._offset + self._size)

    @contextmanager
    def open(self) -> Iterator[Callable[[int, int], bytes | bytearray]]:
        """Open a part at a time, when it is needed.

        Yields:
            ``read_at(offset, count)``, as of the sources.
        """
        with ExitStack() as stack:
            current: tuple[int, Callable[[int, int], bytes | bytearray]] | None = None

            def read_at(offset: int, count: int) -> bytearray:
                nonlocal current
                data = bytearray()
                while len(data) < count:
                    part, start = divmod(offset + len(data), self._size)
                    if current is None or current[0] != part:
                        stack.pop_all().close()
                        current = part, stack.enter_context(self._sources[part].open())
                    data += current[1](self._offset + start, min(count - len(data), self._size - start))
                return data

            yield read_at


def beside(path: Path, name: str) -> Path:
    """The data file that a header names: in the header's folder or one below it.

    Raises:
        ValueError: when the name leads out of the folder.
        FileNotFoundError: when nothing lies there.
    """
    folder = path.parent.resolve()
    file = (folder / name).resolve()
    if not name or not file.is_relative_to(folder):
        raise ValueError(f"{path}: its data file {name!r} lies outside the folder {path.parent}")
    if not file.is_file():
        raise FileNotFoundError(f"{path}: its data file {path.parent / name} does not exist")
    return file


def numbered_files(pattern: str, first: int, last: int, step: int) -> list[str]:
    """Names by a pattern of C with one whole number, such as ``slice_%03d.raw``, as headers of slice files have it.

    Raises:
        ValueError: for another pattern, or a step of 0.
    """
    if not re.fullmatch(r"[^%]*%0?\d{0,2}[diu][^%]*", pattern) or step == 0:
        raise ValueError(f"expected names like slice_%03d.raw and a step, got {pattern!r} and {step}")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > _MOST_PARTS:
        raise ValueError(f"expected at most {_MOST_PARTS} files, got {len(numbers)}")
    return [pattern % number for number in numbers]


class StoredArray:
    """A three-dimensional array in a file; the first axis is the one that varies fastest.

    No read holds more than one plane of the first two axes beside the slice it returns. A slice of axis 2 is one run
    of bytes; one of axis 1 is a row of every plane; for one of axis 0 every plane is read.

    Args:
        source: where the bytes are.
        offset: where in the source the array begins, in bytes.
        dtype: type of a voxel: boolean, integer, float, or a fixed number of these as a subarray (colour).
        shape: the three sizes, fastest axis first.

    Raises:
        ValueError: for other types, or when the file is too short.
    """

    def __init__(self, source: ByteSource, offset: int, dtype: np.dtype, shape: tuple[int, int, int]) -> None:
        if dtype.base.kind not in "biuf":
            raise ValueError(f"{source.path}: expected boolean, integer or float voxels, got {dtype}")
        self._source = source
        self._offset = offset
        self._dtype = dtype
        self._shape = shape
        source.check_size(offset + dtype.itemsize * int(np.prod(shape, dtype=np.int64)))

    def read_slice(self, axis: int, index: int) -> np.ndarray:
        """A slice in native byte order, the remaining axes in their order (and colours last)."""
        row, rows, planes = self._shape
        with self._source.open() as read_at:

            def voxels(first: int, count: int) -> np.ndarray:
                data = read_at(self._offset + first * self._dtype.itemsize, count * self._dtype.itemsize)
                return np.frombuffer(data, self._dtype)

            def plane(k: int) -> np.ndarray:
                flat = voxels(k * row * rows, row * rows)
                return flat.reshape(rows, row, *flat.shape[1:]).swapaxes(0, 1)

            if axis == 2:
                stored = plane(index)
            elif axis == 1:
                stored = np.stack([voxels((k * rows + index) * row, row) for k in range(planes)], axis=1)
            else:
                stored = np.stack([plane(k)[index].copy() for k in range(planes)], axis=1)
        return np.array(stored, dtype=self._dtype.base.newbyteorder("="), order="C")
