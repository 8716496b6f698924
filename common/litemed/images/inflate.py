# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Random access to the decoded bytes of a gzip or deflate stream, in constant memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

__all__ = ["GZIP_OR_ZLIB", "RAW_DEFLATE", "InflatedFile"]

GZIP_OR_ZLIB = zlib.MAX_WBITS + 32
RAW_DEFLATE = -zlib.MAX_WBITS

_MAX_PLACES = 16
_MIN_STRIDE = 1 << 20
_ENCODED_CHUNK = 1 << 16
_DECODED_CHUNK = 1 << 18


class _Place(NamedTuple):
    """Where decoding can resume. The inflater is never advanced, only copied."""

    decoded: int
    encoded: int
    inflater: Any


class InflatedFile:
    """A file, or a part of it, that holds one deflate stream or several gzip members in a row.

    Reading forward decodes each byte once. Up to 16 places passed on the way are remembered (about 45 kB each), so
    that a jump back costs at most a sixteenth of the stream. The file is open only inside ``open``; places do not
    survive pickling.

    Args:
        path: the file.
        size: decoded bytes that will be asked for at most.
        start: where in the file the stream begins.
        wbits: the stream's container, as ``zlib.decompressobj`` takes it.
    """

    def __init__(self, path: Path, size: int, start: int = 0, wbits: int = GZIP_OR_ZLIB) -> None:
        self.path = path
        self._start = start
        self._wbits = wbits
        self._stride = max(size // _MAX_PLACES, _MIN_STRIDE)
        self._places: dict[int, _Place] = {}
        self._last: _Place | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_places": {}, "_last": None}

    def check_size(self, size: int) -> None:
        """Nothing can be said before decoding: ``read_at`` raises where the stream ends early."""

    @contextmanager
    def open(self) -> Iterator[Callable[[int, int], bytes | bytearray]]:
        """Open the file.

        Yields:
            ``read_at(offset, count)``, which returns decoded bytes.

        Raises:
            ValueError: when the stream is damaged or ends too early.
        """
        with self.path.open("rb") as file:
            decoder = _Decoder(self, file)
            yield decoder.read_at
            self._last = decoder.place()

    def new_inflater(self) -> Any:
        """A decoder at the start of a stream."""
        return zlib.decompressobj(self._wbits)

    def nearest(self, offset: int) -> _Place:
        """The last known place at or before a decoded offset."""
        known = [place for place in (*list(self._places.values()), self._last) if place and place.decoded <= offset]
        start = _Place(0, self._start, self.new_inflater())
        return max(known, key=lambda place: place.decoded, default=start)

    def passed(self, decoder: _Decoder) -> None:
        """Remember the decoder's place when it is the first of its stretch."""
        stretch = decoder.decoded // self._stride
        if stretch and stretch not in self._places:
            self._places[stretch] = decoder.place()


class _Decoder:
    def __init__(self, source: InflatedFile, file: BinaryIO) -> None:
        self._source = source
        self._file = file
        self._resume(source.nearest(0))

    def read_at(self, offset: int, count: int) -> bytearray:
        place = self._source.nearest(offset)
        if not place.decoded <= self.decoded <= offset:
            self._resume(place)
        while self.decoded < offset:
            self._decode(min(offset - self.decoded, _DECODED_CHUNK))
        data = bytearray()
        while len(data) < count:
            data += self._decode(min(count - len(data), _DECODED_CHUNK))
        return data

    def place(self) -> _Place:
        inflater = self._source.new_inflater() if self._inflater.eof else self._inflater.copy()
        return _Place(self.decoded, self._file.tell() - len(self._pending), inflater)

    def _resume(self, place: _Place) -> None:
        self._file.seek(place.encoded)
        self._inflater = place.inflater.copy()
        self._pending = b""
        self.decoded = place.decoded

    def _decode(self, limit: int) -> bytes:
        """The next 1 to ``limit`` bytes."""
        data = b""
        while not data:
            if self._inflater.eof:
                self._inflater = self._source.new_inflater()
            self._pending = self._pending or self._file.read(_ENCODED_CHUNK)
            exhausted = not self._pending
            try:
                data = self._inflater.decompress(self._pending, limit)
            except zlib.error as error:
                raise ValueError(f"{self._source.path}: damaged after {self.decoded} decoded bytes: {error}") from error
            self._pending = self._inflater.unconsumed_tail or self._inflater.unused_data
            if exhausted and not data:
                raise ValueError(f"{self._source.path}: truncated: it ends after {self.decoded} decoded bytes")
        self.decoded += len(data)
        self._source.passed(self)
        return data
