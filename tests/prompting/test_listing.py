# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Images and their boxes."""

from __future__ import annotations

from pathlib import Path

import pytest
from litemed.prompting.listing import list_prompted

BOXES = [[10, 5, 39, 24]]


def test_images_and_their_boxes(tmp_path: Path) -> None:
    for name in ("b.png", "a.nii.gz"):
        (tmp_path / name).touch()
    (tmp_path / "a.csv").touch()
    with pytest.raises(ValueError, match=r"b\.png has no boxes: give --boxes, or write them to b\.json"):
        list_prompted(tmp_path)
    (tmp_path / "b.json").touch()
    assert [(Path(case["image"]).name, Path(case["boxes"]).name) for case in list_prompted(tmp_path)] == [
        ("a.nii.gz", "a.csv"),
        ("b.png", "b.json"),
    ]
    assert list_prompted(tmp_path / "b.png", BOXES) == [{"image": str(tmp_path / "b.png"), "boxes": BOXES}]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no picture or volume"):
        list_prompted(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match=r"gone\.png doesn't exist"):
        list_prompted(tmp_path / "gone.png", BOXES)
