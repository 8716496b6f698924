# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Headers as nobody writes them: whatever they say, it ends in a clear refusal or in voxels of the shape they say."""

from __future__ import annotations

import io
import struct
import tempfile
import warnings
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litemed.images.box_files import read_boxes
from litemed.images.boxes import check_boxes
from litemed.images.volumes import open_volume

BOUNDED = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
MOST = 1 << 16  # voxels that are read
NIFTI_PLACES = (0, 40, 42, 44, 46, 48, 70, 72, 76, 80, 108, 112, 116, 123, 252, 254, 256, 280, 296, 312, 344)
numbers = st.one_of(
    st.integers(-3, 70000).map(str),
    st.floats(allow_nan=True).map(repr),
    st.sampled_from(["", "nan", "inf", "-0", "1e999", "$1", "three", "0x2", "2_2", "\u0662"]),
)
words = st.one_of(
    numbers,
    st.text(max_size=12),
    st.sampled_from(["raw", "gzip", "ascii", "hex", "short", "uint8", "double", "little", "big", "LOCAL", "MET_SHORT"]),
)
NRRD_FIELDS = (
    *("type", "dimension", "sizes", "encoding", "endian", "spacings", "space", "space directions", "space origin"),
    *("data file", "byte skip", "line skip", "kinds", "block size", "labels", "space dimension", "measurement frame"),
)
META_FIELDS = (
    *("ObjectType", "NDims", "DimSize", "ElementType", "ElementSpacing", "Offset", "TransformMatrix", "HeaderSize"),
    *("BinaryData", "BinaryDataByteOrderMSB", "CompressedData", "ElementNumberOfChannels", "ElementDataFile"),
)


def _is_refused_or_read(suffix: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / f"volume{suffix}"
        path.write_bytes(content)
        message = ""
        try:
            volume = open_volume(path)
            assert min(volume.shape) >= 1
            assert np.isfinite(volume.affine).all()
            if np.prod(volume.shape, dtype=float) <= MOST:
                for axis in range(3):
                    pixels = volume.read_slice(axis, volume.shape[axis] - 1)
                    assert pixels.shape[:2] == tuple(np.delete(volume.shape, axis))
        except (ValueError, OSError) as error:
            message = str(error).strip()
        assert not message or path.name in message
        assert "\n" not in message


@BOUNDED
@given(
    magic=st.sampled_from(["NRRD0001", "NRRD0004", "NRRD0005", "NRRD0009", "NRRD", ""]),
    fields=st.dictionaries(st.sampled_from(NRRD_FIELDS), st.lists(words, max_size=4), max_size=12),
    right=st.booleans(),
    data=st.binary(max_size=64),
)
def test_nrrd(magic: str, fields: dict[str, list[str]], right: bool, data: bytes) -> None:
    base = {"type": ["short"], "dimension": ["3"], "sizes": ["2", "2", "2"], "encoding": ["raw"], "endian": ["little"]}
    lines = [f"{name}: {' '.join(values)}" for name, values in {**(base if right else {}), **fields}.items()]
    header = "\n".join([magic, *lines]).encode("utf-8", "surrogatepass")
    _is_refused_or_read(".nrrd", header + b"\n\n" + data)


@BOUNDED
@given(
    fields=st.dictionaries(st.sampled_from(META_FIELDS), st.lists(words, max_size=4), max_size=10),
    right=st.booleans(),
    data=st.binary(max_size=64),
)
def test_metaimage(fields: dict[str, list[str]], right: bool, data: bytes) -> None:
    base = {"ObjectType": ["Image"], "NDims": ["3"], "DimSize": ["2", "2", "2"], "ElementType": ["MET_SHORT"]}
    said = {**(base if right else {}), **fields}
    said["ElementDataFile"] = said.pop("ElementDataFile", ["LOCAL"])  # the last line of a header
    lines = [f"{name} = {' '.join(values)}" for name, values in said.items()]
    _is_refused_or_read(".mha", "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n" + data)


@pytest.fixture(scope="module")
def nifti() -> bytes:
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    return nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes()


@BOUNDED
@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(NIFTI_PLACES),
            st.one_of(
                st.integers(-(2**15), 2**15 - 1).map(lambda value: struct.pack("<h", value)),
                st.floats(width=32, allow_nan=True).map(lambda value: struct.pack("<f", value)),
                st.binary(min_size=1, max_size=4),
            ),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_nifti(nifti: bytes, changes: list[tuple[int, bytes]]) -> None:
    content = bytearray(nifti)
    for place, value in changes:
        content[place : place + len(value)] = value
    _is_refused_or_read(".nii", bytes(content))


@BOUNDED
@given(
    version=st.sampled_from([b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"]),
    header=st.one_of(
        st.text(max_size=80),
        st.builds(
            lambda descr, order, shape: str({"descr": descr, "fortran_order": order, "shape": shape}),
            st.sampled_from(["|u1", "<i2", "<f8", "|O", "<U3", "nonsense", ""]),
            st.sampled_from([True, False, "x"]),
            st.lists(st.integers(-2, 9), max_size=5).map(tuple),
        ),
    ),
    data=st.binary(max_size=100),
)
def test_npz(version: bytes, header: str, data: bytes) -> None:
    import zipfile

    said = header.encode("latin-1", "replace")
    array = b"\x93NUMPY" + version + struct.pack("<H" if version[0] == 1 else "<I", len(said)) + said + data
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("imgs.npy", array)
    _is_refused_or_read(".npz", archive.getvalue())


def _parsed(text: str) -> np.ndarray | None:
    try:
        (given,) = read_boxes(text).values()
        return check_boxes(given.corners((64, 64)), (64, 64), given.source)[0]
    except (ValueError, OSError) as error:
        message = str(error).strip()
    assert message
    assert "\n" not in message
    return None


@BOUNDED
@given(st.one_of(st.text(max_size=40), st.lists(st.lists(numbers, max_size=6).map(",".join), max_size=4).map(";".join)))
def test_boxes_on_the_command_line(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        boxes = _parsed(text)
    if boxes is not None:
        assert boxes.shape[1] == 4
        assert np.isfinite(boxes).all()
        assert (boxes >= -0.5).all()
        assert (boxes <= 64.5).all()
