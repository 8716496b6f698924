# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Results lie where the image lies, in its format, as nibabel, SimpleITK and Pillow read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from litemed.images.volumes import open_volume
from litemed.images.writing import write_labels, write_volume
from PIL import Image

LABELS = np.random.default_rng(0).integers(0, 5, (5, 6, 7))


def ras(image: SimpleITK.Image) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return np.diag([-1, -1, 1, 1]) @ affine


@pytest.mark.parametrize(("kind", "suffix"), [("nrrd", ".nrrd"), ("nrrd-detached-gzip", ".nrrd"), ("dicom", ".nii.gz")])
def test_volumes_get_their_place(kind, suffix, write, voxels, affine, tmp_path):
    source = write(kind, voxels, affine)
    path = write_labels(tmp_path / "out", LABELS, source)
    assert path == tmp_path / "out" / f"volume_mask{suffix}"
    image = SimpleITK.ReadImage(str(path))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image).T, LABELS)
    np.testing.assert_allclose(ras(image), affine, atol=1e-4)
    assert image.GetPixelIDTypeAsString() == "8-bit unsigned integer"


@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
def test_metaimage(suffix, voxels, affine, tmp_path):
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(voxels.T))
    lps = np.diag([-1, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    SimpleITK.WriteImage(image, str(tmp_path / f"scan{suffix}"))
    path = write_labels(tmp_path, LABELS * 300, tmp_path / f"scan{suffix}")
    assert path.name == "scan_mask.mha"
    written = SimpleITK.ReadImage(str(path))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(written).T, LABELS * 300)
    for name in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(written, name)(), getattr(image, name)(), atol=1e-9)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("shape", [(5, 6, 7), (5, 6, 7, 1), (5, 42)])
def test_nifti_keeps_its_header(suffix, shape, affine, tmp_path):
    image = nibabel.Nifti1Image(np.ones(shape, np.float32), affine)
    image.set_qform(affine, 2)
    image.set_sform(affine, 1)
    image.header["descrip"] = b"kept"
    image.header.set_slope_inter(2, 3)
    image.header["cal_max"] = 7
    nibabel.save(image, tmp_path / f"a.b{suffix}")
    labels = LABELS.reshape(*shape, 1)[:, :, ..., :1] if len(shape) == 2 else LABELS
    path = write_labels(tmp_path, labels, tmp_path / f"a.b{suffix}")
    assert path.name == f"a.b_mask{suffix}"
    written = nibabel.load(path)
    np.testing.assert_array_equal(np.asanyarray(written.dataobj), LABELS.reshape(shape))
    np.testing.assert_array_equal(written.affine, nibabel.load(tmp_path / f"a.b{suffix}").affine)
    header = written.header
    assert (int(header["qform_code"]), int(header["sform_code"]), header["descrip"].item()) == (2, 1, b"kept")
    assert header.get_data_dtype() == np.uint8
    assert header["cal_max"] == 0
    assert header.get_xyzt_units() == ("mm", "unknown")


def test_pictures(tmp_path):
    labels = LABELS[..., 0]
    names = {"a.jpg": "a_mask.png", "a.webp": "a_mask.png", "b.tif": "b_mask.tif", "c.gif": "c_mask.png"}
    for name, result in names.items():
        path = write_labels(tmp_path, labels, tmp_path / name)
        assert path == tmp_path / result
        read = np.asarray(Image.open(path))
        np.testing.assert_array_equal(read, labels.T)
        assert read.dtype == np.uint8
    path = write_labels(tmp_path, labels * 300, tmp_path / "a.png", part="page2")
    assert path.name == "a_page2_mask.png"
    np.testing.assert_array_equal(np.asarray(Image.open(path)), labels.T * 300)


def test_archives(tmp_path):
    with np.load(write_labels(tmp_path, LABELS, tmp_path / "3D_CT_a.npz")) as archive:
        assert archive.files == ["segs"]
        np.testing.assert_array_equal(archive["segs"], LABELS.T)


def test_a_place_that_is_given_is_not_read_again(tmp_path, affine):
    path = write_labels(tmp_path, LABELS, tmp_path / "study that isn't there", affine=affine)
    np.testing.assert_allclose(nibabel.load(path).affine, affine, atol=1e-5)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_every_type_reads_back(dtype, suffix, affine, tmp_path):
    values = (LABELS - 2 if dtype[0] in "if" else LABELS).astype(dtype)
    path = write_volume(tmp_path / f"a{suffix}", values, affine)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))).T, values)
    assert [open_volume(path).read_slice(0, k).tolist() for k in range(5)] == values.tolist()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 1], bool), "u1"),
        (np.array([0, 255], np.int64), "u1"),
        (np.array([0, 300], np.int64), "i2"),
        (np.array([-1, 300], np.int64), "i2"),
        (np.array([0, 40_000], np.uint16), "i4"),
        (np.array([0, 2**40], np.int64), "i8"),
        (np.array([0.0, 0.25], np.float64), "f4"),
        (np.array([0.0, 0.25], np.float16), "f4"),
    ],
)
def test_types_of_nifti(values, expected, tmp_path):
    volume = np.broadcast_to(values, (3, 4, 2))
    written = nibabel.load(write_volume(tmp_path / "a.nii", volume, np.eye(4)))
    assert written.get_data_dtype() == np.dtype(expected)
    np.testing.assert_array_equal(written.get_fdata(), volume)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_equal_volumes_make_equal_files(suffix, tmp_path, voxels, affine):
    first, second = (write_volume(tmp_path / f"{name}{suffix}", voxels, affine) for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_nothing_half_written(tmp_path):
    with pytest.raises(ValueError, match=r"a.png: expected a name that ends in .nii, .nii.gz, .nrrd or .mha"):
        write_volume(tmp_path / "a.png", np.zeros((2, 3, 4)), np.eye(4))
    with pytest.raises(ValueError, match="expected a 4x4 affine, got shape"):
        write_volume(tmp_path / "a.nii", np.zeros((2, 3, 4)), np.eye(3))
    with pytest.raises(ValueError, match="at most 65535 objects, got 70000"):
        write_labels(tmp_path, np.full((2, 2), 70000), "a.png")
    with pytest.raises(ValueError, match=r"a.png: expected whole numbers from 0 as labels, got int64 from -1"):
        write_labels(tmp_path, np.full((2, 2), -1), "a.png")
    assert list(tmp_path.iterdir()) == []
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(ValueError, match=r"a.nii: labels of shape \(4, 3, 2\) differ from its shape \(2, 3, 4\)"):
        write_labels(tmp_path, np.zeros((4, 3, 2), int), tmp_path / "a.nii")
    assert [path.name for path in tmp_path.iterdir()] == ["a.nii"]


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
@pytest.mark.parametrize("umask", [0o077, 0o022, 0o002])
def test_files_have_the_permissions_that_the_user_wants(umask, tmp_path):
    before = os.umask(umask)
    try:
        path: Path = write_labels(tmp_path, LABELS[..., 0], "a.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
