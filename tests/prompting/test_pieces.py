# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Specks of a mask that lie outside of what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from litemed.prompting import Session
from litemed.prompting.box_2d import Box2DInferer
from litemed.prompting.box_3d import Box3DInferer
from litemed.prompting.pieces import keep_meant
from PIL import Image


def _map(*pieces: tuple[int, int, int, int]) -> torch.Tensor:
    """Logits that are 1 on pieces x0, y0, x1, y1, ends included, and -2 beside them."""
    logits = torch.full((256, 256), -2.0)
    for x0, y0, x1, y1 in pieces:
        logits[y0 : y1 + 1, x0 : x1 + 1] = 1
    return logits


SPECK = (200, 200, 203, 203)
BOX = [20.0, 20, 60, 60]


@pytest.mark.parametrize(
    ("piece", "stays"),
    [
        ((30, 30, 50, 50), True),
        ((55, 30, 120, 50), True),  # from inside the box to far beyond
        ((60, 60, 70, 70), True),  # its corner pixel
        ((61, 30, 70, 40), False),
        ((30, 10, 40, 19), False),
        (SPECK, False),
    ],
)
def test_a_piece_stays_where_it_touches_the_box(piece: tuple[int, int, int, int], stays: bool) -> None:
    expected = _map((30, 52, 40, 58), piece) if stays else _map((30, 52, 40, 58))
    kept = keep_meant(_map((30, 52, 40, 58), piece), BOX)
    assert torch.equal(kept > 0, expected > 0)
    if not stays:
        assert kept[piece[1], piece[0]] == -1


def test_pieces_that_touch_by_a_corner_are_one() -> None:
    whole = _map((30, 30, 60, 60), (61, 61, 63, 63))
    assert torch.equal(keep_meant(whole, BOX), whole)


def test_a_positive_click_keeps_its_piece() -> None:
    logits = _map((30, 30, 50, 50), SPECK, (100, 5, 110, 9))
    assert torch.equal(keep_meant(logits, BOX, [[201.4, 202]]) > 0, _map((30, 30, 50, 50), SPECK) > 0)
    assert torch.equal(keep_meant(logits, BOX, [[150, 150]]) > 0, _map((30, 30, 50, 50)) > 0)
    assert not (keep_meant(_map(SPECK), BOX) > 0).any()


class _Specked:
    """The box, and a speck far from it."""

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        return image

    def decode(
        self, embedding: torch.Tensor, boxes: torch.Tensor | None, *prompts: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        numbers = [[20, 20, 60, 60]] if boxes is None else boxes.round().int().tolist()
        logits = torch.stack([_map(tuple(box), SPECK) for box in numbers])[:, None]
        return logits, torch.ones(len(numbers), 1)


@pytest.mark.parametrize("challenge_compat", [False, True])
def test_boxes_of_pictures_and_volumes(challenge_compat: bool) -> None:
    picture = np.zeros((512, 512), np.uint8)
    picture[0, 0] = 255
    found = Box2DInferer(challenge_compat).segment(picture, np.array([[40, 40, 120, 120]]), _Specked()).labels
    assert found[80, 80] == 1
    assert found[400:410, 400:410].any() == challenge_compat
    volume = np.stack([picture] * 3)
    found = Box3DInferer(challenge_compat).segment(volume, np.array([[40, 40, 0, 120, 120, 2]]), _Specked()).labels
    assert found[:, 80, 80].tolist() == [1, 1, 1]
    # with the speck the rectangle of the next slice reaches it
    assert found[2, 300, 300] == found[2, 405, 405] == int(challenge_compat)


def test_sessions(tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    Image.fromarray(np.arange(256, dtype=np.uint8)[None].repeat(256, 0)).save(file)
    with Session(_Specked(), file, folder=tmp_path / "kept") as session:
        session.add_object("one")
        session.box("one", BOX)
        assert session.mask("one").sum() == 41 * 41
        session.click("one", 30, 30)
        assert session.mask("one").sum() == 41 * 41
        session.click("one", 202, 201)
        assert session.mask("one").sum() == 41 * 41 + 16
        session.add_object("by clicks")
        session.click("by clicks", 30, 30)
        assert session.mask("by clicks").sum() == 41 * 41 + 16
