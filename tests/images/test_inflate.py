# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Random access to compressed streams, against what was compressed."""

from __future__ import annotations

import gzip
import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest
from litemed.images.inflate import RAW_DEFLATE, InflatedFile

SIZE = 2_500_000


@pytest.fixture(scope="module")
def content() -> bytes:
    """Partly noise, partly compressible."""
    values = np.random.default_rng(3).integers(0, 256, SIZE, dtype=np.uint8)
    values[SIZE // 3 : SIZE // 2] = 9
    values[SIZE // 2 :] &= 3
    return values.tobytes()


def deflated(content: bytes) -> bytes:
    compressor = zlib.compressobj(1, wbits=RAW_DEFLATE)
    return compressor.compress(content) + compressor.flush()


FORMS = {
    "gzip": (lambda b: gzip.compress(b, 1), {}),
    "gzip in three members": (
        lambda b: b"".join(gzip.compress(b[k : k + 2**20], 1) for k in range(0, SIZE, 2**20)),
        {},
    ),
    "zlib": (lambda b: zlib.compress(b, 1), {}),
    "deflate inside a file": (lambda b: b"before" + deflated(b) + b"after", {"start": 6, "wbits": RAW_DEFLATE}),
}


@pytest.mark.parametrize("form", FORMS)
def test_reads_anywhere(form: str, content: bytes, tmp_path: Path) -> None:
    compress, arguments = FORMS[form]
    (tmp_path / "file").write_bytes(compress(content))
    file = InflatedFile(tmp_path / "file", SIZE, **arguments)
    offsets = [*range(0, SIZE, 400_000), *np.random.default_rng(1).integers(0, SIZE - 5, 20).tolist(), SIZE - 5]
    for number, offset in enumerate(offsets):
        if number == 15:
            file = pickle.loads(pickle.dumps(file))
        with file.open() as read_at:
            assert read_at(offset, 5) == content[offset : offset + 5]
            assert read_at(offset // 2, 300_000) == content[offset // 2 : offset // 2 + 300_000]


def test_jumps_back_resume_near_the_target(tmp_path: Path) -> None:
    size = 40 << 20
    (tmp_path / "file").write_bytes(gzip.compress(bytes(size), 1))
    file = InflatedFile(tmp_path / "file", size)
    with file.open() as read_at:
        read_at(size - 1, 1)
    stride = size // 16
    for offset in range(0, size, stride // 2):
        assert 0 <= offset - file.nearest(offset).decoded < stride + (1 << 18)
    assert file.nearest(size).decoded == size


@pytest.mark.parametrize("kept", [3, 20, 3000])
def test_truncated(kept: int, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(gzip.compress(content[:10_000])[:kept])
    with (
        InflatedFile(tmp_path / "file", SIZE).open() as read_at,
        pytest.raises(ValueError, match=r"file: truncated: it ends after \d+ decoded bytes"),
    ):
        read_at(SIZE - 1, 1)


def test_damaged(content: bytes, tmp_path: Path) -> None:
    compressed = bytearray(gzip.compress(content, 1))
    compressed[-8] ^= 1  # the checksum
    (tmp_path / "file").write_bytes(compressed)
    with (
        InflatedFile(tmp_path / "file", SIZE).open() as read_at,
        pytest.raises(ValueError, match=r"file: damaged after \d+ decoded bytes: .*incorrect data check"),
    ):
        read_at(SIZE, 1)
