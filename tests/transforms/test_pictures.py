# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Reading pictures of every kind."""

from __future__ import annotations

from pathlib import Path

import itk
import nibabel
import numpy as np
import pytest
import torch
from litemed.transforms.label_maps import LoadLabeld
from litemed.transforms.pictures import LoadPictured, to_picture
from PIL import Image, ImageOps

ROWS = np.arange(12, dtype=np.uint8).reshape(3, 4)  # 3 high, 4 wide


def _load(path: Path) -> torch.Tensor:
    return LoadPictured("image")({"image": str(path)})["image"]


@pytest.mark.parametrize(
    ("array", "mode", "suffix"),
    [
        (ROWS, "L", "png"),
        (ROWS, "L", "bmp"),
        (ROWS.astype(np.uint16) * 4000, "I;16", "png"),
        (ROWS.astype(np.uint16) * 4000, "I;16", "tif"),
        (ROWS.astype(np.float32) / 7, "F", "tif"),
    ],
)
def test_grey_becomes_three_equal_channels(array: np.ndarray, mode: str, suffix: str, tmp_path: Path) -> None:
    picture = Image.fromarray(array)
    assert picture.mode == mode
    picture.save(tmp_path / f"grey.{suffix}")
    result = _load(tmp_path / f"grey.{suffix}")
    assert result.shape == (3, 4, 3)
    for channel in result:
        np.testing.assert_array_equal(np.asarray(channel), array.T.astype(np.float32))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "LA", "1"])
def test_other_modes_become_rgb(mode: str, tmp_path: Path) -> None:
    rgb = np.zeros((3, 4, 3), dtype=np.uint8)
    rgb[0, 1] = 255
    name = tmp_path / ("picture.tif" if mode == "CMYK" else "picture.png")
    Image.fromarray(rgb).convert(mode).save(name)
    result = np.asarray(_load(name))
    assert result.shape == (3, 4, 3)
    assert (result[:, 1, 0] == 255).all()
    assert result.sum() == 3 * 255


@pytest.mark.parametrize(("shape", "sides"), [((1, 1), "1x1"), ((3, 1), "1x3"), ((1, 4), "4x1")])
def test_picture_that_is_too_small(shape: tuple[int, int], sides: str, tmp_path: Path) -> None:
    Image.fromarray(np.zeros(shape, dtype=np.uint8)).save(tmp_path / "tiny.png")
    assert _load(tmp_path / "tiny.png").shape == (3, *shape[::-1])
    with pytest.raises(ValueError, match=rf"tiny\.png is {sides} pixels, expected at least 2 on each side"):
        LoadPictured("image", min_side=2)({"image": str(tmp_path / "tiny.png")})


def test_labels_are_binary(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 1], [300, 7]], dtype=np.uint16)).save(tmp_path / "label.png")
    result = LoadLabeld("label")({"label": str(tmp_path / "label.png")})["label"]
    assert result.tolist() == [[[0, 1], [1, 1]]]


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_label_saved_as_a_volume_of_one_slice(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"label{suffix}"
    itk.imwrite(itk.image_from_array(ROWS[None]), str(path))
    result = LoadLabeld("label", threshold=5)({"label": str(path)})["label"]
    assert np.asarray(result).tolist() == [(ROWS.T > 5).tolist()]


def test_volume_of_many_slices_is_no_picture(tmp_path: Path) -> None:
    itk.imwrite(itk.image_from_array(np.stack([ROWS, ROWS])), str(tmp_path / "volume.nii.gz"))
    with pytest.raises(ValueError, match=r"single slice, got .*volume\.nii\.gz of \(4, 3, 2\) voxels"):
        LoadLabeld("label")({"label": str(tmp_path / "volume.nii.gz")})


def test_label_threshold_and_missing_key(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 127], [128, 255]], dtype=np.uint8)).save(tmp_path / "label.png")
    load = LoadLabeld(["label", "region"], threshold=127, allow_missing_keys=True)
    assert load({"label": str(tmp_path / "label.png")})["label"].tolist() == [[[0, 1], [0, 1]]]


def test_truncated_tiff_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.tif"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(ValueError, match=r"cut\.tif can't be read as a picture"):
        _load(path)


def test_not_a_picture(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("words")
    with pytest.raises(ValueError, match=r"notes\.png can't be read as a picture: it has no known format"):
        _load(tmp_path / "notes.png")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.png"):
        _load(tmp_path / "absent.png")


def test_a_turned_photograph_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(ROWS).save(tmp_path / "phone.png", exif=exif)
    shown = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "phone.png")))
    np.testing.assert_array_equal(_load(tmp_path / "phone.png")[0], shown.T)


def test_a_page_is_chosen_by_the_item(tmp_path: Path) -> None:
    frames = [Image.fromarray(ROWS + k) for k in (0, 100)]
    frames[0].save(tmp_path / "pages.tif", save_all=True, append_images=frames[1:])
    loaded = LoadPictured("image")({"image": str(tmp_path / "pages.tif"), "page": 2})["image"]
    np.testing.assert_array_equal(loaded[1], ROWS.T + 100)
    assert loaded.meta["page"] == 2
    with pytest.raises(ValueError, match="2 pages: choose one from 1 to 2"):
        _load(tmp_path / "pages.tif")


@pytest.mark.parametrize("across", [0, 1, 2])
def test_a_volume_of_one_slice_is_a_picture(across: int, tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.expand_dims(ROWS.T, across), np.eye(4)), tmp_path / "plane.nii.gz")
    np.testing.assert_array_equal(_load(tmp_path / "plane.nii.gz")[2], ROWS.T)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_refused(value: float, tmp_path: Path) -> None:
    array = np.zeros((3, 4), dtype=np.float32)
    array[1, 2] = value
    Image.fromarray(array).save(tmp_path / "bad.tif")
    with pytest.raises(ValueError, match=r"bad\.tif holds NaN or infinite"):
        _load(tmp_path / "bad.tif")


def test_to_picture_stretches_and_turns() -> None:
    image = torch.linspace(-2, 2, 12).reshape(1, 4, 3)  # 4 wide, 3 high
    picture = to_picture(image)
    assert picture.shape == (3, 4, 3)
    assert picture.dtype == np.uint8
    assert picture[0, 0].tolist() == [0, 0, 0]
    assert picture[-1, -1].tolist() == [255, 255, 255]


def test_to_picture_shows_colours_as_they_are() -> None:
    colours = np.zeros((3, 2, 1), dtype=np.float32)
    colours[:, 1, 0] = (180, 90, 40)
    assert to_picture(colours).tolist() == [[[0, 0, 0], [180, 90, 40]]]


def test_to_picture_of_a_flat_image() -> None:
    assert not to_picture(np.full((3, 4, 4), 9.0)).any()
