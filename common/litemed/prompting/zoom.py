# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Windows around small objects, seen as pictures of their own.

A picture is made 256 pixels wide before a network of the MedSAM-lite family sees it. What a box holds is then a few
pixels, or none, where the object is small; in a window of a few times the box it has its size back. A window costs an
encoding, so neighbours share one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch

from litemed.prompting.box_network import BoxNetwork, decode, encode
from litemed.transforms.longest_side import LongestSide, Region

__all__ = ["PlacedSquare", "Window", "Zoom", "check_zoom", "encode_window", "segment_windows", "zoom_windows"]

Zoom = Literal["off", "auto"]
"""Whether small objects are seen in windows of their own."""
WINDOW_MARGIN = 4
"""Margins in windows, as a multiple of those in whole slices: a box has a quarter of its window's side."""


class Window(NamedTuple):
    """A part of a picture and the boxes that are segmented in it.

    Attributes:
        left: first column.
        top: first row.
        width: columns.
        height: rows.
        boxes: places of the boxes in the list that was given.
    """

    left: int
    top: int
    width: int
    height: int
    boxes: tuple[int, ...]


class PlacedSquare:
    """How a window lies in the network's square: a `LongestSide` whose results lie in the whole picture.

    Args:
        window: the window; the whole picture is one, too.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.inner = LongestSide(window.height, window.width)

    @classmethod
    def whole(cls, picture: LongestSide) -> PlacedSquare:
        """Of a whole picture or slice."""
        return cls(Window(0, 0, picture.width, picture.height, ()))

    def is_whole(self, picture: LongestSide) -> bool:
        """Whether the window is the whole picture."""
        return (self.window.height, self.window.width) == (picture.height, picture.width)

    @property
    def resized(self) -> tuple[int, int]:
        """Height and width of the window in the square."""
        return self.inner.resized

    def point_to_square(self, x: float, y: float) -> tuple[float, float]:
        """A point of the picture in the square's pixels, whole numbers on pixel centres of both."""
        scale = self.inner.scale
        return (x - self.window.left + 0.5) * scale - 0.5, (y - self.window.top + 0.5) * scale - 0.5

    def next_box(self, mask: np.ndarray, picture: LongestSide, margin: int) -> np.ndarray | None:
        """Where the object of a mask is looked for in the slice beside it.

        Args:
            mask: ``(h, w)``, the window's part of the square.
            picture: how the whole slice lies in the square.
            margin: pixels of the square by which the box is larger than the mask; `WINDOW_MARGIN` times as many in a
                window.

        Returns:
            x0, y0, x1, y1 in the whole slice's square, float32; None for an empty mask.
        """
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return None
        is_whole = self.is_whole(picture)
        grow = margin * (1 if is_whole else WINDOW_MARGIN)
        box = np.array([columns[0] - grow, rows[0] - grow, columns[-1] + grow, rows[-1] + grow], dtype=np.float32)
        if not is_whole:
            box = picture.to_square(box / self.inner.scale + np.tile([self.window.left, self.window.top], 2))
        return np.clip(box, 0, picture.size)

    def to_square(self, boxes: np.ndarray, truncated: bool = False) -> np.ndarray:
        """Boxes ``(N, 4)`` of the picture in the square's pixels, see `LongestSide.to_square`."""
        return self.inner.to_square(boxes - np.tile([self.window.left, self.window.top], 2), truncated=truncated)

    def restore(self, logits: torch.Tensor) -> tuple[torch.Tensor, Region]:
        """Logits of the square at the picture's size, and where in the picture, see `LongestSide.restore`."""
        values, (rows, columns) = self.inner.restore(logits)
        top, left = self.window.top, self.window.left
        placed = slice(rows.start + top, rows.stop + top), slice(columns.start + left, columns.stop + left)
        return values, placed


def check_zoom(zoom: Zoom, challenge_compat: bool) -> None:
    """Refuse another zoom, or windows that the published protocol doesn't have, by a ValueError."""
    if zoom not in ("off", "auto") or (challenge_compat and zoom == "auto"):
        raise ValueError(f"expected zoom to be off, or auto without challenge_compat, got {zoom!r}")


def zoom_windows(
    boxes: np.ndarray,
    height: int,
    width: int,
    *,
    below: float = 32,
    factor: float = 4,
    least: int = 64,
    spread: float = 1.5,
) -> list[Window]:
    """Which part of a picture each box is segmented in: the whole for large boxes, windows for small ones.

    A box is small whose longer side is below ``below`` pixels of the network's 256. The largest small box left over is
    the next window's, of ``factor`` times its longer side; the window is placed where most of the others lie in it that
    are of like size, with half their longer side around them where the picture has it.

    The defaults are of 56 objects of real validation pictures, by SwiftMedSAM's ``fast``: Dice below 6 pixels of the
    square .48 without and .72 with a window, from 6 to 16 .65 and .73, from 16 to 32 .78 and .81.

    Args:
        boxes: ``(N, 4)`` x0, y0, x1, y1 in pixels of the picture.
        height: of the picture.
        width: of the picture.
        below: pixels of the square; 0 gives the whole picture for all.
        factor: side of a window as a multiple of its box's longer side.
        least: smallest side of a window, in pixels of the picture.
        spread: how many times smaller than the window's own box others in it may be.

    Returns:
        Windows whose ``boxes`` hold each box once; the whole picture, where it is needed, first.
    """
    boxes = np.asarray(boxes, dtype=np.float64)
    extents = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) + 1
    sides = np.maximum(np.ceil(factor * extents), least)
    longest = max(height, width)
    whole = (extents * (256 / longest) >= below) | (sides >= longest)
    windows = [Window(0, 0, width, height, tuple(np.flatnonzero(whole).tolist()))] if whole.any() else []
    margins = np.ceil(extents / 2)
    limits = np.array([width, height])
    starts = np.maximum(boxes[:, :2] - margins[:, None], 0)
    ends = np.minimum(boxes[:, 2:] + 1 + margins[:, None], limits)
    left_over = np.flatnonzero(~whole)
    left_over = left_over[np.argsort(-extents[left_over], kind="stable")]
    while len(left_over):
        own = left_over[0]
        size = np.minimum(int(sides[own]), limits)
        alike = left_over[extents[left_over] * spread >= min(extents[own], size.max() / factor)]
        lows = np.maximum(np.ceil(ends[own] - size), 0)
        highs = np.minimum(np.floor(starts[own]), limits - size)
        highs = np.maximum(highs, lows)
        candidates = [
            np.unique(np.clip([*np.floor(starts[alike, axis]), *np.ceil(ends[alike, axis] - size[axis])], low, high))
            for axis, (low, high) in enumerate(zip(lows, highs, strict=True))
        ]
        inside = [
            (starts[None, alike, axis] >= places[:, None]) & (ends[None, alike, axis] <= places[:, None] + size[axis])
            for axis, places in enumerate(candidates)
        ]
        counts = inside[0].astype(np.int64) @ inside[1].T.astype(np.int64)
        column, row = np.unravel_index(int(counts.argmax()), counts.shape)
        members = np.union1d(alike[inside[0][column] & inside[1][row]], [own])
        place = int(candidates[0][column]), int(candidates[1][row])
        windows.append(Window(*place, int(size[0]), int(size[1]), tuple(members.tolist())))
        left_over = left_over[~np.isin(left_over, members)]
    return windows


def encode_window(network: BoxNetwork, image: np.ndarray, window: Window, rounded: bool = False) -> torch.Tensor:
    """Embedding ``(1, 256, 64, 64)`` of a part of a picture ``(H, W[, C])``, see `LongestSide.prepare`."""
    part = image[window.top : window.top + window.height, window.left : window.left + window.width]
    return encode(network, PlacedSquare(window).inner, part, rounded)


@torch.inference_mode()
def segment_windows(
    image: np.ndarray,
    boxes: np.ndarray,
    network: BoxNetwork,
    windows: Sequence[Window],
    boxes_per_call: int | None = None,
    challenge_compat: bool = False,
) -> Iterator[tuple[int, PlacedSquare, torch.Tensor, float]]:
    """Segment boxes in their windows, one encoding a window.

    Args:
        image: ``(H, W)`` or ``(H, W, 3)``, any range; each window is scaled by its own minimum and maximum.
        boxes: ``(N, 4)`` x0, y0, x1, y1 in pixels of the picture.
        network: the network, in evaluation mode.
        windows: of `zoom_windows`.
        boxes_per_call: see `litemed.prompting.Box2DInferer`.
        challenge_compat: see there.

    Yields:
        Place of the box, how its window lies, logits ``(256, 256)`` and predicted IoU.
    """
    for window in windows:
        placed = PlacedSquare(window)
        embedding = encode_window(network, image, window, challenge_compat)
        prompts = placed.to_square(np.asarray(boxes, dtype=np.float64)[list(window.boxes)], challenge_compat)
        answers = decode(network, embedding, prompts, boxes_per_call, challenge_compat)
        for index, (logits, iou) in zip(window.boxes, answers, strict=True):
            yield index, placed, logits, iou
