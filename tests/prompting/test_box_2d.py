# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes on pictures, with networks whose answers are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from litemed.prompting.box_2d import Box2DInferer
from litemed.transforms.prompts import boxes_to_channel


def _discs(height: int, width: int, centres: list[tuple[int, int]], radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A picture of bright discs on black, and their boxes."""
    rows, columns = np.mgrid[:height, :width]
    picture = np.zeros((height, width), np.uint8)
    for x, y in centres:
        picture[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = 200
    boxes = np.array([[x - radius, y - radius, x + radius, y + radius] for x, y in centres], float)
    return picture, boxes


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_finds_discs_exactly_where_nothing_is_resized(network: Any) -> None:
    picture, boxes = _discs(256, 256, [(40, 50), (200, 120), (90, 220)], 15)
    result = Box2DInferer().segment(picture, boxes, network)
    np.testing.assert_array_equal(result.labels > 0, picture > 0)
    assert [result.labels[50, 40], result.labels[120, 200], result.labels[220, 90]] == [1, 2, 3]
    np.testing.assert_allclose(result.iou, 0.5 + boxes[:, 0] / 1000)
    assert len(network.encoded) == result.encoded == 1


@pytest.mark.parametrize(("height", "width"), [(600, 400), (64, 100), (1000, 250)])
@pytest.mark.parametrize("challenge_compat", [False, True])
def test_finds_discs_at_any_size(network: Any, height: int, width: int, challenge_compat: bool) -> None:
    radius = min(height, width) / 8
    picture, boxes = _discs(height, width, [(width // 3, height // 4), (width // 2, 3 * height // 4)], radius)
    labels = Box2DInferer(challenge_compat).segment(picture, boxes, network).labels
    assert labels.shape == (height, width)
    assert _dice(labels > 0, picture > 0) > 0.95


def test_grey_and_colour_pictures_of_one_content_are_one(network: Any) -> None:
    picture, boxes = _discs(120, 90, [(40, 50)], 15)
    grey = Box2DInferer().segment(picture, boxes, network).labels
    colour = Box2DInferer().segment(np.dstack([picture] * 3), boxes, network).labels
    np.testing.assert_array_equal(grey, colour)
    assert grey.any()


def test_labels_go_beyond_255_and_calls_stay_small(network: Any) -> None:
    centres = [(4 + 8 * k, 4 + 8 * row) for row in range(10) for k in range(30)]
    picture, boxes = _discs(256, 256, centres, 2)
    result = Box2DInferer(boxes_per_call=16).segment(picture, boxes, network)
    assert result.labels.dtype == np.uint16
    assert [int(result.labels[y, x]) for x, y in centres] == list(range(1, 301))
    assert [len(call) for call in network.calls] == [16] * 18 + [12]
    assert len(network.encoded) == 1


class _Overlapping:
    """Everything in the box, the more sure the narrower it is."""

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        return image

    def decode(self, embedding: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        places = torch.arange(256.0)
        logits = torch.full((len(boxes), 1, 256, 256), -5.0)
        for mask, (x0, y0, x1, y1) in zip(logits[:, 0], boxes, strict=True):
            inside = ((places >= y0) & (places <= y1))[:, None] & ((places >= x0) & (places <= x1))
            mask[inside] = 100 / float(x1 - x0)
        return logits, torch.ones(len(boxes), 1)


@pytest.mark.parametrize(("challenge_compat", "shared"), [(False, 1), (True, 2)])
def test_overlaps_go_to_the_surer_object_or_as_published_to_the_later(challenge_compat: bool, shared: int) -> None:
    boxes = np.array([[50, 50, 90, 90], [70, 70, 200, 200]], float)
    labels = Box2DInferer(challenge_compat).segment(np.zeros((256, 256)), boxes, _Overlapping()).labels
    assert labels[60, 60] == 1
    assert labels[150, 150] == 2
    assert (labels[70:91, 70:91] == shared).all()


def test_published_boxes_are_cut_to_whole_pixels(network: Any) -> None:
    picture, _ = _discs(400, 300, [(100, 100)], 30)
    box = np.array([[69, 70, 131, 130.0]])  # times 0.64: 44.16, 44.8, 83.84, 83.2
    Box2DInferer(challenge_compat=True).segment(picture, box, network)
    Box2DInferer().segment(picture, box, network)
    assert network.calls[0].tolist() == [[44, 44, 83, 83]]
    np.testing.assert_allclose(network.calls[1], [[44.16, 44.8, 83.84, 83.2]], rtol=1e-6)


def test_shares_what_boxes_have_in_common_where_the_network_can(network: Any) -> None:
    shared: list[int] = []

    class Sharing:
        encode_image, decode = network.encode_image, None

        def share(self, embedding: torch.Tensor) -> torch.Tensor:
            shared.append(1)
            return embedding

        def decode_shared(self, embedding: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return network.decode(embedding, boxes)

    picture, boxes = _discs(256, 256, [(20 + 30 * k, 50) for k in range(7)], 10)
    labels = Box2DInferer(boxes_per_call=2).segment(picture, boxes, Sharing()).labels
    np.testing.assert_array_equal(labels > 0, picture > 0)
    assert shared == [1]


@pytest.mark.parametrize("channels", [1, 3])
def test_as_monai_inferer_takes_x_first_and_a_prompt_channel(network: Any, channels: int) -> None:
    picture, boxes = _discs(100, 180, [(40, 50), (130, 30)], 15)
    image = torch.from_numpy(picture.T.astype(np.float32)).expand(channels, -1, -1)
    prompt = torch.from_numpy(boxes_to_channel(boxes, (180, 100)))[None]
    labels = Box2DInferer()(torch.cat([image, prompt])[None], network)
    assert labels.shape == (1, 1, 180, 100)
    assert labels.dtype == torch.float32
    assert _dice(labels[0, 0].numpy().T > 0, picture > 0) > 0.95
    assert (labels[0, 0, 40, 50], labels[0, 0, 130, 30]) == (1, 2)


def test_refuses_bad_input(network: Any) -> None:
    with pytest.raises(ValueError, match="inside 40x30"):
        Box2DInferer().segment(np.zeros((30, 40)), np.array([[50, 1, 60, 5]]), network)
    with pytest.raises(ValueError, match=r"\(30, 40, 2\)"):
        Box2DInferer().segment(np.zeros((30, 40, 2)), np.array([[1, 1, 6, 5]]), network)
    with pytest.raises(ValueError, match="2 or 4"):
        Box2DInferer()(torch.zeros(1, 3, 8, 8), network)
    with pytest.raises(ValueError, match="at least one box"):
        Box2DInferer()(torch.zeros(1, 2, 8, 8), network)
