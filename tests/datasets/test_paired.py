# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Paired folders, and the checks that all readers share."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
from litemed.datasets.paired_folders import PARTS, paired, paired_part
from litemed.images.writing import write_volume
from PIL import Image

TIFF_LZW = {"compression": "tiff_lzw"}


@pytest.fixture
def folder(tmp_path, save, image, mask) -> Path:
    """Three sound pairs: a, b and c."""
    for name in "abc":
        save(tmp_path / "images" / f"{name}.png", image)
        save(tmp_path / "masks" / f"{name}.png", mask)
    return tmp_path


def test_lists_sorted_cases_with_absolute_paths(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    cases = paired(folder.name)
    assert cases == [
        {"case": name, "image": str(folder / "images" / f"{name}.png"), "label": str(folder / "masks" / f"{name}.png")}
        for name in "abc"
    ]


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "tif", "tiff", "bmp", "gif", "ppm"])
def test_takes_image_formats_in_any_mixture(folder, save, image, suffix):
    save(folder / "images" / f"d.{suffix}", image)
    save(folder / "masks" / "d.png", np.zeros((6, 8), np.uint8) + 1)
    assert [Path(case["image"]).name for case in paired(folder)] == ["a.png", "b.png", "c.png", f"d.{suffix}"]


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
def test_takes_modes_of_masks(folder, mask, mode):
    grey = Image.fromarray(mask)
    label = Image.fromarray(mask.astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    label.save(folder / "masks" / "a.png")
    assert len(paired(folder, label_values="binary")) == 3


def test_flat_folders_are_drawn_and_divided_ones_kept(folder, save, image, mask):
    with pytest.raises(ValueError, match=rf"{folder}: expected more images to divide into training, validation, test"):
        paired_part(folder, "test")
    for name in "defghij":
        save(folder / "images" / f"{name}.png", image)
        save(folder / "masks" / f"{name}.png", mask)
    drawn = [[case["case"] for case in paired_part(folder, part)] for part in PARTS]
    assert [len(part) for part in drawn] == [7, 2, 1]  # of 7, 1.5 and 1.5
    assert sorted(name for part in drawn for name in part) == list("abcdefghij")
    for kind in ("images", "masks"):
        (folder / "test").mkdir(exist_ok=True)
        (folder / kind).rename(folder / "test" / kind)
    assert len(paired_part(folder, "test")) == 10
    with pytest.raises(FileNotFoundError):
        paired_part(folder, "training")
    with pytest.raises(ValueError, match="expected a part of training, validation, test, got 'train'"):
        paired_part(folder, "train")


def test_reads_parts(tmp_path, save, image, mask):
    for part, names in (("training", "ab"), ("test", "c")):
        for name in names:
            save(tmp_path / part / "scans" / f"{name}.png", image)
            save(tmp_path / part / "truth" / f"{name}.png", mask)
    options = {"images": "scans", "masks": "truth"}
    assert [case["case"] for case in paired(tmp_path, split="training", **options)] == ["a", "b"]
    assert [case["case"] for case in paired(tmp_path, split="test", **options)] == ["c"]
    with pytest.raises(
        FileNotFoundError, match=r"expected validation/scans/ and validation/truth/ .* test/, training/"
    ):
        paired(tmp_path, split="validation", **options)
    with pytest.raises(FileNotFoundError, match=r"expected images/ and masks/ .* found test/, training/"):
        paired(tmp_path)


def test_reads_volumes(tmp_path):
    for kind, values in (("images", np.arange(24)), ("masks", np.arange(24) % 3)):
        (tmp_path / kind).mkdir()
        volume = nibabel.Nifti1Image(values.reshape(2, 3, 4).astype(np.int16), np.eye(4))
        nibabel.save(volume, tmp_path / kind / "scan.1.nii.gz")
    assert [case["case"] for case in paired(tmp_path)] == ["scan.1"]
    with pytest.raises(ValueError, match=r"scan\.1\.nii\.gz has 3 values, expected 0 and one other: 0, 1, 2"):
        paired(tmp_path, label_values="binary")


def test_ignores_hidden_and_other_files(folder):
    for name in ("._a.png", ".DS_Store", "Thumbs.db", "notes.txt"):
        (folder / "images" / name).write_bytes(b"")
    assert len(paired(folder)) == 3


def test_missing_partners_are_all_named(folder):
    (folder / "masks" / "a.png").unlink()
    (folder / "images" / "c.png").unlink()
    with pytest.raises(ValueError, match="2 missing partner") as error:
        paired(folder, validate=False)
    assert f"{folder}/images/a.png has no label" in str(error.value)
    assert f"label {folder}/masks/c.png has no image" in str(error.value)


def test_two_files_for_one_case(folder, save, image):
    save(folder / "images" / "a.tif", image)
    with pytest.raises(ValueError, match=r"two files for one case 'a': .*a\.png and .*a\.tif"):
        paired(folder)


def test_empty_or_missing_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere doesn't exist"):
        paired(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="found an empty folder"):
        paired(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(FileNotFoundError, match=r"expected image files .*images, found an empty folder"):
        paired(tmp_path)


def test_missing_mask_folder(tmp_path, save, image):
    save(tmp_path / "images" / "a.png", image)
    with pytest.raises(FileNotFoundError, match=r"expected a folder masks/ .* found images/"):
        paired(tmp_path)


def test_size_of_mask_differs(folder, save, mask):
    save(folder / "masks" / "b.png", mask[:, :5])
    with pytest.raises(ValueError, match=r"1 of 3 cases are wrong:\n  .*masks/b\.png is 5x6, .*images/b\.png is 8x6"):
        paired(folder)
    assert len(paired(folder, validate=False)) == 3


def test_values_of_mask(folder, save, mask):
    save(folder / "masks" / "b.png", mask + np.eye(6, 8, dtype=np.uint8))
    assert len(paired(folder, label_values="any")) == 3
    with pytest.raises(ValueError, match=r"masks/b\.png has 3 values, expected 0 and one other: 0, 1, 255"):
        paired(folder, label_values="binary")
    save(folder / "masks" / "b.png", mask // 2 + 128)
    with pytest.raises(ValueError, match=r"masks/b\.png has 2 values, expected 0 and one other: 128, 255"):
        paired(folder, label_values="binary")


def test_coloured_mask(folder, save, image):
    save(folder / "masks" / "b.png", image)
    with pytest.raises(ValueError, match=r"masks/b\.png: a mask must be grey"):
        paired(folder)


@pytest.mark.parametrize("wrong", [np.nan, 0.5, -1.0, np.inf])
def test_labels_are_whole_numbers(folder, save, mask, wrong):
    labels = mask.astype(np.float32)
    labels[0, 0] = wrong
    (folder / "masks" / "b.png").unlink()
    save(folder / "masks" / "b.tif", labels)
    with pytest.raises(
        ValueError,
        match=r"masks/b\.tif: expected (whole numbers as labels, got 0.5|labels from 0, got -1|labels, got NaN or inf)",
    ):
        paired(folder)


def test_empty_label_is_a_notice(folder, save, mask):
    save(folder / "masks" / "b.png", mask * 0)
    with pytest.warns(UserWarning, match=r"1 of 3 labels have no foreground:\n  .*masks/b\.png"):
        assert len(paired(folder)) == 3


def test_sound_data_give_no_warning(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paired(folder, label_values="binary")


def test_many_problems_are_counted(tmp_path, save, image, mask):
    for number in range(14):
        save(tmp_path / "images" / f"{number:02d}.png", image)
        save(tmp_path / "masks" / f"{number:02d}.png", mask if number == 5 else mask[1:])
    with pytest.raises(ValueError, match="13 of 14 cases are wrong") as error:
        paired(tmp_path)
    assert str(error.value).count("is 8x5") == 10
    assert str(error.value).endswith("and 3 more")


@pytest.mark.parametrize("kind", ["images", "masks"])
@pytest.mark.parametrize("kept", [0.0, 0.05, 0.5, 0.9])
@pytest.mark.parametrize(
    ("suffix", "options"),
    [("png", {}), ("jpg", {}), ("gif", {}), ("bmp", {}), ("ppm", {}), ("tif", {}), ("tif", TIFF_LZW), ("nii.gz", {})],
)
def test_truncated_files_are_named(tmp_path, kind, kept, suffix, options):
    pixels = np.random.default_rng(1).integers(0, 2, (64, 48), dtype=np.uint8) * 255
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        path = tmp_path / name / f"a.{suffix}"
        if suffix == "nii.gz":
            nibabel.save(nibabel.Nifti1Image(pixels[..., None], np.eye(4)), path)
        else:
            Image.fromarray(pixels).save(path, **options)
    assert len(paired(tmp_path, threshold=127)) == 1
    path = tmp_path / kind / f"a.{suffix}"
    os.truncate(path, int(kept * path.stat().st_size))
    with pytest.raises(
        ValueError, match=rf"1 of 1 cases are wrong:\n  {path}( can't be read|: not a readable|: truncated)"
    ):
        paired(tmp_path, threshold=127)


def test_bytes_after_the_end_of_a_file_do_no_harm(folder):
    image = Image.new("RGB", (8, 6), (200, 100, 0))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    (folder / "images" / "a.png").unlink()
    (folder / "images" / "a.jpg").write_bytes(buffer.getvalue() + b"appended by a camera")
    assert len(paired(folder)) == 3


def test_pictures_that_claim_too_many_pixels_are_named(folder):
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = (b"IHDR" + header, b"IEND")
    data = b"".join(struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in chunks)
    for part in ("images", "masks"):
        (folder / part / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    with pytest.raises(ValueError, match=r"1 of 3 cases are wrong:\n.*b\.png .*3600000000 pixels\) exceeds limit"):
        paired(folder)


def test_a_turned_photograph_has_the_size_that_viewers_show(folder, image, mask):
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(np.rot90(image)).save(folder / "images/b.png", exif=exif)
    assert len(paired(folder)) == 3
    Image.fromarray(np.rot90(mask)).save(folder / "masks/b.png")
    with pytest.raises(ValueError, match=r"b\.png is 6x8, but its image .*b\.png is 8x6"):
        paired(folder)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_volumes_of_every_format_that_are_cut_short(suffix, tmp_path):
    labels = np.random.default_rng(0).integers(0, 2, (30, 20, 10)).astype(np.uint8)
    for part in ("images", "masks"):
        write_volume(tmp_path / part / f"a{suffix}", labels, np.eye(4))
    assert [case["case"] for case in paired(tmp_path)] == ["a"]
    cut = tmp_path / "images" / f"a{suffix}"
    cut.write_bytes(cut.read_bytes()[:-50])
    with pytest.raises(ValueError, match=rf"a\{suffix}: (truncated|damaged)"):
        paired(tmp_path)
