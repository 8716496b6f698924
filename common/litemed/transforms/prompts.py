# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts as an image channel: boxes, a region of interest or clicks painted beside the image, and boxes read back.

MONAI's engines, MONAI Label and the Model Zoo's checks hand a network one tensor. So a prompt travels as a further
channel: 0 is background, and the pixels of value i span box i. Where boxes overlap, their corners stay visible, so
every box is read back exactly, to the pixel, also after flips and transposition.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from litemed.images.boxes import check_boxes, read_boxes

__all__ = ["RasterizePromptsd", "boxes_to_channel", "channel_to_boxes", "clicks_to_box"]

CLICK_SHARE = 1 / 8
"""Side of the box around a single click, as a share of the image's longest side."""


def boxes_to_channel(boxes: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Paint boxes into an image of their own.

    Args:
        boxes: ``(N, 4)`` or ``(N, 6)`` inside the image, in the order of its axes (x first).
        shape: sizes of the image's two or three axes.

    Returns:
        float32 of the shape: the pixels of value i + 1 span box i, rounded to whole pixels, at least two along x and y.

    Raises:
        ValueError: when boxes lie so much on top of each other that one has no pixel left.
    """
    dims = len(shape)
    channel = np.zeros(shape, dtype=np.float32)
    pinned = np.zeros(shape, dtype=bool)
    spans = [_whole_pixels(box, shape) for box in boxes]
    sizes = [np.prod(high - low + 1.0) for low, high in spans]
    order = np.argsort(sizes, kind="stable")
    for index in order[::-1]:
        low, high = spans[index]
        channel[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))] = index + 1
    for index in order:
        for pixel in _pins(spans[index][0], spans[index][1], pinned):
            channel[pixel], pinned[pixel] = index + 1, True
    for index, (low, high) in enumerate(spans):
        box = tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))
        if not all((channel[box].take(end, axis) == index + 1).any() for axis, end in product(range(dims), (0, -1))):
            raise ValueError(f"box {index + 1}, {boxes[index].tolist()}, is hidden by too many others on its pixels")
    return channel


def channel_to_boxes(channel: np.ndarray | torch.Tensor) -> np.ndarray:
    """Read boxes from a prompt channel, in the order of their values.

    Args:
        channel: ``(X, Y)`` or ``(X, Y, Z)``; values are rounded, those below 1 are background.

    Returns:
        float64 ``(N, 4)`` or ``(N, 6)``, in the order of the axes (x first); N is 0 for an empty channel.
    """
    array = channel.detach().cpu().numpy() if isinstance(channel, torch.Tensor) else np.asarray(channel)
    places = np.nonzero(array > 0.5)
    values = np.rint(array[places]).astype(np.int64)
    labels, ranks = np.unique(values, return_inverse=True)
    boxes = np.empty((len(labels), 2 * array.ndim))
    for axis, positions in enumerate(places):
        lowest, highest = np.full(len(labels), array.shape[axis]), np.full(len(labels), -1)
        np.minimum.at(lowest, ranks, positions)
        np.maximum.at(highest, ranks, positions)
        boxes[:, axis], boxes[:, axis + array.ndim] = lowest, np.maximum(highest, lowest + (1 if axis < 2 else 0))
    return boxes


def clicks_to_box(
    foreground: Sequence[Sequence[float]], background: Sequence[Sequence[float]], shape: Sequence[int]
) -> np.ndarray:
    """The box that clicks mean.

    Two or more foreground clicks span the box. A single one is its centre; the side in the image plane is an eighth of
    the image's longer side, and in a volume the box has that one slice. Then each background click inside cuts the box
    back to half-way between it and the foreground, along the axis on which they are furthest apart.

    Args:
        foreground: points x, y(, z) on the object, at least one.
        background: points off the object.
        shape: sizes of the image's axes.

    Returns:
        ``(4,)`` or ``(6,)``, not yet clipped to the image.

    Raises:
        ValueError: without foreground clicks, or when a click has too few numbers or is NaN.
    """
    dims = len(shape)
    inside, outside = _points(foreground, dims), _points(background, dims)
    if not len(inside):
        raise ValueError("expected at least one foreground click, got none")
    low, high = inside.min(axis=0), inside.max(axis=0)
    half = CLICK_SHARE * max(shape[:2]) / 2
    for axis in range(2):
        if low[axis] == high[axis]:
            low[axis], high[axis] = low[axis] - half, high[axis] + half
    for point in outside:
        if (point < low).any() or (point > high).any():
            continue
        nearest = inside[np.abs(inside - point).max(axis=1).argmin()]
        axis = int(np.abs(nearest - point)[:2].argmax())
        middle = (nearest[axis] + point[axis]) / 2
        if point[axis] > nearest[axis]:
            high[axis] = middle
        elif point[axis] < nearest[axis]:
            low[axis] = middle
    return np.concatenate([low, high])


class RasterizePromptsd(MapTransform):
    """Add the prompt channel of an image, from the prompts in the data dictionary.

    Looked for in this order:

    - ``boxes``: whatever `litemed.images.boxes.read_boxes` takes, in the image's own pixels, x first.
    - ``roi``: one box as MONAI Label's clients send it, axis by axis: x0, x1, y0, y1(, z0, z1), each pair in any order.
    - ``foreground`` and ``background``: clicks, see `clicks_to_box`.

    Place it right after loading, before transforms that turn the image; the channel then goes through them beside it
    (without interpolation), and ``ConcatItemsd`` joins the two.

    Args:
        keys: key of the image, channel first with two or three spatial axes, x first as MONAI's readers give it.
        prompt_key: key for the channel, ``(1, ...)`` float32 with the image's metadata.
        boxes_key: key of the boxes.
        roi_key: key of the region of interest.
        foreground_key: key of the clicks on the object.
        background_key: key of the clicks off it.

    Raises:
        ValueError: when there is no prompt, or a bad one.
    """

    def __init__(
        self,
        keys: KeysCollection,
        prompt_key: str = "prompt",
        boxes_key: str = "boxes",
        roi_key: str = "roi",
        foreground_key: str = "foreground",
        background_key: str = "background",
    ) -> None:
        super().__init__(keys)
        self.prompt_key = prompt_key
        self.boxes_key = boxes_key
        self.roi_key = roi_key
        self.foreground_key = foreground_key
        self.background_key = background_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            image = items[key]
            shape = tuple(image.shape[1:])
            boxes, source = self._prompt(items, shape)
            checked, _ = check_boxes(boxes, shape, source)
            channel = torch.from_numpy(boxes_to_channel(checked, shape)[None])
            items[self.prompt_key] = MetaTensor(channel, meta=image.meta) if isinstance(image, MetaTensor) else channel
        return items

    def _prompt(self, items: Mapping[Hashable, Any], shape: tuple[int, ...]) -> tuple[Any, str]:
        if _given(items.get(self.boxes_key)):
            return read_boxes(items[self.boxes_key], len(shape))
        if _given(items.get(self.roi_key)):
            pairs = np.asarray(items[self.roi_key], dtype=np.float64).reshape(-1, 2)[: len(shape)]
            return np.concatenate([pairs.min(axis=1), pairs.max(axis=1)]), self.roi_key
        if _given(items.get(self.foreground_key)):
            background = items.get(self.background_key) or []
            return clicks_to_box(items[self.foreground_key], background, shape), self.foreground_key
        names = f"{self.boxes_key!r}, {self.roi_key!r} or {self.foreground_key!r}"
        raise ValueError(f"expected a prompt under {names}, got {sorted(map(str, items))}")


def _given(value: Any) -> bool:
    return value is not None and (not hasattr(value, "__len__") or len(value) > 0)


def _points(points: Sequence[Sequence[float]], dims: int) -> np.ndarray:
    array = np.asarray(points, dtype=np.float64)
    array = np.atleast_2d(array) if array.size else array.reshape(0, dims)
    if array.ndim != 2 or array.shape[1] < dims or not np.isfinite(array).all():
        raise ValueError(f"expected clicks of {dims} finite numbers, got {np.asarray(points).tolist()}")
    return array[:, :dims]


def _whole_pixels(box: np.ndarray, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    dims = len(shape)
    last = np.array(shape) - 1
    low = np.clip(np.rint(box[:dims]).astype(int), 0, last)
    high = np.clip(np.rint(box[dims:]).astype(int), low, last)
    for axis in range(2):
        if low[axis] == high[axis] and shape[axis] > 1:
            low[axis] -= low[axis] == last[axis]
            high[axis] = low[axis] + 1
    return low, high


def _pins(low: np.ndarray, high: np.ndarray, taken: np.ndarray) -> list[tuple[int, ...]]:
    """Free pixels that span a box: two opposite corners, or else a pixel on each face."""
    corners = list(product(*zip(low.tolist(), high.tolist(), strict=True)))
    for first, second in zip(corners, corners[::-1], strict=True):
        if not taken[first] and not taken[second]:
            return [first, second]
    pins = []
    for axis, end in product(range(len(low)), (low, high)):
        free = next((pixel for pixel in _face(low, high, axis, int(end[axis])) if not taken[pixel]), None)
        if free is not None:
            pins.append(free)
    return pins


def _face(low: np.ndarray, high: np.ndarray, axis: int, place: int) -> Iterator[tuple[int, ...]]:
    ranges = [range(a, b + 1) for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    ranges[axis] = range(place, place + 1)
    yield from product(*ranges)
