# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated clicks, at places that arithmetic gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from litemed.prompting.clicks import Click, SimulatedUser, next_click, next_stroke, stroke_clicks


def _rectangle(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    mask = np.zeros((40, 50), bool)
    mask[top:bottom, left:right] = True
    return mask


NOTHING = _rectangle(0, 0, 0, 0)
SQUARE = _rectangle(10, 21, 20, 31)  # 11x11 with its middle at x 25, y 15


@pytest.mark.parametrize(
    ("mask", "truth", "expected"),
    [
        (NOTHING, SQUARE, Click(25, 15, True)),
        (SQUARE, NOTHING, Click(25, 15, False)),
        (SQUARE, SQUARE, None),
        # missed: the upper 5 rows of the 7x7; too much: 9x9 elsewhere, which is larger
        (_rectangle(5, 7, 0, 7) | _rectangle(20, 29, 40, 49), _rectangle(0, 7, 0, 7), Click(44, 24, False)),
        # 4 is as large as 4: what was missed comes first, and of equally deep places the first
        (_rectangle(30, 32, 4, 6), _rectangle(10, 12, 4, 6), Click(4, 10, True)),
        # a region at the picture's border ends there
        (NOTHING, _rectangle(0, 5, 0, 5), Click(2, 2, True)),
    ],
)
def test_a_click_goes_into_the_middle_of_the_largest_error(
    mask: np.ndarray, truth: np.ndarray, expected: Click | None
) -> None:
    assert next_click(mask, truth) == expected


def test_two_regions_that_do_not_touch_are_not_one() -> None:
    truth = _rectangle(0, 6, 0, 6) | _rectangle(20, 25, 0, 5) | _rectangle(20, 25, 10, 15)
    assert next_click(NOTHING, truth) == Click(2, 2, True)  # 36 pixels are more than 25, though less than 50


def test_jitter_keeps_clicks_about_as_deep() -> None:
    generator = np.random.default_rng(0)
    clicks = [next_click(NOTHING, SQUARE, 0.5, generator) for _ in range(1000)]
    assert all(click is not None and max(abs(click.x - 25), abs(click.y - 15)) <= 3 for click in clicks)
    assert len(set(clicks)) == 49  # depths from 3 of 6 are the 7x7 in the middle
    anywhere = {next_click(NOTHING, SQUARE, 1.0, generator) for _ in range(2000)}
    assert len(anywhere) == 121


def test_a_stroke_stays_within_the_error() -> None:
    generator = np.random.default_rng(0)
    ring = _rectangle(5, 35, 5, 45) & ~_rectangle(12, 28, 12, 38)
    for _ in range(50):
        clicks = next_stroke(ring, NOTHING, 5, generator)
        assert 1 <= len(clicks) <= 5
        assert all(ring[int(click.y), int(click.x)] and not click.positive for click in clicks)
    assert next_stroke(ring, ring, 5, generator) == []


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"one shape, got \(40, 50\) and \(3, 4\)"):
        next_click(NOTHING, np.zeros((3, 4), bool))


def test_clicks_of_a_stroke() -> None:
    path = [[0, 0], [6, 0], [6, 0], [6, 6]]
    assert stroke_clicks(path, True, 4) == [Click(0, 0, True), Click(4, 0, True), Click(6, 2, True), Click(6, 6, True)]
    assert stroke_clicks([[3, 4]], False, 4) == [Click(3, 4, False)]
    assert stroke_clicks(path, True, 0.01, most=3) == [Click(0, 0, True), Click(6, 0, True), Click(6, 6, True)]
    for bad in ([], [[1, math.nan]], [1, 2, 3]):
        with pytest.raises(ValueError, match="expected a stroke of finite x, y pairs"):
            stroke_clicks(bad, True, 4)


def _tensor(*masks: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(masks)[:, None].astype(np.float32))


def test_a_user_who_begins_with_clicks_corrects_each_mask() -> None:
    other = _rectangle(0, 5, 0, 5)
    user = SimulatedUser(_tensor(SQUARE, other))
    boxes, points, labels, masks = user.prompts
    assert boxes is None
    assert masks is None
    assert points.tolist() == [[[25, 15]], [[2, 2]]]
    assert labels.tolist() == [[1], [1]]
    logits = _tensor(SQUARE, other | SQUARE) - 0.5
    assert user.look(logits)
    assert user.prompts.points.tolist() == [[[25, 15], [0, 0]], [[2, 2], [25, 15]]]
    assert user.prompts.labels.tolist() == [[1, -1], [1, 0]]
    assert torch.equal(user.prompts.masks, logits)
    assert not user.look(_tensor(SQUARE, other) - 0.5)
    assert len(user.clicks[1]) == 2


def test_a_user_who_begins_with_boxes_gives_them_again() -> None:
    boxes = torch.tensor([[20.0, 10, 30, 20]])
    user = SimulatedUser(_tensor(SQUARE), boxes)
    assert user.prompts == (boxes, None, None, None)
    user.look(_tensor(NOTHING) - 0.5)
    assert torch.equal(user.prompts.boxes, boxes)
    assert user.prompts.points.tolist() == [[[25, 15]]]


def test_nobody_clicks_beyond_the_picture() -> None:
    user = SimulatedUser(_tensor(SQUARE), sides=[(21, 40)])
    assert not user.look(_tensor(SQUARE | _rectangle(21, 40, 0, 50) | _rectangle(0, 21, 40, 50)) - 0.5)
    assert len(user.clicks[0]) == 1


def test_scribbles_are_several_clicks_and_draws_repeat() -> None:
    users = [SimulatedUser(_tensor(SQUARE, SQUARE), stroke=1.0, generator=np.random.default_rng(3)) for _ in range(2)]
    assert users[0].clicks == users[1].clicks
    assert max(map(len, users[0].clicks)) > 1
