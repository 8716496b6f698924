# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Annotated frames: the picture as it is, and marks where something was found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from tfnet.collab.drawing import _outline, annotated_frame, annotated_size
from tfnet.collab.frames import Finding, Patch


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_outline_is_what_growing_adds_and_shrinking_takes(share: float) -> None:
    mask = np.random.default_rng(0).random((40, 31)) < share
    expected = ndimage.binary_dilation(mask) & ~ndimage.binary_erosion(mask)
    assert np.array_equal(_outline(mask), expected)


def test_a_frame_keeps_its_grey_values_away_from_marks() -> None:
    image = np.random.default_rng(0).integers(0, 256, (96, 128), dtype=np.uint8)
    size = annotated_size(*image.shape)
    assert size == image.shape
    mask = np.zeros((30, 30), dtype=bool)
    mask[10:20, 10:20] = True
    box = [[50.0, 50.0, 60.0, 60.0], [45.0, 45.0, 70.0, 70.0], [40.0, 40.0, 90.0, 90.0]]
    finding = Finding(frame=3, time=0.1, name="broken", boxes=box, fraction=0.1)
    planes = annotated_frame(image, finding, Patch(mask, (45, 45)), size)
    assert planes.shape == (144, 128)
    limited = np.round(16 + image.astype(float) * 219 / 255)
    caption = planes[:30]
    assert not np.array_equal(caption, limited[:30])
    assert np.array_equal(planes[30:96, :38], limited[30:, :38])
    marked = planes[30:96] != limited[30:]
    ring_centre_row, left_edge = 65 - 30, 40
    assert marked[ring_centre_row, left_edge - 1 : left_edge + 2].any()
    outline_row, outline_column = 55 - 30, 60
    assert marked[outline_row - 1 : outline_row + 1, outline_column].any()
    assert not marked[60 - 30, 58:62].any()
    chroma = planes[96:].reshape(2, 48, 64)
    assert (chroma[:, 15:, :19] == 128).all()
    assert (chroma[:, 27, 30] != 128).any()


def test_an_unreadable_frame_is_black() -> None:
    planes = annotated_frame(None, Finding(frame=0, time=None, name="unreadable"), None, (64, 96))
    assert (planes[40:64] == 16).all()


def test_a_large_frame_is_scaled_down() -> None:
    slope = np.linspace(20, 220, 1280)
    image = np.repeat(np.round(slope)[None], 960, axis=0).astype(np.uint8)
    size = annotated_size(*image.shape)
    assert size == (720, 960)
    planes = annotated_frame(image, Finding(frame=0, time=None, name="clear"), None, size)
    # the same slope at the centres of wider pixels
    expected = 16 + np.interp((np.arange(960) + 0.5) * 4 / 3 - 0.5, np.arange(1280), slope) * 219 / 255
    assert np.abs(planes[100:720] - expected).max() < 1.5
