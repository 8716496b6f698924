# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Masks of every format by one set of rules; the files are written by other libraries than the one that reads them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
import tifffile
from litemed.images.masks import binary_as_one, read_labels, read_mask, whole_labels
from PIL import Image

LABELS = np.array([[0, 1, 2], [3, 0, 5]], np.uint8)
DEEP = np.array([[0, 300, 700], [65535, 0, 1]], np.uint16)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "u4", "i4", "f4", "f8"])
def test_labels_of_any_depth_and_byte_order(tmp_path: Path, kind: str, order: str) -> None:
    labels = LABELS if kind == "u1" else np.minimum(DEEP, 32767) if kind == "i2" else DEEP
    tifffile.imwrite(tmp_path / "mask.tif", labels.astype(order + kind), byteorder=order)
    read = read_mask(tmp_path / "mask.tif").labels
    assert read.tolist() == labels.tolist()
    assert read.dtype.kind in "iu"


def test_bytes_of_a_16_bit_png(tmp_path: Path) -> None:
    # by hand, as the standard has it: big-endian, one filter byte a row
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in DEEP)
    header = struct.pack(">IIBBBBB", 3, 2, 16, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    (tmp_path / "mask.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert read_mask(tmp_path / "mask.png").labels.tolist() == DEEP.tolist()


@pytest.mark.parametrize("suffix", ["png", "gif", "tif", "bmp"])
def test_palettes_are_indices(tmp_path: Path, suffix: str) -> None:
    picture = Image.fromarray(LABELS)
    picture.putpalette([200, 0, 0, 0, 0, 0, 9, 9, 200, 0, 255, 0, 200, 0, 0, 250, 250, 0])
    picture.save(tmp_path / f"mask.{suffix}", optimize=False)
    assert read_mask(tmp_path / f"mask.{suffix}").labels.tolist() == LABELS.tolist()


def test_one_bit_is_one_label(tmp_path: Path) -> None:
    Image.fromarray(LABELS > 0).save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png").labels.tolist() == [[0, 1, 1], [1, 0, 1]]


def test_colours_that_are_grey_or_two_or_refused(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([LABELS] * 3)).save(tmp_path / "grey.png")
    assert read_mask(tmp_path / "grey.png").labels.tolist() == LABELS.tolist()
    red = np.dstack([(LABELS > 0) * 255, LABELS * 0, LABELS * 0]).astype(np.uint8)
    Image.fromarray(red).save(tmp_path / "red.png")
    mask = read_mask(tmp_path / "red.png")
    assert mask.labels.tolist() == (LABELS > 0).tolist()
    assert mask.notes == ("black and the colour (255, 0, 0) are read as background and label 1",)
    with pytest.warns(UserWarning, match=r"red.png: black and the colour \(255, 0, 0\)"):
        read_labels(tmp_path / "red.png")
    for name, picture in (
        ("three", np.where(LABELS[..., None] == 5, np.uint8([0, 0, 255]), red)),
        ("no_black", np.where(LABELS[..., None] > 0, np.uint8([255, 0, 0]), np.uint8([0, 0, 255]))),
    ):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
        with pytest.raises(ValueError, match=rf"{name}.png: a mask must be grey, but its colour channels differ"):
            read_mask(tmp_path / f"{name}.png")


@pytest.mark.parametrize(("value", "told"), [(0.7, "whole numbers as labels, got 0.7"), (-1, "labels from 0, got -1")])
def test_other_values_are_refused(tmp_path: Path, value: float, told: str) -> None:
    tifffile.imwrite(tmp_path / "mask.tif", np.array([[0, value]], np.float32))
    with pytest.raises(ValueError, match=f"mask.tif: expected {told}"):
        read_mask(tmp_path / "mask.tif")
    nibabel.save(nibabel.Nifti1Image(np.full((2, 2, 2), value, np.float32), np.eye(4)), tmp_path / "mask.nii")
    with pytest.raises(ValueError, match=f"mask.nii: expected {told}"):
        read_mask(tmp_path / "mask.nii")


@pytest.mark.parametrize("threshold", [None, 0.5])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_refused_with_and_without_a_threshold(tmp_path: Path, value: float, threshold: float | None) -> None:
    tifffile.imwrite(tmp_path / "mask.tif", np.array([[0, value]], np.float32))
    with pytest.raises(ValueError, match=r"mask.tif: expected labels, got NaN or infinite"):
        read_mask(tmp_path / "mask.tif", threshold)
    with pytest.raises(ValueError, match=r"^here: expected numbers as labels, got complex128"):
        whole_labels(np.array([1j]), "here")


def test_lossy_pictures_need_a_threshold(tmp_path: Path) -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[8:24, 8:24] = 255
    Image.fromarray(mask).save(tmp_path / "a.jpg")
    Image.fromarray(mask).convert("RGB").save(tmp_path / "b.jpg", subsampling=2)
    Image.fromarray(mask).save(tmp_path / "a.webp", quality=50)
    Image.fromarray(mask).save(tmp_path / "b.webp", lossless=True)
    for name in ("a.jpg", "b.jpg", "a.webp"):
        with pytest.raises(ValueError, match=rf"{name}: lossy compression blurs .*give a threshold, such as 127"):
            read_mask(tmp_path / name)
        assert read_mask(tmp_path / name, 127).labels.tolist() == (mask > 127).tolist()
    assert read_mask(tmp_path / "b.webp").labels.tolist() == mask.tolist()


def test_only_0_and_255_are_binary() -> None:
    masks = [[[0, 255]], [[0, 0]], [[255, 255]], [[0, 1, 255]], [[0, 254]]]
    read = [binary_as_one(whole_mask(values)) for values in masks]
    assert [mask.labels.tolist() for mask in read] == [[[0, 1]], [[0, 0]], [[1, 1]], [[0, 1, 255]], [[0, 254]]]
    assert [len(mask.notes) for mask in read] == [1, 0, 1, 0, 0]


def whole_mask(values: list[list[int]]):
    from litemed.images.masks import Mask

    return Mask(np.array(values, np.int16))


def test_a_label_drawn_on_the_upright_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the first stored row is the right side of what is shown
    shown = np.arange(6, dtype=np.uint8).reshape(2, 3)
    Image.fromarray(np.rot90(shown).copy()).save(tmp_path / "mask.png", exif=exif)
    assert read_mask(tmp_path / "mask.png").labels.tolist() == shown.tolist()


def test_several_pages_are_refused(tmp_path: Path) -> None:
    page = Image.fromarray(LABELS)
    page.save(tmp_path / "mask.tif", save_all=True, append_images=[page])
    with pytest.raises(ValueError, match=r"mask.tif can't be read as a picture: it has 2 pages"):
        read_mask(tmp_path / "mask.tif")


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd", "mha"])
def test_volumes_as_itk_reads_them(tmp_path: Path, suffix: str) -> None:
    voxels = np.random.default_rng(0).integers(0, 700, (4, 5, 6)).astype(np.uint16)  # z, y, x
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing((0.5, 0.75, 3.0))
    SimpleITK.WriteImage(image, str(tmp_path / f"mask.{suffix}"))
    mask = read_mask(tmp_path / f"mask.{suffix}")
    assert mask.labels.tolist() == SimpleITK.GetArrayFromImage(image).T.tolist()
    assert mask.spacing == pytest.approx((0.5, 0.75, 3.0))
    assert mask.notes == ()


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd", "mha"])
def test_a_volume_of_one_slice_is_a_picture(tmp_path: Path, suffix: str) -> None:
    image = SimpleITK.GetImageFromArray(LABELS[None])
    image.SetSpacing((0.5, 0.75, 3.0))
    SimpleITK.WriteImage(image, str(tmp_path / f"mask.{suffix}"))
    mask = read_mask(tmp_path / f"mask.{suffix}")
    assert mask.labels.tolist() == LABELS.tolist()
    assert mask.spacing == pytest.approx((0.75, 0.5))  # rows first


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_slice_lies_across_any_axis(tmp_path: Path, axis: int) -> None:
    voxels = np.expand_dims(LABELS.T, axis)  # x, then y
    steps = [2.0, 3.0]
    steps.insert(axis, 9.0)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([*steps, 1.0])), tmp_path / "mask.nii")
    mask = read_mask(tmp_path / "mask.nii")
    assert (mask.labels.tolist(), mask.spacing) == (LABELS.tolist(), (3.0, 2.0))


def test_sheared_axes_are_told(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[1, 2] = 0.3  # a tilted gantry
    nibabel.save(nibabel.Nifti1Image(np.ones((2, 2, 2), np.uint8), affine), tmp_path / "mask.nii")
    assert read_mask(tmp_path / "mask.nii").notes == (
        "the axes aren't at right angles, distances are measured as if they were",
    )


def test_archives_of_the_challenge(tmp_path: Path) -> None:
    voxels = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    np.savez_compressed(tmp_path / "result.npz", segs=voxels)
    np.savez_compressed(tmp_path / "truth.npz", gts=voxels, imgs=voxels, spacing=[0.5, 0.75, 3.0])
    np.savez_compressed(tmp_path / "plane.npz", gts=LABELS)
    assert read_mask(tmp_path / "result.npz").labels.tolist() == voxels.T.tolist()
    assert read_mask(tmp_path / "result.npz").spacing is None
    assert read_mask(tmp_path / "truth.npz").spacing == (0.5, 0.75, 3.0)
    assert read_mask(tmp_path / "plane.npz").labels.tolist() == LABELS.tolist()
    np.savez(tmp_path / "other.npz", imgs=voxels)
    np.savez(tmp_path / "pickled.npz", segs=np.array([{}], dtype=object))
    (tmp_path / "no.npz").write_bytes(b"nothing")
    for name in ("other", "pickled", "no"):
        with pytest.raises(ValueError, match=rf"{name}.npz can't be read"):
            read_mask(tmp_path / f"{name}.npz")
    with pytest.raises(FileNotFoundError):
        read_mask(tmp_path / "missing.npz")
