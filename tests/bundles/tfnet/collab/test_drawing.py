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


@pytest.mark.parametrize(
    ("shape", "factor", "size"),
    [((960, 1280), 2, (480, 640)), ((1441, 2563), 3, (482, 856)), ((1, 1), 1, (2, 2)), ((768, 1024), 1, (768, 1024))],
)
def test_a_large_frame_is_reduced_by_a_whole_number(shape: tuple[int, int], factor: int, size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert annotated_size(*shape) == size
    planes = annotated_frame(image, Finding(frame=0, time=None, name="clear"), None, size)
    assert planes.shape == (size[0] * 3 // 2, size[1])
    whole = image[: shape[0] // factor * factor, : shape[1] // factor * factor].astype(float)
    means = whole.reshape(whole.shape[0] // factor, factor, whole.shape[1] // factor, factor).mean(axis=(1, 3))
    shown = planes[: means.shape[0], : means.shape[1]]
    below_caption = slice(60, None)
    assert np.abs(shown - (16 + means * 219 / 255))[below_caption].max(initial=0) <= 1.0
    if factor == 3:
        assert np.array_equal(planes[60 : size[0], -1], planes[60 : size[0], -2])


def test_marks_of_a_reduced_frame_are_where_they_were_found() -> None:
    image = np.full((960, 1280), 100, dtype=np.uint8)
    mask = np.zeros((200, 200), dtype=bool)
    mask[40:80, 60:120] = True
    finding = Finding(frame=0, time=None, name="broken", boxes=[[400.0, 300.0, 800.0, 700.0]] * 3, fraction=0.1)
    marked = annotated_frame(image, finding, Patch(mask, (500, 400)), (480, 640))[60:480] != round(16 + 100 * 219 / 255)
    # outline: y 440 to 480, x 560 to 620 of the frame; ring: x 400 to 800 at y 500
    rows, columns = np.nonzero(marked[215 - 60 : 245 - 60, 270:320])
    assert (rows.min() + 215, rows.max() + 215) == (219, 240)
    assert (columns.min() + 270, columns.max() + 270) == (279, 310)
    ring = np.flatnonzero(marked[250 - 60])
    assert (ring.min(), ring.max()) == (200, 400)
