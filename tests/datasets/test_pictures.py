# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Listing pictures without labels."""

from __future__ import annotations

from pathlib import Path

import pytest
from litemed.datasets.pictures import list_pictures
from PIL import Image


def test_pictures_of_a_folder_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "b.png").touch()
    (tmp_path / "a.TIF").touch()
    (tmp_path / "notes.txt").write_text("not a picture")
    assert list_pictures(tmp_path) == [{"image": str(tmp_path / "a.TIF")}, {"image": str(tmp_path / "b.png")}]
    assert list_pictures(tmp_path / "b.png") == [{"image": str(tmp_path / "b.png")}]


def test_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no picture"):
        list_pictures(tmp_path)
    with pytest.raises(FileNotFoundError, match="no picture or folder at"):
        list_pictures(tmp_path / "absent.png")


def test_pages_are_listed_where_all_are_wanted(tmp_path: Path) -> None:
    frames = [Image.new("L", (4, 4), k) for k in range(3)]
    frames[0].save(tmp_path / "pages.tif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "single.webp")
    (tmp_path / "damaged.png").write_text("not a picture")
    paths = {name: str(tmp_path / name) for name in ("damaged.png", "pages.tif", "single.webp")}
    alone = [{"image": paths["damaged.png"]}, {"image": paths["single.webp"]}]
    assert list_pictures(tmp_path) == [alone[0], {"image": paths["pages.tif"]}, alone[1]]
    for page, pages in (("all", (1, 2, 3)), (2, (2,)), ("2", (2,))):
        expected = [{"image": paths["pages.tif"], "page": number} for number in pages]
        assert list_pictures(tmp_path, page) == [alone[0], *expected, alone[1]]
    for page in (0, -1, "some", True):
        with pytest.raises(ValueError, match="expected the number of a page from 1, or all"):
            list_pictures(tmp_path, page)


def test_planes_and_dicom_files_are_pictures(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "b.dcm", "c.npz"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "IM1").write_bytes(b"\0" * 128 + b"DICM")
    assert [Path(item["image"]).name for item in list_pictures(tmp_path)] == ["IM1", "a.nii.gz", "b.dcm"]
