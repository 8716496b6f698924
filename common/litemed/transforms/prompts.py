# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts of an image: boxes as numbers; and boxes, a region of interest or clicks as a channel beside the image.

MONAI Label and the Model Zoo's checks hand a network one tensor. For them a prompt travels as a further channel: 0 is
background, and the pixels of value i span box i. Where boxes overlap, their corners stay visible, so every box is read
back exactly, to the pixel, also after flips and transposition. A click is a pixel below 0: -2i for the i-th if it is on
the object, -2i - 1 if it is not. Everywhere else prompts stay numbers.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from litemed.datasets.challenge import read_challenge
from litemed.images.box_files import GivenBoxes, check_numbers, is_box_file, number_boxes, read_boxes
from litemed.images.boxes import check_boxes, mask_boxes, volume_boxes
from litemed.images.masks import read_labels
from litemed.images.names import is_archive, is_volume
from litemed.images.volume import check_same_grid
from litemed.images.volumes import open_volume
from litemed.notices import Notice

__all__ = [
    "LoadBoxesd",
    "RasterizePromptsd",
    "boxes_to_channel",
    "channel_to_boxes",
    "channel_to_clicks",
    "clicks_to_box",
    "clicks_to_channel",
]

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


def clicks_to_channel(
    foreground: Sequence[Sequence[float]], background: Sequence[Sequence[float]], shape: Sequence[int]
) -> np.ndarray:
    """Paint clicks into an image of their own.

    Args:
        foreground: points x, y(, z) on the object, at least one.
        background: points off the object.
        shape: sizes of the image's axes.

    Returns:
        float32 of the shape, see the top of this module; the foreground comes first.

    Raises:
        ValueError: without foreground clicks, for one outside, two that contradict each other on a pixel, and when one
            has too few numbers or is NaN.
    """
    dims = len(shape)
    inside, outside = _points(foreground, dims), _points(background, dims)
    if not len(inside):
        raise ValueError("expected at least one foreground click, got none")
    channel = np.zeros(shape, dtype=np.float32)
    for number, (place, is_off) in enumerate(
        [*((each, 0) for each in inside), *((each, 1) for each in outside)], start=1
    ):
        pixel = tuple(np.rint(place).astype(int).tolist())
        if not all(0 <= value < side for value, side in zip(pixel, shape, strict=True)):
            raise ValueError(f"expected clicks inside {'x'.join(map(str, shape))} pixels, got {place.tolist()}")
        if channel[pixel] and int(-channel[pixel]) % 2 != is_off:
            raise ValueError(f"pixel {list(pixel)} has a click on the object and one off it: take one of them back")
        channel[pixel] = channel[pixel] or -(2 * number + is_off)
    return channel


def channel_to_clicks(channel: np.ndarray | torch.Tensor) -> list[tuple[tuple[int, ...], bool]]:
    """Read clicks from a prompt channel, in their order: place in the order of the axes, and whether on the object."""
    array = channel.detach().cpu().numpy() if isinstance(channel, torch.Tensor) else np.asarray(channel)
    places = np.argwhere(array < -0.5)
    values = np.rint(-array[tuple(places.T)]).astype(np.int64)
    order = np.argsort(values, kind="stable")
    return [(tuple(places[each].tolist()), bool(values[each] % 2 == 0)) for each in order]


class LoadBoxesd(MapTransform):
    """Read the boxes of an image from what was given for it, and keep them as numbers.

    Place it right after loading. An item without ``source_key``, such as a request of MONAI Label, is left to
    `RasterizePromptsd`.

    Args:
        keys: key of the image, channel first with two or three spatial axes, x first as MONAI's readers give it.
        source_key: key of what was given: numbers, text or a file as `litemed.images.box_files.read_boxes` takes them,
            a mask of the image, or None for the boxes that an archive of the challenge brings.
        boxes_key: key for the boxes, float64 ``(N, 4)`` or ``(N, 6)`` in pixels of the image, x first, clipped to it.
            The same boxes stay under ``file_<boxes_key>`` whatever `OrientVolumesd` does. Clipping is told by a
            `litemed.notices.Notice`.
        threshold: of a mask that is a JPEG picture: values above it are the object.
        box_format: see `litemed.images.box_files.read_boxes`.
        series: of DICOM studies, as `LoadImageOrVolumed` has read it.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when there are no boxes, or bad ones.
    """

    def __init__(
        self,
        keys: KeysCollection,
        source_key: str = "box_source",
        boxes_key: str = "exact_boxes",
        threshold: float | None = None,
        box_format: str | None = None,
        series: str | int | None = None,
    ) -> None:
        super().__init__(keys)
        self.source_key = source_key
        self.boxes_key = boxes_key
        self.threshold = threshold
        self.box_format = box_format
        self.series = series

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            if self.source_key not in items:
                continue
            path = Path(items[key].meta["filename_or_obj"])
            sides = tuple(items[key].shape[1:])
            boxes, source = self._read(items.pop(self.source_key), path, sides)
            checked, notices = check_boxes(boxes, sides, f"{source} for {path.name}")
            for notice in notices:
                warnings.warn(notice, Notice, stacklevel=2)
            items[self.boxes_key], items[f"file_{self.boxes_key}"] = checked, checked.copy()
        return items

    def _read(self, source: Any, path: Path, sides: tuple[int, ...]) -> tuple[Any, str]:
        if source is None:
            boxes = read_challenge(path).boxes if is_archive(path) else None
            if boxes is None:
                raise ValueError(f"{path} brings no boxes: give some")
            return boxes, path.name
        if isinstance(source, (str, os.PathLike)) and os.path.exists(source) and not is_box_file(source):
            return self._from_mask(Path(source), path, sides), Path(source).name
        if not isinstance(source, GivenBoxes):
            given = read_boxes(source, self.box_format)
            if "" not in given:
                raise ValueError(f"{source} has boxes for {', '.join(given)}: expected them for {path.name} alone")
            source = given[""]
        return source.corners(sides), source.source

    def _from_mask(self, mask: Path, path: Path, sides: tuple[int, ...]) -> np.ndarray:
        if len(sides) == 3:
            volume = open_volume(mask, is_label=True)
            if not is_archive(path):
                check_same_grid(open_volume(path, series=self.series), volume)
            boxes, _ = volume_boxes(volume)
        elif is_volume(mask) or is_archive(mask):
            raise ValueError(f"{mask}: expected boxes of a picture, or a mask that is a picture")
        else:
            labels = read_labels(mask, self.threshold)
            if labels.shape != sides[::-1]:
                raise ValueError(
                    f"{mask} is of {labels.shape[1]}x{labels.shape[0]} pixels, {path} of {sides[0]}x{sides[1]}"
                )
            boxes, _ = mask_boxes(labels)
        if not len(boxes):
            raise ValueError(f"{mask}: the mask has no label to take a box from")
        return boxes


class RasterizePromptsd(MapTransform):
    """Add the prompt channel of an image, from the prompts of a client of MONAI Label in the data dictionary.

    A client is anyone: it gives numbers, and never the name of a file. Looked for in this order:

    - ``boxes``: numbers, or text of numbers, in the image's own pixels, x first.
    - ``roi``: one box as MONAI Label's clients send it, axis by axis: x0, x1, y0, y1(, z0, z1), each pair in any order.
    - ``foreground`` and ``background``: clicks, see `clicks_to_channel` and `clicks_to_box`.

    Place it right after loading, before transforms that turn the image; the channel then goes through them beside it
    (without interpolation), and ``ConcatItemsd`` joins the two. An item with ``exact_key`` is left as it is.

    Args:
        keys: key of the image, channel first with two or three spatial axes, x first as MONAI's readers give it.
        prompt_key: key for the channel, ``(1, ...)`` float32 with the image's metadata.
        boxes_key: key of the boxes.
        roi_key: key of the region of interest.
        foreground_key: key of the clicks on the object.
        background_key: key of the clicks off it.
        exact_key: key of boxes that `LoadBoxesd` keeps as numbers.
        keep_clicks: give clicks as clicks, for a network that knows them; else they become the box that they mean.

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
        exact_key: str = "exact_boxes",
        keep_clicks: bool = False,
    ) -> None:
        super().__init__(keys)
        self.keep_clicks = keep_clicks
        self.prompt_key = prompt_key
        self.boxes_key = boxes_key
        self.roi_key = roi_key
        self.foreground_key = foreground_key
        self.background_key = background_key
        self.exact_key = exact_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        if self.exact_key in items:
            return items
        for key in self.key_iterator(items):
            image = items[key]
            shape = tuple(image.shape[1:])
            channel = torch.from_numpy(self._channel(items, shape)[None])
            items[self.prompt_key] = MetaTensor(channel, meta=image.meta) if isinstance(image, MetaTensor) else channel
        return items

    def _channel(self, items: Mapping[Hashable, Any], shape: tuple[int, ...]) -> np.ndarray:
        if _given(items.get(self.boxes_key)):
            given = number_boxes(items[self.boxes_key], self.boxes_key)
            boxes: Any = given.corners(shape)
            source = given.source
        elif _given(items.get(self.roi_key)):
            ends = check_numbers(items[self.roi_key], self.roi_key)
            if len(ends) < 2 * len(shape) or len(ends) % 2:
                raise ValueError(f"expected {2 * len(shape)} numbers under {self.roi_key!r}, got {ends}")
            pairs = np.reshape(ends, (-1, 2))[: len(shape)]
            boxes, source = np.concatenate([pairs.min(axis=1), pairs.max(axis=1)]), self.roi_key
        elif _given(items.get(self.foreground_key)):
            clicks = items[self.foreground_key], items.get(self.background_key) or []
            if self.keep_clicks:
                return clicks_to_channel(*clicks, shape)
            boxes, source = clicks_to_box(*clicks, shape), self.foreground_key
        else:
            names = f"{self.boxes_key!r}, {self.roi_key!r} or {self.foreground_key!r}"
            raise ValueError(f"expected a prompt under {names}, got {sorted(map(str, items))}")
        checked, _ = check_boxes(boxes, shape, source)
        return boxes_to_channel(checked, shape)


def _given(value: Any) -> bool:
    return value is not None and (not hasattr(value, "__len__") or len(value) > 0)


def _points(points: Sequence[Sequence[float]], dims: int) -> np.ndarray:
    listed: Any = points.tolist() if isinstance(points, np.ndarray) else points
    is_point = isinstance(listed, (list, tuple)) and len(listed) and not isinstance(listed[0], (list, tuple))
    if is_point or not isinstance(listed, (list, tuple)):
        listed = [listed]
    numbers = [check_numbers(row, "clicks") for row in listed]
    if any(len(row) < dims for row in numbers) or not all(math.isfinite(value) for row in numbers for value in row):
        raise ValueError(f"expected clicks of {dims} finite numbers, got {numbers}")
    return np.array([row[:dims] for row in numbers]).reshape(-1, dims)


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
