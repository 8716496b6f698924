# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""NRRD and MetaImage in all their forms give what ITK reads, and nothing from outside their folder."""

from __future__ import annotations

import gzip
import pickle
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from litemed.images.volumes import open_volume

DATA = np.arange(48, dtype=np.uint8).tobytes()
RAW = "encoding: raw"
DIRECTIONS = "space directions: (0.5,0.1,0) (0,0.6,0) (0.2,0,2)"


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    volume = open_volume(path)
    volume = pickle.loads(pickle.dumps(volume))
    stacks = [np.stack([volume.read_slice(axis, k) for k in range(volume.shape[axis])], axis) for axis in range(3)]
    for stack in stacks[:2]:
        np.testing.assert_array_equal(stack, stacks[2])
    return stacks[2], volume.affine


def read_by_itk(path: Path) -> tuple[np.ndarray, np.ndarray]:
    image = SimpleITK.ReadImage(str(path))
    dims = image.GetDimension()
    array = SimpleITK.GetArrayFromImage(image)
    voxels = array.transpose(*range(dims - 1, -1, -1), *range(dims, array.ndim))
    voxels = voxels.reshape(*(*voxels.shape[:dims], 1)[:3], *voxels.shape[dims:])
    affine, axes = np.eye(4), min(dims, 3)
    matrix = np.array(image.GetDirection()).reshape(dims, dims) * image.GetSpacing()
    affine[:axes, :axes], affine[:axes, 3] = matrix[:axes, :axes], image.GetOrigin()[:axes]
    return voxels, np.diag([-1, -1, 1, 1]) @ affine


def check_like_itk(path: Path) -> None:
    (voxels, affine), (expected, expected_affine) = read(path), read_by_itk(path)
    np.testing.assert_array_equal(voxels, expected)
    np.testing.assert_allclose(affine, expected_affine, atol=1e-9)


def nrrd(path: Path, *fields: str, sizes: str = "2 3 4", kind: str = "uint8", data: bytes = DATA[:24]) -> Path:
    header = ["NRRD0005", f"type: {kind}", f"dimension: {len(sizes.split())}", f"sizes: {sizes}", *fields]
    path.write_bytes(("\n".join(header) + "\n\n").encode() + data)
    return path


NRRD = {
    "no spacings": {"fields": [RAW]},
    "spacings": {"fields": [RAW, "spacings: 0.5 2 3"]},
    "unknown spacings": {"fields": [RAW, "spacings: nan 2 nan"]},
    "negative spacing": {"fields": [RAW, "spacings: -1 2 3"]},
    "directions": {"fields": [RAW, "space: RAS", DIRECTIONS, "space origin: (5,6,7)"]},
    "origin alone": {"fields": [RAW, "space dimension: 3", "space origin: (1,2,3)"]},
    "axis mins": {"fields": [RAW, "spacings: 2 2 2", "axis mins: 1 2 3"]},
    "byte skip": {"fields": [RAW, "byte skip: 5"], "data": b"x" * 5 + DATA[:24]},
    "byte skip from the end": {"fields": [RAW, "byte skip: -1"], "data": b"head" + DATA[:24]},
    "byte skip before the end": {"fields": [RAW, "byte skip: -5"], "data": DATA[:24] + b"tail"},
    "line skip": {"fields": [RAW, "line skip: 2"], "data": b"ab\nc\n" + DATA[:24]},
    "line and byte skip": {"fields": [RAW, "line skip: 1", "byte skip: 2"], "data": b"ab\nxx" + DATA[:24]},
    "gzip and byte skip": {"fields": ["encoding: gzip", "byte skip: 3"], "data": gzip.compress(b"xyz" + DATA[:24])},
    "gzip and line skip": {"fields": ["encoding: gz", "line skip: 1"], "data": b"ab\n" + gzip.compress(DATA[:24])},
    "gzip from the end": {"fields": ["encoding: gzip", "byte skip: -1"], "data": gzip.compress(b"xyz" + DATA[:24])},
    "text": {"fields": ["encoding: ascii"], "data": " ".join(map(str, range(24))).encode()},
    "hexadecimal": {"fields": ["encoding: hex"], "data": DATA[:24].hex().encode()},
    "one time point": {"fields": [RAW, "spacings: 1 2 3 1"], "sizes": "2 3 4 1"},
    "one number at each voxel": {
        "fields": [RAW, "space: RAS", "kinds: list domain domain domain", DIRECTIONS.replace(": ", ": none ")],
        "sizes": "1 2 3 4",
    },
    "colours": {
        "fields": [RAW, "space: LPS", "kinds: RGB-color domain domain domain", DIRECTIONS.replace(": ", ": none ")],
        "sizes": "3 2 2 4",
        "data": DATA,
    },
    "a plane": {"fields": [RAW, "spacings: 1 2"], "sizes": "6 4"},
    "a turned plane": {
        "fields": [RAW, "space dimension: 2", "space directions: (0,2) (3,0)", "space origin: (5,6)"],
        "sizes": "6 4",
    },
    "big endian": {"fields": [RAW, "endian: big"], "kind": "short", "data": DATA},
}


@pytest.mark.parametrize("form", NRRD.values(), ids=NRRD)
def test_nrrd(form, tmp_path):
    check_like_itk(nrrd(tmp_path / "a.nrrd", *form.pop("fields"), **form))


LISTS = {
    "list": ["data file: LIST", "p0", "p1"],
    "list of planes": ["data file: LIST 2", "p0", "p1"],
    "numbered": ["data file: p%d 0 1 1"],
    "numbered down": ["data file: p%d 1 0 -1"],
}


@pytest.mark.parametrize("fields", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("skip", [0, 2])
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_nrrd_of_many_files(fields, skip, encoding, tmp_path):
    for k in range(2):
        part = b"x" * skip + DATA[24 * k : 24 * k + 24]
        (tmp_path / f"p{k}").write_bytes(part if encoding == "raw" else gzip.compress(part))
    header = ["NRRD0005", "type: uint8", "dimension: 3", "sizes: 3 8 2", f"encoding: {encoding}", f"byte skip: {skip}"]
    path = tmp_path / "a.nhdr"
    path.write_text("\n".join([*header, *fields]) + "\n")
    check_like_itk(path)


def metaimage(path: Path, data: bytes = DATA[:24], place: str = "LOCAL", **fields: str) -> Path:
    header = {"ObjectType": "Image", "NDims": "3", "BinaryData": "True", "DimSize": "2 3 4", "ElementType": "MET_UCHAR"}
    lines = [f"{name} = {value}" for name, value in {**header, **fields, "ElementDataFile": place}.items()]
    path.write_bytes(("\n".join(lines) + "\n").encode() + data)
    return path


TURNED = "0.8 0.6 0 -0.6 0.8 0 0 0 1"
META = {
    "bare": {},
    "spacing": {"ElementSpacing": "1 2 3", "Offset": "4 5 6", "TransformMatrix": TURNED},
    "old names": {"ElementSize": "1 2 3", "Position": "4 5 6", "Rotation": TURNED},
    "other old names": {"Origin": "4 5 6", "Orientation": TURNED},
    "spacing and size": {"ElementSpacing": "1 2 3", "ElementSize": "4 5 6"},
    "head of unknown length": {"HeaderSize": "-1", "data": b"xx" + DATA[:24]},
    "slope, which ITK leaves to others": {"ElementToIntensityFunctionSlope": "2"},
    "colours": {"ElementNumberOfChannels": "3", "DimSize": "2 2 4", "data": DATA},
    "colours of old": {
        "ElementNumberOfChannels": "3",
        "DimSize": "2 2 4",
        "ElementType": "MET_UCHAR_ARRAY",
        "data": DATA,
    },
    "one time point": {"NDims": "4", "DimSize": "2 3 4 1"},
    "a plane": {"NDims": "2", "DimSize": "6 4", "ElementSpacing": "2 3"},
    "big endian": {"ElementType": "MET_SHORT", "BinaryDataByteOrderMSB": "True", "data": DATA},
    "big endian by the other name": {"ElementType": "MET_SHORT", "ElementByteOrderMSB": "True", "data": DATA},
    "compressed": {"CompressedData": "True", "data": zlib.compress(DATA[:24])},
    "text": {"BinaryData": "False", "data": " ".join(map(str, range(24))).encode() + b"\n"},
}


@pytest.mark.parametrize("form", META.values(), ids=META)
def test_metaimage(form, tmp_path):
    fields = dict(form)
    if fields.get("CompressedData"):
        fields["CompressedDataSize"] = str(len(fields["data"]))
    check_like_itk(metaimage(tmp_path / "a.mha", **fields))


@pytest.mark.parametrize(
    ("place", "names"), [("d.raw", ["d.raw"]), ("LIST\np0\np1", ["p0", "p1"]), ("p%d 0 1 1", ["p0", "p1"])]
)
@pytest.mark.parametrize("compressed", [False, True])
def test_metaimage_beside_its_header(place, names, compressed, tmp_path):
    for k, name in enumerate(names):
        part = DATA[: 24 // len(names)] if k == 0 else DATA[12:24]
        (tmp_path / name).write_bytes(zlib.compress(part) if compressed else part)
    path = metaimage(tmp_path / "a.mhd", b"", place, CompressedData=str(compressed), DimSize="2 6 2")
    check_like_itk(path)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("suffix", [".mha", ".mhd", ".nrrd"])
@pytest.mark.parametrize("compression", [False, True])
def test_what_itk_writes(dtype, suffix, compression, tmp_path, affine):
    voxels = np.random.default_rng(1).integers(0, 100, (4, 5, 6)).astype(dtype)
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(voxels.T))
    lps = np.diag([-1, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    SimpleITK.WriteImage(image, str(tmp_path / f"a{suffix}"), compression)
    read_voxels, read_affine = read(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(read_voxels, voxels)
    assert read_voxels.dtype == voxels.dtype
    np.testing.assert_allclose(read_affine, affine, atol=1e-4)


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.raw", "below/../../secret.raw", "link.raw"])
def test_data_files_outside_the_folder_are_refused(name, tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(DATA)
    (folder / "link.raw").symlink_to(tmp_path / "secret.raw")
    nrrd(folder / "one.nhdr", RAW, f"data file: {name}", data=b"")
    nrrd(folder / "text.nhdr", "encoding: ascii", f"data file: {name}", data=b"")
    (folder / "list.nhdr").write_text("\n".join(["NRRD0005", "type: uint8", "dimension: 3", "sizes: 2 3 4", RAW]))
    with (folder / "list.nhdr").open("a") as file:
        file.write(f"\ndata file: LIST\n{name}\n{name}\n")
    metaimage(folder / "one.mhd", b"", name)
    metaimage(folder / "text.mhd", b"", name, BinaryData="False")
    metaimage(folder / "list.mhd", b"", f"LIST\n{name}\n{name}")
    for header in ("one.nhdr", "text.nhdr", "list.nhdr", "one.mhd", "text.mhd", "list.mhd"):
        with pytest.raises(ValueError, match=rf"{header}.*outside"):
            open_volume(folder / header)


def test_data_in_a_folder_below_are_read(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/a.raw").write_bytes(DATA[:24])
    nrrd(tmp_path / "a.nhdr", RAW, "data file: parts/a.raw", data=b"")
    assert read(tmp_path / "a.nhdr")[0].ravel("F").tolist() == list(range(24))


BAD = {
    "skip into the header": lambda path: nrrd(path / "a.nrrd", RAW, "byte skip: -5"),
    "header size into the header": lambda path: metaimage(path / "a.mha", HeaderSize="3"),
    "channels": lambda path: metaimage(path / "a.mha", ElementNumberOfChannels="2"),
    "vectors": lambda path: nrrd(path / "a.nrrd", RAW, "kinds: vector domain domain domain", sizes="6 2 2 1"),
    "several time points": lambda path: nrrd(path / "a.nrrd", RAW, sizes="2 3 2 2"),
    "files of unequal size": lambda path: nrrd(path / "a.nrrd", RAW, "data file: p%d 0 4 1"),
    "millions of files": lambda path: metaimage(path / "a.mhd", b"", "p%d 0 99999999 1"),
    "a pattern that isn't one": lambda path: metaimage(path / "a.mhd", b"", "p%s 0 1 1"),
    "sizes that aren't": lambda path: nrrd(path / "a.nrrd", RAW, sizes="2 3 -4"),
    "too few sizes": lambda path: nrrd(path / "a.nrrd", RAW, sizes="24"),
    "spacing of two axes": lambda path: metaimage(path / "a.mha", ElementSpacing="1 2"),
    "spacing of zero": lambda path: metaimage(path / "a.mha", ElementSpacing="1 2 0"),
    "type": lambda path: metaimage(path / "a.mha", ElementType="MET_COMPLEX"),
    "cut short": lambda path: metaimage(path / "a.mha", DATA[:20]),
    "no header": lambda path: (path / "a.mha").write_bytes(DATA * 100),
    "an endless line": lambda path: (path / "a.mha").write_bytes(b"a" * 200_000),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_bad_headers_name_the_file(make, tmp_path):
    for k in range(5):
        (tmp_path / f"p{k}").write_bytes(DATA)
    make(tmp_path)
    path = next(tmp_path.glob("a.*"))
    with pytest.raises(ValueError, match=r"a\.m|a\.n"):
        open_volume(path).read_slice(2, 0)


def test_nifti_of_two_axes_and_of_axes_of_one_entry(tmp_path, affine):
    values = np.random.default_rng(0).integers(0, 99, (7, 6, 5), dtype=np.int16)
    for name, shape in {"time": (7, 6, 5, 1), "more": (7, 6, 5, 1, 1), "plane": (7, 30), "thin": (1, 7, 30)}.items():
        for suffix in (".nii", ".nii.gz"):
            path = tmp_path / f"{name}{suffix}"
            nibabel.save(nibabel.Nifti1Image(values.reshape(shape), affine), path)
            voxels, read_affine = read(path)
            np.testing.assert_array_equal(voxels, values.reshape(*(*shape, 1)[:3]))
            np.testing.assert_allclose(read_affine, affine, atol=1e-5)
            assert open_volume(path).stored_shape == shape
    nibabel.save(nibabel.Nifti1Image(values.reshape(7, 6, 1, 5), affine), tmp_path / "series.nii")
    with pytest.raises(ValueError, match=r"series.nii: expected a 3D volume, got shape \(7, 6, 1, 5\)"):
        open_volume(tmp_path / "series.nii")


def test_nifti_of_colours(tmp_path, affine):
    colours = np.random.default_rng(0).integers(0, 255, (4, 5, 6, 3), dtype=np.uint8)
    packed = np.ascontiguousarray(colours).view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    nibabel.save(nibabel.Nifti1Image(packed, affine), tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(read(tmp_path / "a.nii.gz")[0], colours)


def test_a_tilted_gantry(tmp_path):
    """Rows of each slice lie further to the front: the volume is the axes' determinant, not their lengths' product."""
    affine = np.diag([0.5, 0.5, 5.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), affine), tmp_path / "straight.nii")
    affine[1, 2] = 5 * np.tan(np.radians(25))
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), affine), tmp_path / "tilted.nii")
    straight, tilted = open_volume(tmp_path / "straight.nii"), open_volume(tmp_path / "tilted.nii")
    assert straight.voxel_volume == pytest.approx(1.25)
    assert tilted.voxel_volume == pytest.approx(1.25)
    assert not straight.is_sheared
    assert tilted.is_sheared
