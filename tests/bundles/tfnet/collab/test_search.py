# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The search for rings, with a detector that sees bright rectangles exactly, but at its own size only."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tfnet.collab.search import find_rings
from tfnet.detector import encode_rings

SIZE = (64, 48)


class Rectangles:
    """Gives a bright rectangle's box three times, inside and middle a half and three quarters of it."""

    def __init__(self) -> None:
        self.looks: list[torch.Tensor] = []

    def __call__(self, picture: torch.Tensor) -> torch.Tensor:
        self.looks.append(picture)
        across, down = (picture[0, 0].amax(dim=axis) > 0.5 for axis in (1, 0))
        if not across.any():
            return torch.tensor([[-9.0, *[0.5] * 12]])
        (x0, x1), (y0, y1) = ((int(each.nonzero()[0]), int(each.nonzero()[-1]) + 1) for each in (across, down))
        middle = torch.tensor([(x0 + x1) / 2, (y0 + y1) / 2] * 2)
        boxes = [(middle + share * (torch.tensor([x0, y0, x1, y1]) - middle)).tolist() for share in (0.5, 0.75, 1.0)]
        found = encode_rings(boxes, SIZE)
        found[0] = 9.0
        return found[None]


def _frame(height: int, width: int, x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    frame = np.zeros((height, width), np.uint8)
    frame[y0:y1, x0:x1] = 255
    return frame


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        ((960, 1280), (301, 407, 462, 549)),
        ((960, 1280), (0, 3, 150, 140)),
        ((960, 1280), (1100, 790, 1280, 960)),
        ((1280, 720), (301, 407, 462, 549)),
        ((480, 640), (150, 60, 500, 460)),
    ],
)
def test_the_second_look_is_as_fine_as_its_window(shape: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    detector = Rectangles()
    rings = find_rings(detector, _frame(*shape, *box), SIZE)
    assert rings is not None
    assert len(detector.looks) == 2
    assert detector.looks[1].shape == (1, 1, *SIZE)
    # the rectangle is 24 of the window's rows high
    pixel = max(box[2] - box[0], box[3] - box[1]) / 24
    assert np.abs(rings.boxes[-1] - box).max() < 0.8 * pixel
    assert rings.score == pytest.approx(1, abs=1e-3)


def test_rings_of_a_middle_size_are_looked_at_once() -> None:
    detector = Rectangles()
    rings = find_rings(detector, _frame(96, 128, 40, 20, 88, 70), SIZE)
    assert rings is not None
    assert len(detector.looks) == 1
    assert np.abs(rings.boxes[-1] - (40, 20, 88, 70)).max() < 1.6


def test_nothing_seen_is_looked_at_once() -> None:
    detector = Rectangles()
    assert find_rings(detector, np.zeros((96, 128), np.uint8), SIZE) is None
    assert len(detector.looks) == 1


def test_what_a_second_look_does_not_see_stays_as_it_was() -> None:
    class Once(Rectangles):
        def __call__(self, picture: torch.Tensor) -> torch.Tensor:
            return super().__call__(picture if not self.looks else torch.zeros_like(picture))

    box = (30, 20, 50, 40)
    detector = Once()
    rings = find_rings(detector, _frame(96, 128, *box), SIZE)
    assert rings is not None
    assert len(detector.looks) == 2
    assert np.abs(rings.boxes[-1] - box).max() < 2.5


def test_a_speck_of_a_large_frame_is_found() -> None:
    rings = find_rings(Rectangles(), _frame(96, 128, 64, 40, 66, 42), SIZE)
    assert rings is not None
    assert np.abs(rings.boxes[-1] - (64, 40, 66, 42)).max() < 1
