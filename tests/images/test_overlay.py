# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Labels painted over pictures."""

from __future__ import annotations

import numpy as np
import pytest
from litemed.images.overlay import mask_overlay, paint_labels

LABELS = np.zeros((9, 9), np.uint8)
LABELS[2:7, 2:9] = 1
LABELS[3:6, 3:6] = 3
COLOURS = [(250, 0, 0), (0, 0, 0), (0, 200, 100)]


@pytest.mark.parametrize(("outline", "within"), [(0, 9), (1, 1), (2, 0)])
def test_labels_are_tinted_and_outlined_within_themselves(outline: int, within: int) -> None:
    drawn = paint_labels(np.full((9, 9, 3), 100, np.uint8), LABELS, COLOURS, opacity=0.5, outline=outline)
    assert drawn.dtype == np.uint8
    assert (drawn[LABELS == 0] == 100).all()
    tinted = (drawn == (50, 150, 100)).all(axis=2)  # half of (0, 200, 100) and half of 100
    assert np.count_nonzero(tinted) == within
    solid = (drawn == (0, 200, 100)).all(axis=2)
    assert (solid | tinted).tolist() == (LABELS == 3).tolist()
    # at the border of the picture there is no outline
    assert drawn[4, 8].tolist() == [175, 50, 50]


def test_a_mask_has_an_outline_only_without_the_truth() -> None:
    mask = LABELS > 0
    alone = mask_overlay(np.zeros((9, 9, 3), np.uint8), mask, opacity=0.5)
    assert alone[2, 2].tolist() == [0, 158, 115]
    assert alone[4, 4].tolist() == [0, 79, 58]
    both = mask_overlay(np.zeros((9, 9, 3), np.uint8), mask, mask, opacity=0.5)
    assert both[2, 2].tolist() == [0, 79, 58]
