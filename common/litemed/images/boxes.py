# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Bounding boxes of an image: checked against it, and taken from masks.

A box is ``x0, y0, x1, y1`` in a picture and ``x0, y0, z0, x1, y1, z1`` in a volume: the first and the last pixel
(voxel) of the object along each axis, as the MedSAM challenge has them. x counts columns, y rows; in a volume x, y and
z are the file's own voxel indices. Fractions are allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from litemed.images.masks import whole_labels
from litemed.images.volume import Volume

__all__ = ["NAMES", "check_boxes", "mask_boxes", "volume_boxes", "with_extent"]

NAMES = {2: ("x0", "y0", "x1", "y1"), 3: ("x0", "y0", "z0", "x1", "y1", "z1")}
_LEAST_SIDE = 16  # of an image in which an object of its first pixels isn't taken for shares

Sides = Sequence[int]


def check_boxes(boxes: Any, sides: Sides, source: str = "the prompt") -> tuple[np.ndarray, list[str]]:
    """Check boxes against the image they are for, and clip those that leave it.

    Args:
        boxes: one box, or a sequence or array of them, of numbers.
        sides: size of the image along x, y and, for a volume, z.
        source: where the boxes come from, for messages.

    Returns:
        the boxes, float64 ``(N, 4)`` or ``(N, 6)``, inside the image (x from 0 to the width, z from 0 to the last
        slice), and one notice for each box that was clipped.

    Raises:
        ValueError: names the box and its value, when there is none, it has other than 4 (6) numbers, a number is NaN or
            infinite, an end isn't beyond its start (in z they may be equal: one slice), it lies outside the image, or
            all boxes lie within the first pixel, as shares of the image's sides do.
    """
    dims = len(sides)
    form = ",".join(NAMES[dims])
    try:
        array = np.asarray(boxes, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected boxes of {2 * dims} numbers {form}, got {boxes!r} ({source})") from error
    if array.shape == (2 * dims,):
        array = array[None]
    if array.ndim != 2 or array.shape[1] != 2 * dims:
        raise ValueError(f"expected boxes of {2 * dims} numbers {form}, got an array of shape {array.shape} ({source})")
    if not len(array):
        raise ValueError(f"expected at least one box {form}, got none ({source})")
    size = "x".join(map(str, sides))
    # pixels have an extent: a box may end at the far edge of the last one; slices are taken whole
    limits = np.array([side if axis < 2 else side - 1 for axis, side in enumerate(sides)], dtype=np.float64)
    notices = []
    for number, box in enumerate(array, start=1):
        shown = [float(f"{value:g}") for value in box]
        where = f"(box {number} of {source})"
        if not np.isfinite(box).all():
            raise ValueError(f"expected a box of finite numbers {form}, got {shown} {where}")
        low, high = box[:dims], box[dims:]
        if (high[:2] <= low[:2]).any() or (high[2:] < low[2:]).any():
            raise ValueError(f"expected a box whose ends lie beyond its starts, {form}, got {shown} {where}")
        outside = (low[:2] >= limits[:2]) | (high[:2] <= 0)
        if outside.any() or (low[2:] > limits[2:]).any() or (high[2:] < 0).any():
            raise ValueError(f"expected a box inside {size} as {form}, got {shown} {where}")
        if (low < 0).any() or (high > limits).any():
            notices.append(f"box {number} of {source}, {shown}, leaves the image of {size} and was clipped to it")
    across = array[:, [0, 1, dims, dims + 1]]
    if across.min() >= 0 and across.max() <= 1 and max(sides[:2]) > _LEAST_SIDE:
        raise ValueError(
            f"expected boxes in pixels of {size}, got numbers from 0 to 1 alone ({source}): multiply shares of the "
            f"sides by them, or name the format, as box_format=yolo"
        )
    clipped = np.concatenate([np.clip(array[:, :dims], 0, limits), np.clip(array[:, dims:], 0, limits)], axis=1)
    return clipped, notices


def mask_boxes(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The box of each label of a label map.

    Args:
        mask: whole numbers, ``(H, W)`` or ``(D, H, W)``; 0 is background.

    Returns:
        Boxes, ``(N, 4)`` or ``(N, 6)``, and the labels they belong to, ascending. An object of one column or row gets a
        box that ends half a pixel further on both its sides, since a box has an extent.
    """
    values, ranks = np.unique(mask, return_inverse=True)
    background = values == 0
    numbers = np.cumsum(~background)
    numbers[background] = 0
    found = ndimage.find_objects(numbers[ranks].reshape(mask.shape))
    spans = [[(side.start, side.stop - 1) for side in slices[::-1]] for slices in found]
    return _from_spans(spans, mask.ndim), values[~background]


def volume_boxes(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """The box of each label of a volume on disk, read slice by slice.

    Args:
        volume: of whole numbers; 0 is background.

    Returns:
        Boxes ``(N, 6)`` in voxel indices of the volume's axes, and the labels they belong to, ascending.

    Raises:
        ValueError: for values other than whole numbers of one channel.
    """
    axis = volume.slowest_axis
    own = [other for other in range(3) if other != axis]
    spans: dict[int, list[tuple[int, int]]] = {}
    for index in range(volume.shape[axis]):
        plane = volume.read_slice(axis, index)
        if plane.ndim != 2:
            raise ValueError(f"{volume.path}: expected labels of one channel, got {plane.shape[-1]} channels")
        plane = whole_labels(plane, f"{volume.path}, slice {index}")
        if not plane.any():
            continue
        for value in np.unique(plane[plane != 0]).tolist():
            held = plane == value
            place = [(index, index)] * 3
            for position, other in enumerate(own):
                hits = np.flatnonzero(held.any(axis=1 - position))
                place[other] = (int(hits[0]), int(hits[-1]))
            before = spans.get(value, place)
            spans[value] = [(min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(before, place, strict=True)]
    values = sorted(spans)
    return _from_spans([spans[value] for value in values], 3), np.array(values)


def with_extent(boxes: np.ndarray, dims: int) -> np.ndarray:
    """Boxes ``(N, 2 * dims)`` of which those of one column or row end half a pixel further on both its sides."""
    boxes = np.array(boxes, dtype=np.float64).reshape(-1, 2 * dims)
    for axis in range(2):
        flat = boxes[:, axis] == boxes[:, axis + dims]
        boxes[flat, axis] = np.maximum(boxes[flat, axis] - 0.5, 0)
        boxes[flat, axis + dims] += 0.5
    return boxes


def _from_spans(spans: Sequence[Sequence[tuple[int, int]]], dims: int) -> np.ndarray:
    return with_extent(np.array([[*(low for low, _ in span), *(high for _, high in span)] for span in spans]), dims)
