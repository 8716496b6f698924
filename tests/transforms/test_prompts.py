# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts painted into a channel and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from litemed.transforms.prompts import (
    RasterizePromptsd,
    boxes_to_channel,
    channel_to_boxes,
    channel_to_clicks,
    clicks_to_box,
)
from monai.data import MetaTensor

SHAPE = (60, 40)  # x, y


@pytest.mark.parametrize(
    "boxes",
    [
        [[3, 4, 20, 30]],
        [[0, 0, 59, 39], [10, 10, 20, 20], [15, 15, 40, 39]],
        [[5, 5, 20, 20], [5, 5, 20, 20], [5, 5, 20, 20]],
        [[5, 5, 20, 20], [5, 5, 9, 20], [5, 5, 20, 9], [12, 5, 20, 20]],
        [[5, 5, 6, 6], [0, 0, 59, 39]],
    ],
    ids=["one", "nested", "equal", "sharing corners", "tiny under large"],
)
def test_boxes_are_read_back_exactly_and_in_order(boxes: list[list[int]]) -> None:
    channel = boxes_to_channel(np.array(boxes, float), SHAPE)
    np.testing.assert_array_equal(channel_to_boxes(channel), boxes)
    mirrored = channel_to_boxes(torch.from_numpy(channel[::-1].T.copy()))
    x0, y0, x1, y1 = np.array(boxes).T
    np.testing.assert_array_equal(mirrored, np.stack([y0, 59 - x1, y1, 59 - x0], axis=1))


def test_many_random_boxes_are_read_back() -> None:
    rng = np.random.default_rng(3)
    starts = rng.integers(0, 200, (125, 2))
    boxes = np.concatenate([starts, starts + rng.integers(6, 50, (125, 2))], axis=1)
    np.testing.assert_array_equal(channel_to_boxes(boxes_to_channel(boxes, (256, 256))), boxes)


def test_boxes_of_a_volume_are_read_back() -> None:
    boxes = np.array([[1, 2, 0, 5, 6, 7], [1, 2, 3, 5, 6, 3], [0, 0, 0, 9, 9, 9]])
    np.testing.assert_array_equal(channel_to_boxes(boxes_to_channel(boxes, (10, 11, 12))), boxes)


def test_fractions_are_rounded_and_a_box_keeps_an_extent() -> None:
    channel = boxes_to_channel(np.array([[2.4, 3.6, 9.5, 8.0], [59.6, 38.9, 60, 40]]), SHAPE)
    assert channel_to_boxes(channel).tolist() == [[2, 4, 10, 8], [58, 38, 59, 39]]


def test_a_box_that_has_no_pixel_left_is_refused() -> None:
    with pytest.raises(ValueError, match="hidden by too many others"):
        boxes_to_channel(np.array([[0, 0, 1, 1]] * 4), SHAPE)


def test_an_empty_channel_has_no_boxes() -> None:
    assert channel_to_boxes(np.zeros((4, 4))).shape == (0, 4)


@pytest.mark.parametrize(
    ("foreground", "background", "expected"),
    [
        ([[10, 12], [30, 20], [20, 5]], [], [10, 5, 30, 20]),
        ([[32, 16]], [], [28, 12, 36, 20]),  # an eighth of 64
        ([[32, 16]], [[35, 16]], [28, 12, 33.5, 20]),
        ([[32, 16]], [[32, 13], [60, 1]], [28, 14.5, 36, 20]),
    ],
    ids=["span", "single", "background right", "background above, one outside"],
)
def test_clicks_mean_a_box(foreground: list[list[float]], background: list[list[float]], expected: list[float]) -> None:
    assert clicks_to_box(foreground, background, (64, 48)).tolist() == expected


def test_a_click_in_a_volume_means_its_slice() -> None:
    assert clicks_to_box([[32, 16, 5]], [], (64, 48, 20)).tolist() == [28, 12, 5, 36, 20, 5]


@pytest.mark.parametrize("clicks", [[], [[1.0, float("nan")]], [[1.0]]])
def test_refuses_other_clicks(clicks: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="click"):
        clicks_to_box(clicks, [], SHAPE)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ({"boxes": [[1, 2, 8, 9], [4, 4, 20, 30]]}, [[1, 2, 8, 9], [4, 4, 20, 30]]),
        ({"boxes": "1,2,8,9; 4,4,20,30"}, [[1, 2, 8, 9], [4, 4, 20, 30]]),
        ({"roi": [20, 4, 4, 30]}, [[4, 4, 20, 30]]),
        ({"foreground": [[4, 4], [20, 30]], "background": [], "roi": []}, [[4, 4, 20, 30]]),
    ],
    ids=["boxes", "text", "roi", "clicks"],
)
def test_transform_adds_a_channel_with_the_images_metadata(prompt: dict, expected: list[list[int]]) -> None:
    image = MetaTensor(torch.zeros(3, *SHAPE), meta={"filename_or_obj": "x.png"})
    result = RasterizePromptsd("image")({"image": image, **prompt})
    assert result["prompt"].shape == (1, *SHAPE)
    assert result["prompt"].meta["filename_or_obj"] == "x.png"
    assert channel_to_boxes(result["prompt"][0]).tolist() == expected


def test_clicks_stay_clicks_in_their_order_also_turned() -> None:
    given = {"foreground": [[4, 5, 0], [20, 30, 0], [4.2, 4.8, 0]], "background": [[7, 5, 0]]}
    channel = RasterizePromptsd("image", keep_clicks=True)({"image": torch.zeros(3, *SHAPE), **given})["prompt"][0]
    assert channel_to_clicks(channel) == [((4, 5), True), ((20, 30), True), ((7, 5), False)]
    assert channel_to_clicks(channel.T.flip(0))[0] == ((SHAPE[1] - 1 - 5, 4), True)
    assert channel_to_boxes(channel).shape == (0, 4)
    assert channel_to_clicks(boxes_to_channel(np.array([[1, 2, 8, 9]]), SHAPE)) == []


@pytest.mark.parametrize(
    ("foreground", "background", "message"),
    [
        ([], [[3, 3]], "expected a prompt under"),
        ([[60, 3]], [], "expected clicks inside 60x40 pixels"),
        ([[3, -1]], [], "expected clicks inside 60x40 pixels"),
        ([[3, 3]], [[3.2, 2.9]], "a click on the object and one off it"),
        ([[3, float("nan")]], [], "expected clicks of 2 finite numbers"),
    ],
)
def test_clicks_that_cannot_be_are_told(foreground: list, background: list, message: str) -> None:
    transform = RasterizePromptsd("image", keep_clicks=True)
    with pytest.raises(ValueError, match=message):
        transform({"image": torch.zeros(3, *SHAPE), "foreground": foreground, "background": background})


def test_transform_takes_a_volumes_roi_axis_by_axis() -> None:
    result = RasterizePromptsd("image")({"image": torch.zeros(1, 20, 20, 9), "roi": [2, 8, 15, 5, 1, 6]})
    assert channel_to_boxes(result["prompt"][0]).tolist() == [[2, 5, 1, 8, 15, 6]]


def test_transform_names_what_is_missing_or_wrong(tmp_path: Path) -> None:
    transform = RasterizePromptsd("image")
    with pytest.raises(ValueError, match="expected a prompt under 'boxes', 'roi' or 'foreground'"):
        transform({"image": torch.zeros(1, *SHAPE)})
    with pytest.raises(ValueError, match="inside 60x40"):
        transform({"image": torch.zeros(1, *SHAPE), "boxes": [[70, 1, 80, 5]]})
