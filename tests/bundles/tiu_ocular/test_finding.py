# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Eyes in a label map, and sections of a picture around them."""

from __future__ import annotations

import numpy as np
import pytest
from tiu_ocular.finding import find_eyes, section


def _map(*boxes: tuple[int, int, int, int, int]) -> np.ndarray:
    """Label map (60, 40) of boxes: left, right, top, bottom, value."""
    labels = np.zeros((60, 40), dtype=np.uint8)
    for left, right, top, bottom, value in boxes:
        labels[left:right, top:bottom] = value
    return labels


EYE = ((10, 30, 10, 20, 1), (15, 22, 12, 18, 2))


def test_nothing_found() -> None:
    assert find_eyes(_map()) == []


def test_an_eye_with_all_its_parts_is_one() -> None:
    labels = _map(*EYE, (17, 19, 14, 16, 3), (8, 10, 14, 17, 4))
    assert find_eyes(labels) == [(slice(8, 30), slice(10, 20))]


def test_a_larger_blob_of_one_region_is_no_eye() -> None:
    assert find_eyes(_map(*EYE, (35, 60, 25, 40, 2), (0, 30, 30, 40, 1))) == [(slice(10, 30), slice(10, 20))]


def test_without_any_iris_the_largest_part_stands() -> None:
    assert find_eyes(_map((10, 30, 10, 20, 1), (40, 45, 10, 20, 1))) == [(slice(10, 30), slice(10, 20))]


def test_two_eyes_come_with_the_larger_last_and_a_speck_is_left_out() -> None:
    second = ((36, 50, 22, 32, 1), (40, 45, 24, 30, 3))  # 30 of 110 against 42 of 158
    speck = ((55, 60, 2, 4, 1), (57, 59, 2, 4, 2))  # 4 is less than a quarter of 42
    assert find_eyes(_map(*EYE, *second, *speck)) == [(slice(36, 50), slice(22, 32)), (slice(10, 30), slice(10, 20))]


@pytest.mark.parametrize(
    ("eye", "expected"),
    [
        # 100 x 40 at margin 1.5: the width fills the frame 240 x 160, so 150 x 100 around the middle (200, 150)
        ((slice(150, 250), slice(130, 170)), (slice(125, 275), slice(100, 200))),
        # 40 x 100: the height fills it, 225 x 150
        ((slice(180, 220), slice(100, 200)), (slice(87, 313), slice(75, 225))),
        # the picture ends
        ((slice(0, 100), slice(0, 40)), (slice(0, 125), slice(0, 70))),
    ],
)
def test_section(eye: tuple[slice, slice], expected: tuple[slice, slice]) -> None:
    assert section(eye, (480, 320), (240, 160), 1.5) == expected
