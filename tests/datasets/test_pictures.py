# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Listing pictures without labels."""

from __future__ import annotations

from pathlib import Path

import pytest
from litemed.datasets.pictures import list_pictures


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
