# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Searching a frame for Placido rings: the detector looks at all of it, and again where they are small or cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image

from tfnet.collab.rings import Rings
from tfnet.detector import RINGS, box_iou, decode_rings
from tfnet.resizing import placement

__all__ = ["as_input", "find_rings", "resized", "ring_overlaps"]

_BILINEAR = Image.Resampling.BILINEAR
_SHARE = 0.5
"""Of the second window's height that the rings take."""
_ENOUGH = (0.3, 0.7)
"""Share of the first window's height from and to which one look is enough: a second one gained nothing between them on
validation devices, and .11 and .03 of the outside box's IoU beyond."""
_LEAST = 8  # pixels: of what is smaller, nothing is seen closer


def find_rings(
    detector: Callable[[torch.Tensor], torch.Tensor], frame: np.ndarray, size: Sequence[int], presence: float = 0.5
) -> Rings | None:
    """The rings in a frame, or None where there are none.

    Rings of a seventh of the frame's height are 34 pixels high at the detector's size. So where they are small, or so
    large that the frame may cut them, a second look is taken at the window in which they take half of the height; what
    lies beyond the frame is black.

    Args:
        detector: gives ``(1, 13)`` for ``(1, 1, W, H)``, see :class:`tfnet.RingDetector`.
        frame: uint8 ``(height, width)``.
        size: width and height at which the detector works.
        presence: least probability at which rings count as found; where a second look has less, the first one holds.
    """
    height, width = frame.shape
    found, probability = _look(detector, frame, (0, 0, width, height), size)
    if probability < presence or not _are_boxes(found):
        return None
    share = max(found[-1, 2:] - found[-1, :2]) * placement(width, height, size)[1] / height / size[1]
    if not _ENOUGH[0] <= share <= _ENOUGH[1]:
        again, sure = _look(detector, frame, _around(found[-1], size), size)
        found = again if sure >= presence and _are_boxes(again) else found
    return Rings(found, probability).measured(frame)


def ring_overlaps(rings: Rings | None, boxes: Sequence[Sequence[float]] | np.ndarray) -> list[float]:
    """IoU of inside, middle and outside box of the rings found in a frame with the true ones; 0 where none are found.

    Args:
        rings: what `find_rings` gives.
        boxes: the true boxes as x0, y0, x1, y1, ``(3, 4)``.
    """
    if rings is None:
        return [0.0] * len(RINGS)
    return box_iou(torch.from_numpy(rings.boxes), torch.as_tensor(np.asarray(boxes, dtype=np.float64))).tolist()


def _around(box: np.ndarray, size: Sequence[int]) -> tuple[int, int, int, int]:
    """Window of the detector's aspect around a box."""
    half = max(*(box[2:] - box[:2]), _LEAST) / _SHARE / 2
    x, y = (box[:2] + box[2:]) / 2
    across = half * size[0] / size[1]
    return round(x - across), round(y - half), round(x + across), round(y + half)


def _look(
    detector: Callable[[torch.Tensor], torch.Tensor],
    frame: np.ndarray,
    window: tuple[int, int, int, int],
    size: Sequence[int],
) -> tuple[np.ndarray, float]:
    """The three boxes in pixels of the frame, and the probability of rings, as seen in a window of it."""
    x0, y0, x1, y1 = window
    width, height, left, top = placement(x1 - x0, y1 - y0, size)
    boxes, presence = decode_rings(detector(as_input(_fitted(frame, window, size))), size)
    scale = [(x1 - x0) / width, (y1 - y0) / height] * 2
    return (boxes[0].double().numpy() - [left, top, left, top]) * scale + [x0, y0, x0, y0], float(presence[0])


def _are_boxes(boxes: np.ndarray) -> bool:
    return bool(np.isfinite(boxes).all() and (boxes[:, 2:] > boxes[:, :2]).all())


def _fitted(frame: np.ndarray, window: tuple[int, int, int, int], size: Sequence[int]) -> np.ndarray:
    """A window at the detector's size, its aspect kept; black where it leaves the frame, and beside it."""
    x0, y0, x1, y1 = window
    width, height, left, top = placement(x1 - x0, y1 - y0, size)
    inside = frame[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    canvas = np.zeros((size[1], size[0]), dtype=np.uint8)
    if not inside.size:
        return canvas
    across, down = width / (x1 - x0), height / (y1 - y0)
    column, row = left + round(max(-x0, 0) * across), top + round(max(-y0, 0) * down)
    shown = max(1, round(inside.shape[1] * across)), max(1, round(inside.shape[0] * down))
    scaled = resized(inside, shown)[: size[1] - row, : size[0] - column]
    canvas[row : row + scaled.shape[0], column : column + scaled.shape[1]] = scaled
    return canvas


def resized(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Bilinear, smoothed where it shrinks; where it shrinks to a quarter or less, of means over squares of pixels."""
    if image.shape == (size[1], size[0]):
        return image
    return np.asarray(Image.fromarray(image).resize((size[0], size[1]), _BILINEAR, reducing_gap=2.0))


def as_input(image: np.ndarray, channels: int = 1) -> torch.Tensor:
    """``(1, channels, W, H)`` in [0, 1], axes as MONAI reads pictures, from uint8 ``(H, W)``; all channels alike."""
    values = np.empty((1, channels, *image.shape[::-1]), dtype=np.float32)
    np.divide(np.ascontiguousarray(image.T), np.float32(255), out=values[0, 0])
    values[0, 1:] = values[0, 0]
    return torch.from_numpy(values)
