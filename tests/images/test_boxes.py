# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes from users: every form they come in, and everything that is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from litemed.images.boxes import check_boxes, mask_boxes, read_boxes
from litemed.images.masks import read_mask
from PIL import Image

NAN, INF = float("nan"), float("inf")


def test_good_boxes_pass_unchanged() -> None:
    boxes, notices = check_boxes([[0, 0, 512, 400], [10.5, 20.25, 30.75, 40]], (512, 400))
    assert boxes.tolist() == [[0, 0, 512, 400], [10.5, 20.25, 30.75, 40]]
    assert notices == []
    assert check_boxes((1, 2, 3, 4), (9, 9))[0].shape == (1, 4)


def test_boxes_that_leave_the_image_are_clipped_with_a_notice() -> None:
    boxes, notices = check_boxes([[-5, 10, 20, 600], [1, 1, 2, 2]], (512, 400), "a.json")
    assert boxes.tolist() == [[0, 10, 20, 400], [1, 1, 2, 2]]
    assert notices == ["box 1 of a.json, [-5.0, 10.0, 20.0, 600.0], leaves the image of 512x400 and was clipped to it"]
    boxes, notices = check_boxes([0, 0, -2, 5, 5, 30], (9, 9, 20))
    assert boxes.tolist() == [[0, 0, 0, 5, 5, 19]]
    assert len(notices) == 1


@pytest.mark.parametrize(
    ("boxes", "sides", "message"),
    [
        ([700, 10, 720, 40], (512, 512), r"inside 512x512 as x0,y0,x1,y1, got \[700.0, 10.0, 720.0, 40.0\] \(box 1 of"),
        ([[1, 1, 5, 5], [-9, 1, -2, 5]], (9, 9), r"inside 9x9 .* \(box 2 of case.npz\)"),
        ([5, 1, 5, 9], (9, 9), r"ends lie beyond its starts.*\[5.0, 1.0, 5.0, 9.0\]"),
        ([1, 8, 5, 2], (9, 9), "ends lie beyond"),
        ([1, 1, 6, 5, 5, 4], (9, 9, 9), "ends lie beyond"),
        ([1, 1, 9, 5, 5, 12], (9, 9, 9), "inside 9x9x9"),
        ([1, NAN, 5, 5], (9, 9), r"finite numbers.*nan"),
        ([1, 1, INF, 5], (9, 9), "finite numbers"),
        ([1, 2, 3], (9, 9), r"4 numbers x0,y0,x1,y1.*\(3,\)"),
        ([[1, 1, 0, 5, 5, 3]], (9, 9), r"4 numbers.*\(1, 6\)"),
        ([[1, 1, 5, 5]], (9, 9, 9), r"6 numbers x0,y0,z0,x1,y1,z1"),
        (np.zeros((2, 2, 4)), (9, 9), r"\(2, 2, 4\)"),
        ([], (9, 9), "expected boxes|at least one"),
        (np.zeros((0, 4)), (9, 9), "at least one box"),
        ([["a", 1, 2, 3]], (9, 9), "4 numbers"),
        ([[1, 2, 3, 4], [1, 2]], (9, 9), "4 numbers"),
    ],
)
def test_wrong_boxes_are_named(boxes: Any, sides: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_boxes(boxes, sides, "case.npz")


def test_a_box_of_one_slice_is_good() -> None:
    assert check_boxes([1, 1, 4, 5, 5, 4], (9, 9, 9))[0].tolist() == [[1, 1, 4, 5, 5, 4]]


def test_masks_give_a_box_for_each_label() -> None:
    mask = np.zeros((20, 30), np.uint16)
    mask[3:8, 10:25] = 700
    mask[12, 4] = 2
    boxes, labels = mask_boxes(mask)
    assert labels.tolist() == [2, 700]
    assert boxes.tolist() == [[3.5, 11.5, 4.5, 12.5], [10, 3, 24, 7]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2,3,4", [[1, 2, 3, 4]]),
        ("1 2 3.5 4; 5,6,7,8", [[1, 2, 3.5, 4], [5, 6, 7, 8]]),
        ("[[1,2,3,4],[5,6,7,8]]", [[1, 2, 3, 4], [5, 6, 7, 8]]),
        ("1,-inf,1e1,4", [[1, -INF, 10, 4]]),
    ],
)
def test_reads_boxes_from_the_command_line(text: str, expected: list[list[float]]) -> None:
    assert read_boxes(text, 2) == (expected, "the command line")


def test_reads_json_and_csv(tmp_path: Path) -> None:
    rows = [[1, 2, 3, 4], [5, 6.5, 7, 8]]
    plain, under, csv, named = (tmp_path / name for name in ("a.json", "b.json", "a.csv", "b.csv"))
    plain.write_text(json.dumps(rows))
    under.write_text(json.dumps({"boxes": rows}))
    csv.write_text("1,2,3,4\n5,6.5,7,8\n\n")
    named.write_text("name,y0,x0,y1,x1\nliver,2,1,4,3\nspleen,6.5,5,8,7\n")
    for path in (plain, under, csv, named):
        boxes, source = read_boxes(path, 2)
        assert boxes == rows
        assert source == path.name


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "{", "a.json isn't readable JSON"),
        ("a.json", '{"rois": []}', "a.json: expected a list of boxes"),
        ("a.csv", "1,2,3", r"a.csv: expected x0,y0,x1,y1 in every row, got '1,2,3' \(box 1\)"),
        ("a.csv", "1,2,3,4\n5,6,x,8", r"a.csv: .*\(box 2\)"),
        ("a.png", "no picture", "a.png can't be read"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        read_boxes(tmp_path / name, 2)


def test_a_volume_gives_no_boxes_for_a_picture(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.ones((3, 3, 3), np.uint8), np.eye(4)), tmp_path / "mask.nii")
    with pytest.raises(ValueError, match=r"mask.nii: expected the mask of a picture"):
        read_boxes(tmp_path / "mask.nii", 2)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"boxes.json doesn't exist"):
        read_boxes("boxes.json", 2)


def test_reads_boxes_from_masks(tmp_path: Path) -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[3:8, 10:25], mask[10:13, 1:3] = 255, 128
    Image.fromarray(mask).save(tmp_path / "mask.png")
    assert read_boxes(tmp_path / "mask.png", 2)[0].tolist() == [[1, 10, 2, 12], [10, 3, 24, 7]]
    volume = np.zeros((8, 9, 10), np.int16)
    volume[2:4, 3:8, 5] = 3
    volume[1:2, 0:9, 2:9] = 1
    nibabel.save(nibabel.Nifti1Image(volume, np.diag([-1, 1, 3, 1])), tmp_path / "mask.nii.gz")
    assert read_boxes(tmp_path / "mask.nii.gz", 3)[0].tolist() == [[0.5, 0, 2, 1.5, 8, 8], [2, 3, 5, 3, 7, 5]]


def test_empty_and_blurred_masks_are_refused(tmp_path: Path) -> None:
    Image.new("L", (5, 5)).save(tmp_path / "empty.png")
    with pytest.raises(ValueError, match=r"empty.png: the mask has no label"):
        read_boxes(tmp_path / "empty.png", 2)
    Image.new("L", (5, 5), 255).save(tmp_path / "blurred.jpg")
    with pytest.raises(ValueError, match="give a threshold"):
        read_mask(tmp_path / "blurred.jpg")
    assert read_mask(tmp_path / "blurred.jpg", 127).labels.tolist() == [[1] * 5] * 5
    Image.new("RGB", (5, 5), (1, 2, 3)).save(tmp_path / "colour.png")
    with pytest.raises(ValueError, match="colour channels differ"):
        read_mask(tmp_path / "colour.png")
