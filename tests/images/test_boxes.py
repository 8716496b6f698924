# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes from users: every form they come in, and everything that is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from litemed.images.boxes import check_boxes, mask_boxes, volume_boxes
from litemed.images.volumes import open_volume

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


@pytest.mark.parametrize("boxes", [[[0.1, 0.2, 0.3, 0.4]], [[0, 0, 1, 1], [0.5, 0.5, 1, 1]], [[0, 0, 3, 1, 1, 7]]])
def test_shares_of_the_sides_are_refused(boxes: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"boxes in pixels of 100x90.*, got numbers from 0 to 1 alone \(a.csv\): mult"):
        check_boxes(boxes, (100, 90, 9)[: len(boxes[0]) // 2], "a.csv")


def test_a_small_object_in_the_corner_is_good() -> None:
    assert check_boxes([[0, 0, 1, 1], [5, 5, 8, 8]], (100, 90))[1] == []
    assert check_boxes([[0, 0, 1, 1]], (9, 9))[1] == []


def test_volumes_give_a_box_for_each_label(tmp_path: Path) -> None:
    volume = np.zeros((8, 9, 10), np.int16)
    volume[2:4, 3:8, 5] = 3
    volume[1:2, 0:9, 2:9] = 1
    nibabel.save(nibabel.Nifti1Image(volume, np.diag([-1, 1, 3, 1])), tmp_path / "mask.nii.gz")
    boxes, labels = volume_boxes(open_volume(tmp_path / "mask.nii.gz"))
    assert boxes.tolist() == [[0.5, 0, 2, 1.5, 8, 8], [2, 3, 5, 3, 7, 5]]
    assert labels.tolist() == [1, 3]
