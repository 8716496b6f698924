# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Images and what their boxes are read from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from litemed.prompting.listing import list_prompted

BOXES = [[10.0, 5.0, 39.0, 24.0]]


def listed(path: Path, boxes: object = None) -> dict[str, object]:
    """What is listed, by name."""
    found = {}
    for case in list_prompted(path, boxes):
        source = case["box_source"]
        if isinstance(source, str):
            source = Path(source).name
        found[Path(case["image"]).name] = getattr(source, "rows", source)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.nii.gz", "b.png", "c#1.png"):
        (tmp_path / name).touch()
    return tmp_path


def test_boxes_lie_beside_their_images(folder: Path) -> None:
    for name in ("a.csv", "c#1.txt"):
        (folder / name).touch()
    with pytest.raises(ValueError, match=r"b\.png has no boxes: give some, or write them beside it to one of b\.json"):
        list_prompted(folder)
    (folder / "b.json").touch()
    assert listed(folder) == {"a.nii.gz": "a.csv", "b.png": "b.json", "c#1.png": "c#1.txt"}


def test_archives_bring_their_own(folder: Path) -> None:
    (folder / "d.npz").touch()
    assert listed(folder / "d.npz") == {"d.npz": None}
    (folder / "d.csv").touch()
    assert listed(folder / "d.npz") == {"d.npz": "d.csv"}


def test_boxes_for_all_images(folder: Path) -> None:
    assert listed(folder / "b.png", BOXES) == {"b.png": BOXES}
    assert listed(folder, BOXES) == {"a.nii.gz": BOXES, "b.png": BOXES, "c#1.png": BOXES}


def test_boxes_by_image(folder: Path) -> None:
    table = folder / "boxes.csv"
    table.write_text("image,x0,y0,x1,y1\nc#1.png,10,5,39,24\nscans/a,1,2,3,4\nc#1.png,1,2,3,4\n")
    assert listed(folder, table) == {"c#1.png": [*BOXES, [1, 2, 3, 4]], "a.nii.gz": [[1, 2, 3, 4]]}
    assert list(listed(folder / "c#1.png", "10,5,39,24")) == ["c#1.png"]
    assert listed(folder / "c#1.png", table) == {"c#1.png": [*BOXES, [1, 2, 3, 4]]}
    with pytest.raises(ValueError, match=r"boxes.csv has boxes for c#1\.png, scans/a, expected some for b\.png"):
        list_prompted(folder / "b.png", table)
    table.write_text("image,x0,y0,x1,y1\nc,1,2,3,4\n")
    with pytest.raises(FileNotFoundError, match=r"boxes.csv has boxes for c, which isn't at "):
        list_prompted(folder, table)


def test_a_folder_of_dicom_is_one_image(tmp_path: Path, write: Callable[..., Path]) -> None:
    for name in ("1.2.840.1", "1.2.840.2"):
        write("dicom", np.zeros((5, 4, 3), np.int16), np.diag([-1.0, -1, 1, 1]), name)
    assert listed(tmp_path / "1.2.840.1", BOXES) == {"1.2.840.1": BOXES}
    assert listed(tmp_path, BOXES) == {"1.2.840.1": BOXES, "1.2.840.2": BOXES}


def test_a_mask_is_a_source(folder: Path) -> None:
    (folder / "mask.png").touch()
    assert listed(folder / "b.png", folder / "mask.png") == {"b.png": "mask.png"}


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no picture or volume"):
        list_prompted(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"gone\.png doesn't exist"):
        list_prompted(tmp_path / "gone.png", BOXES)
    (tmp_path / "a.png").touch()
    with pytest.raises(FileNotFoundError, match=r"gone\.json doesn't exist"):
        list_prompted(tmp_path / "a.png", "gone.json")
