# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes in volumes, with a network whose answers are known."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest
import torch
from litemed.prompting import box_3d
from litemed.prompting.box_3d import Box3DInferer
from litemed.prompting.embedding_cache import EmbeddingCache
from litemed.transforms.prompts import boxes_to_channel
from torch.nn import functional as F


def _tubes(depth: int, size: int, tubes: list[tuple[float, float, float, int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Label map of tubes (x, y, drift of x a slice, first and last slice) of radius 10, and their boxes."""
    rows, columns = np.mgrid[:size, :size]
    labels = np.zeros((depth, size, size), np.uint8)
    boxes = []
    for label, (x, y, drift, first, last) in enumerate(tubes, start=1):
        for k in range(first, last + 1):
            labels[k][(columns - x - drift * (k - first)) ** 2 + (rows - y) ** 2 <= 100] = label
        end = x + drift * (last - first)
        boxes.append([min(x, end) - 10, y - 10, first, max(x, end) + 10, y + 10, last])
    return labels, np.array(boxes, float)


@pytest.mark.parametrize("challenge_compat", [False, True])
def test_follows_objects_through_all_slices_from_the_first_to_the_last(network: Any, challenge_compat: bool) -> None:
    labels, boxes = _tubes(9, 256, [(40, 60, 2, 0, 8), (200, 180, -2, 3, 8), (100, 200, 0, 0, 4)])
    result = Box3DInferer(challenge_compat).segment((labels > 0) * np.uint8(200), boxes, network)
    np.testing.assert_array_equal(result.labels, labels)
    assert result.labels.dtype == np.uint8
    assert np.isfinite(result.iou).all()


def test_embeds_every_slice_once_for_all_objects(network: Any) -> None:
    labels, boxes = _tubes(12, 256, [(40, 60, 1, 1, 9), (200, 60, 1, 5, 10), (40, 200, 1, 2, 4), (200, 200, 0, 1, 10)])
    result = Box3DInferer().segment((labels > 0) * 200.0, boxes, network)
    np.testing.assert_array_equal(result.labels, labels)
    assert result.encoded == len(network.encoded) == 10  # slices 1 to 10


@pytest.mark.parametrize("depth", [4, 24])
def test_holds_no_embedding_longer_than_needed(network: Any, monkeypatch: pytest.MonkeyPatch, depth: int) -> None:
    held: list[int] = []

    class Counted(EmbeddingCache):
        def __getitem__(self, key: Hashable) -> torch.Tensor:
            embedding = super().__getitem__(key)
            held.append(len(self))
            return embedding

    monkeypatch.setattr(box_3d, "EmbeddingCache", Counted)
    labels, boxes = _tubes(depth, 64, [(20, 30, 0, 0, depth - 1), (45, 45, 0, 0, depth - 1)])
    Box3DInferer().segment((labels > 0) * 1.0, boxes, network)
    assert max(held) == 1
    assert len(held) == depth


def test_a_small_cache_costs_at_most_a_second_embedding(network: Any) -> None:
    labels, boxes = _tubes(20, 256, [(40, 60, 0, 0, 2), (200, 60, 0, 0, 19), (40, 200, 0, 16, 19)])
    result = Box3DInferer(cache_size=1).segment((labels > 0) * 200.0, boxes, network)
    np.testing.assert_array_equal(result.labels, labels)
    assert 20 < result.encoded <= 40


def test_segments_an_object_of_a_single_slice(network: Any) -> None:
    labels, boxes = _tubes(5, 256, [(100, 100, 0, 0, 0), (180, 50, 0, 4, 4), (50, 200, 0, 2, 2)])
    for challenge_compat in (False, True):
        result = Box3DInferer(challenge_compat).segment((labels > 0) * 200.0, boxes, network)
        np.testing.assert_array_equal(result.labels, labels)


def test_takes_colour_slices(network: Any) -> None:
    labels, boxes = _tubes(4, 128, [(60, 60, 0, 0, 3)])
    grey = ((labels > 0) * 200).astype(np.uint8)
    colour = Box3DInferer().segment(np.repeat(grey[..., None], 3, axis=3), boxes, network)
    np.testing.assert_array_equal(colour.labels, Box3DInferer().segment(grey, boxes, network).labels)
    assert colour.labels.any()


def test_takes_more_than_255_objects(network: Any) -> None:
    volume = np.zeros((2, 256, 256))
    places = [(8 + 12 * (k % 20), 8 + 12 * (k // 20)) for k in range(260)]
    for x, y in places:
        volume[:, y - 2 : y + 3, x - 2 : x + 3] = 1
    boxes = np.array([[x - 2, y - 2, 0, x + 2, y + 2, 1] for x, y in places], float)
    result = Box3DInferer().segment(volume, boxes, network)
    assert result.labels.dtype == np.uint16
    assert [int(result.labels[1, y, x]) for x, y in places] == list(range(1, 261))


@pytest.mark.parametrize(("when_empty", "resumes"), [("stop", False), ("box", True), ("last", True)])
def test_goes_on_after_an_empty_slice_as_told(network: Any, when_empty: Any, resumes: bool) -> None:
    labels, boxes = _tubes(9, 256, [(100, 100, 0, 0, 8)])
    labels[6] = 0
    labels[6, 200:220, 200:220] = 1  # bright, outside the box
    found = Box3DInferer(when_empty=when_empty).segment((labels > 0) * 200.0, boxes, network).labels
    assert found[:6].any(axis=(1, 2)).all()
    assert not found[6].any()
    assert found[7:].any(axis=(1, 2)).tolist() == [resumes] * 2


def test_an_object_that_is_nowhere_found_has_no_iou(network: Any) -> None:
    volume = np.zeros((3, 64, 64))
    volume[:, 50:, 50:] = 1
    result = Box3DInferer().segment(volume, np.array([[5, 5, 0, 20, 20, 2]]), network)
    assert not result.labels.any()
    assert np.isnan(result.iou).all()


def _published(volume: np.ndarray, boxes: np.ndarray, network: Any) -> np.ndarray:
    """The published protocol for slices of 512x512, object by object, where resizing means means of 2x2 pixels."""
    segmentation = np.zeros(volume.shape, np.uint8)

    def halved(plane: np.ndarray) -> np.ndarray:
        means = plane.astype(np.float64).reshape(256, 2, 256, 2).mean(axis=(1, 3))
        return np.floor(means + 0.5)

    def segmented(z: int, box: np.ndarray) -> np.ndarray:
        small = halved(volume[z])
        small = (small - small.min()) / max(small.max() - small.min(), 1e-8)
        image = torch.from_numpy(np.stack([small] * 3)[None].astype(np.float32))
        logits, _ = network.decode(network.encode_image(image), torch.tensor(box[None], dtype=torch.float32))
        return (F.interpolate(logits, size=(512, 512), mode="bilinear").sigmoid() > 0.5)[0, 0].numpy()

    for label, (x0, y0, z0, x1, y1, z1) in enumerate(boxes.astype(int), start=1):
        own = np.zeros(volume.shape, np.uint8)
        given = np.array([int(value * 0.5) for value in (x0, y0, x1, y1)])
        middle = int((z1 - z0) / 2 + z0)
        for z in [*range(middle, z1 + 1), *range(middle - 1, z0 - 1, -1)]:
            before = own[z - 1] if z > middle else own[z + 1] if z < middle else np.zeros((1, 1))
            box = given
            if before.max() > 0:
                rows, columns = np.nonzero(halved(before))
                box = np.array([columns.min() - 3, rows.min() - 3, columns.max() + 3, rows.max() + 3]).clip(0, 256)
            own[z][segmented(z, box)] = label
        segmentation[own > 0] = label
    return segmentation


def test_reproduces_the_published_protocol(network: Any) -> None:
    rng = np.random.default_rng(5)
    noise = F.interpolate(torch.from_numpy(rng.normal(0, 1, (1, 1, 7, 20, 20))), size=(7, 512, 512), mode="trilinear")
    volume = np.clip(noise[0, 0].numpy() * 60 + 120, 0, 255).astype(np.uint8)
    boxes = np.array([[30, 41, 0, 205, 163, 6], [150, 101, 1, 333, 300, 5], [203, 30, 3, 507, 240, 6]])
    result = Box3DInferer(challenge_compat=True).segment(volume, boxes, network)
    expected = _published(volume, boxes, network)
    assert set(np.unique(expected)) == {0, 1, 2, 3}
    assert (result.labels != expected).mean() < 1e-5  # rounding at the threshold
    assert (Box3DInferer().segment(volume, boxes, network).labels != expected).mean() > 1e-4


def test_as_monai_inferer_takes_x_first_and_a_prompt_channel(network: Any) -> None:
    labels, boxes = _tubes(6, 64, [(20, 30, 1, 0, 5), (45, 45, 0, 2, 5)])
    image = torch.from_numpy((labels > 0).transpose(2, 1, 0).astype(np.float32))[None]
    prompt = torch.from_numpy(boxes_to_channel(boxes, (64, 64, 6)))[None]
    result = Box3DInferer()(torch.cat([image, prompt])[None], network)
    assert result.shape == (1, 1, 64, 64, 6)
    found = result[0, 0].numpy().transpose(2, 1, 0)
    np.testing.assert_array_equal(found, Box3DInferer().segment((labels > 0) * 1.0, boxes, network).labels)
    assert (found == labels).mean() > 0.99


def test_refuses_bad_input(network: Any) -> None:
    with pytest.raises(ValueError, match="inside 64x64x4"):
        Box3DInferer().segment(np.zeros((4, 64, 64)), np.array([[1, 1, 5, 9, 9, 7]]), network)
    with pytest.raises(ValueError, match="6 numbers"):
        Box3DInferer().segment(np.zeros((4, 64, 64)), np.array([[1, 1, 9, 9]]), network)
    with pytest.raises(ValueError, match="'never'"):
        Box3DInferer(when_empty="never")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 or 4"):
        Box3DInferer()(torch.zeros(1, 3, 8, 8, 8), network)
