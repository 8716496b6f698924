# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from litemed.images import names


@pytest.mark.parametrize(
    ("name", "stem", "suffix"),
    [
        ("a.png", "a", ".png"),
        ("a.b.JPEG", "a.b", ".png"),
        ("a.webp", "a", ".png"),
        ("a.pgm", "a", ".png"),
        ("a.tif", "a", ".tif"),
        ("a.TIFF", "a", ".tiff"),
        ("a.nii", "a", ".nii"),
        ("a.nii.gz", "a", ".nii.gz"),
        ("a.v2.NII.GZ", "a.v2", ".nii.gz"),
        ("a.nrrd", "a", ".nrrd"),
        ("a.nhdr", "a", ".nrrd"),
        ("a.mha", "a", ".mha"),
        ("a.mhd", "a", ".mha"),
        ("a.dcm", "a", ".nii.gz"),
        ("IM-0001-0007", "IM-0001-0007", ".nii.gz"),
        ("1.2.840.5", "1.2.840.5", ".nii.gz"),
        ("3D_CT_a.npz", "3D_CT_a", ".npz"),
        (".nii.gz", ".nii.gz", ".nii.gz"),
    ],
)
def test_results_are_named_for_the_image(name, stem, suffix):
    assert names.image_stem(f"some/folder.png/{name}") == stem
    assert names.result_name(name) == f"{stem}_mask{suffix}"
    assert names.result_name(Path(name), "overlay", ".png") == f"{stem}_overlay.png"


def test_a_folder_keeps_its_dots(tmp_path):
    folder = tmp_path / "1.2.840.nii.gz"
    folder.mkdir()
    assert names.result_name(folder) == "1.2.840.nii.gz_mask.nii.gz"


def test_pages_and_series_have_names_of_their_own():
    assert names.result_name("a.tif", part=names.image_part({"image": "a.tif", "page": 3})) == "a_page3_mask.tif"
    assert names.stem_of({"filename_or_obj": "x/study", "series": "1.2"}) == "study_series1.2"
    assert names.stem_of({"filename_or_obj": "x/a.nii.gz", "page": None}) == "a"


def test_kinds(tmp_path):
    kinds = {"picture": names.is_picture, "volume": names.is_volume, "archive": names.is_archive}
    expected = {"a.png": "picture", "a.GIF": "picture", "a.mhd": "volume", "a.nii.gz": "volume", "a.npz": "archive"}
    expected |= {"a.gz": None, "a.json": None, "IM1": "volume", "DICOMDIR": None, "notes": None}
    for name in expected:
        start = b"\0" * 128 + b"DICM" if name in ("IM1", "DICOMDIR") else b""
        (tmp_path / name).write_bytes(start)
    assert {
        name: next((kind for kind, is_kind in kinds.items() if is_kind(tmp_path / name)), None) for name in expected
    } == expected
    assert {name for name in expected if names.is_image(tmp_path / name)} == {k for k, v in expected.items() if v}
    assert not names.is_image(tmp_path / ".hidden.png")


def test_a_folder_is_a_volume_when_dicom_lies_in_it_at_any_depth(tmp_path):
    (tmp_path / "series/deep").mkdir(parents=True)
    assert not names.is_volume(tmp_path / "series")
    (tmp_path / "series/deep/1.dcm").touch()
    assert names.is_volume(tmp_path / "series")


def test_two_images_never_give_one_result():
    names.check_result_names([{"image": "a.png", "page": 1}, {"image": "a.png", "page": 2}, {"image": "b.c.png"}])
    with pytest.raises(ValueError, match=r"x/a.png and y/a.nii.gz would give results of one name"):
        names.check_result_names([{"image": "x/a.png"}, {"image": "b.png"}, {"image": "y/a.nii.gz"}])
    with pytest.raises(ValueError, match="one name"):
        names.check_result_names([{"image": "a_page2.png"}, {"image": "a.tif", "page": 2}])
