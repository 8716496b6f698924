# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Windows around small objects."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from litemed.prompting.box_2d import Box2DInferer
from litemed.prompting.box_3d import Box3DInferer
from litemed.prompting.objects import segment_objects
from litemed.prompting.zoom import PlacedSquare, Window, segment_windows, zoom_windows

LARGE = [100, 100, 900, 700]


def _check(windows: list[Window], boxes: np.ndarray, height: int, width: int) -> None:
    """Every box in one window, inside it, and every window inside the picture."""
    assert sorted(index for window in windows for index in window.boxes) == list(range(len(boxes)))
    for window in windows:
        assert window.left >= 0
        assert window.top >= 0
        assert window.left + window.width <= width
        assert window.top + window.height <= height
        own = boxes[list(window.boxes)]
        assert (own[:, :2] >= [window.left, window.top]).all()
        assert (own[:, 2:] <= [window.left + window.width - 1, window.top + window.height - 1]).all()


def test_large_boxes_see_the_whole_picture_and_small_ones_a_window() -> None:
    # 1024 pixels become 256: 32 of them are 128 here, and five times 127 are 635
    boxes = np.array([LARGE, [500, 500, 626, 520], [10, 10, 137, 20], [300, 300, 319, 309]])
    windows = zoom_windows(boxes, 800, 1024, below=32, factor=5)
    _check(windows, boxes, 800, 1024)
    assert windows[0] == Window(0, 0, 1024, 800, (0, 2))  # 127 + 1 pixels are 32
    assert [(window.boxes, window.width, window.height) for window in windows[1:]] == [
        ((1,), 635, 635),
        ((3,), 100, 100),
    ]
    assert zoom_windows(boxes, 800, 1024, below=0) == [Window(0, 0, 1024, 800, (0, 1, 2, 3))]


def test_neighbours_of_like_size_share_a_window() -> None:
    corners = np.array([[x, y] for x in range(400, 470, 25) for y in range(300, 370, 25)])
    boxes = np.concatenate([corners, corners + 19], axis=1)
    windows = zoom_windows(boxes, 1000, 1000, factor=5)
    _check(windows, boxes, 1000, 1000)
    assert [len(window.boxes) for window in windows] == [9]
    tiny = np.array([[440, 340, 444, 344]])
    assert [window.boxes for window in zoom_windows(np.concatenate([boxes, tiny]), 1000, 1000, factor=5)][1:] == [(9,)]


def test_windows_have_a_least_side_and_keep_half_a_box_around() -> None:
    boxes = np.array([[500, 500, 503, 503], [0, 0, 3, 3], [990, 700, 999, 709]])
    windows = zoom_windows(boxes, 1000, 1000, least=64)
    _check(windows, boxes, 1000, 1000)
    assert {(window.width, window.height) for window in windows} == {(64, 64)}
    window = next(window for window in windows if window.boxes == (0,))
    assert window.left <= 498
    assert window.left + window.width >= 506


@pytest.mark.parametrize("seed", range(5))
def test_any_boxes_are_covered_with_fewer_windows_than_boxes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    starts = rng.uniform([0, 0], [560, 360], (150, 2))
    boxes = np.concatenate([starts, starts + rng.uniform(3, 39, (150, 2))], axis=1)
    windows = zoom_windows(boxes, 400, 600, below=32, factor=5)
    _check(windows, boxes, 400, 600)
    assert len(windows) < 60
    extents = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) + 1
    for window in windows:
        share = max(window.width, window.height) / extents[list(window.boxes)]
        assert (share >= 600 / 75).all() or (share >= 5 - 1e-9).all() or (window.width, window.height) == (600, 400)


class Bright:
    """Its mask is where the picture is bright in the box; its embedding is the picture."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float]] = []

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        self.seen.append((float(image.min()), float(image.max())))
        return image

    def decode(self, embedding: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        place = torch.arange(256.0)
        across = (place >= boxes[:, :1] - 2) & (place <= boxes[:, 2:3] + 2)
        down = (place >= boxes[:, 1:2] - 2) & (place <= boxes[:, 3:] + 2)
        inside = down[:, None, :, None] & across[:, None, None, :]
        return torch.where(inside, (embedding[:, :1] - 0.5) * 10, -5.0), boxes[:, :1]


def test_answers_lie_where_the_window_lies() -> None:
    image = np.zeros((600, 900), np.uint8)
    image[300:310, 700:710] = 100
    image[0:300, 0:600] = 200
    boxes = np.array([[0, 0, 599, 299], [700, 300, 709, 309]])
    windows = zoom_windows(boxes, 600, 900)
    assert [window.boxes for window in windows] == [(0,), (1,)]
    network = Bright()
    found = {
        index: placed.restore(logits) for index, placed, logits, _ in segment_windows(image, boxes, network, windows)
    }
    assert network.seen == [(0, 1), (0, 1)]  # each scaled by its own range
    for index, value in ((0, 200), (1, 100)):
        values, region = found[index]
        mask = np.zeros(image.shape, bool)
        mask[region] = values.numpy() > 0
        wrong = mask ^ (image == value)
        assert wrong.sum() <= 0.02 * (image == value).sum()


def test_boxes_are_moved_into_the_square() -> None:
    placed = PlacedSquare(Window(100, 50, 64, 64, (0,)))
    assert placed.to_square(np.array([[110.0, 60, 142, 82]])).tolist() == [[40, 40, 168, 128]]
    assert placed.point_to_square(100, 50) == (1.5, 1.5)  # the centre of the first four by four


def test_a_picture_is_segmented_with_windows_or_without() -> None:
    image = np.zeros((600, 900), np.uint8)
    image[300:310, 700:710], image[0:300, 0:600] = 100, 200
    boxes = np.array([[700, 300, 709, 309], [0, 0, 599, 299]])
    network = Bright()
    plain = Box2DInferer().segment(image, boxes, network)
    assert plain.encoded == len(network.seen) == 1
    assert not (plain.labels == 1).any()  # 100 of 200 isn't bright
    zoomed = Box2DInferer(zoom="auto").segment(image, boxes, network)
    assert zoomed.encoded == 2
    assert 95 <= (zoomed.labels[300:310, 700:710] == 1).sum() <= (zoomed.labels == 1).sum() <= 105
    assert np.array_equal(zoomed.labels == 2, plain.labels == 2)
    with pytest.raises(ValueError, match="expected zoom to be off, or auto without challenge_compat, got 'auto'"):
        Box2DInferer(challenge_compat=True, zoom="auto")


def test_the_window_of_a_volume_follows_its_object() -> None:
    volume = np.zeros((5, 600, 900), np.uint8)
    truth = np.zeros(volume.shape, bool)
    for index in range(5):
        left = 700 + 3 * index
        truth[index, 300:310, left : left + 10] = True
        volume[index, 0:300, 0:600] = 200
    volume[truth] = 100
    boxes = np.array([[706, 300, 0, 715, 309, 4], [0, 0, 2, 599, 299, 2]])
    network = Bright()
    plain = Box3DInferer().segment(volume, boxes, network)
    assert not (plain.labels == 1).any()  # 100 of 200 isn't bright
    assert plain.encoded == len(network.seen) == 1
    zoomed = Box3DInferer(zoom="auto").segment(volume, boxes, network)
    assert zoomed.encoded == len(network.seen) - 1 == 6  # a window in each of five slices, and the whole of one
    for found, true in zip(zoomed.labels == 1, truth, strict=True):
        assert 95 <= (found & true).sum() <= found.sum() <= 105
    assert np.array_equal(zoomed.labels == 2, plain.labels == 2)
    objects = segment_objects(volume, boxes, network)
    assert np.array_equal(objects.labels, zoomed.labels)
    whole = segment_objects(volume, boxes, network, challenge_compat=True)
    assert not (whole.labels == 1).any()
    with pytest.raises(ValueError, match="expected zoom to be off, or auto without challenge_compat, got 'auto'"):
        Box3DInferer(challenge_compat=True, zoom="auto")
