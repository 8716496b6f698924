# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Clicks on an object: where someone who corrects a mask would click, and strokes as clicks.

Coordinates are x (columns) and y (rows) of pixel centres. A positive click is on the object, a negative one beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import ndimage

__all__ = ["Click", "Prompts", "SimulatedUser", "next_click", "next_stroke", "stroke_clicks"]


class Click(NamedTuple):
    """A click.

    Attributes:
        x: column, in pixels.
        y: row, in pixels.
        positive: whether it is on the object.
    """

    x: float
    y: float
    positive: bool


class Prompts(NamedTuple):
    """What is asked of `litemed.networks.MedSAMLite.decode` about ``N`` objects.

    Attributes:
        boxes: ``(N, 4)``, or None.
        points: ``(N, P, 2)``, or None.
        labels: ``(N, P)``, 1 positive, 0 negative, -1 no click; None without points.
        masks: logits ``(N, 1, H, W)`` of the answer before, or None.
    """

    boxes: torch.Tensor | None
    points: torch.Tensor | None
    labels: torch.Tensor | None
    masks: torch.Tensor | None


def next_click(
    mask: np.ndarray, truth: np.ndarray, jitter: float = 0.0, generator: np.random.Generator | None = None
) -> Click | None:
    """The click that corrects a mask most: deep inside the largest region where it is wrong.

    As in RITM (Sofiiuk et al., "Reviving Iterative Training with Mask Guidance", 2022, section 3.4) and in Segment
    Anything (Kirillov et al. 2023, appendix A): it is positive where the object was missed, negative where the mask
    goes beyond it. The place is the one farthest from the region's border; with ``jitter`` one of those about as far.

    Args:
        mask: ``(H, W)`` bool.
        truth: ``(H, W)`` bool.
        jitter: 0 to 1; the place is one of the pixels at least ``1 - jitter`` times as deep as the deepest.
        generator: to draw with; without one the first of them in reading order is taken.

    Returns:
        The click, or None where the mask is right everywhere.

    Raises:
        ValueError: when the two shapes differ.
    """
    error = _largest_error(mask, truth)
    if error is None:
        return None
    y, x = _deep_place(error, jitter, generator)
    return Click(float(x + error.left), float(y + error.top), error.positive)


def next_stroke(
    mask: np.ndarray, truth: np.ndarray, count: int, generator: np.random.Generator, jitter: float = 0.5
) -> list[Click]:
    """A straight scribble in the largest region where a mask is wrong, as the clicks sampled along it.

    It goes from a deep place of the region to another of its pixels, and its clicks are those within the region.

    Args:
        mask: see `next_click`.
        truth: see there.
        count: clicks along the whole line, from 1.
        generator: to draw with.
        jitter: of the line's first place, see there.

    Returns:
        1 to ``count`` clicks; none where the mask is right everywhere.
    """
    error = _largest_error(mask, truth)
    if error is None:
        return []
    start = _deep_place(error, jitter, generator)
    inside = np.argwhere(error.region)
    end = inside[generator.integers(len(inside))]
    places = np.rint(np.linspace(start, end, count)).astype(int)
    held = error.region[places[:, 0], places[:, 1]]
    return [Click(float(x + error.left), float(y + error.top), error.positive) for y, x in places[held]]


def stroke_clicks(path: Any, positive: bool, step: float, most: int = 16) -> list[Click]:
    """The clicks that stand for a drawn stroke: both its ends and, between them, places at equal steps along it.

    Args:
        path: ``(K, 2)`` x, y along the stroke.
        positive: whether it is on the object.
        step: at most this far between two clicks, in pixels, as long as there are no more than ``most``.
        most: clicks.

    Raises:
        ValueError: for a stroke without a place, or with numbers that aren't finite.
    """
    places = np.asarray(path, dtype=np.float64)
    if places.ndim != 2 or places.shape[1:] != (2,) or not len(places) or not np.isfinite(places).all():
        raise ValueError(f"expected a stroke of finite x, y pairs, got {path!r}")
    lengths = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))]
    count = 1 if lengths[-1] == 0 else min(int(np.ceil(lengths[-1] / step)) + 1, most)
    along = np.linspace(0, lengths[-1], count)
    x, y = (np.interp(along, lengths, axis).tolist() for axis in places.T)
    return [Click(*place, positive) for place in zip(x, y, strict=True)]


class SimulatedUser:
    """Someone who outlines ``N`` objects with a network: draws boxes or clicks, looks at the masks, corrects them.

    Each call of `look` adds to each object what corrects its mask most: a click, or now and then a scribble of several.
    All that was given before is given again, with the mask before (Segment Anything, appendix A).

    Args:
        truth: ``(N, 1, H, W)``, above 0.5 on the object.
        boxes: ``(N, 4)`` to begin with; None begins with a click on each object.
        jitter: see `next_click`.
        stroke: probability of a scribble in place of a click.
        generator: to draw with; None always gives the same clicks, and no scribbles.
        sides: ``(N, 2)`` height and width of the pictures within the square, beyond which nobody clicks; None for all.
    """

    def __init__(
        self,
        truth: torch.Tensor,
        boxes: torch.Tensor | None = None,
        jitter: float = 0.0,
        stroke: float = 0.0,
        generator: np.random.Generator | None = None,
        sides: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        self._truth = (truth[:, 0] > 0.5).cpu().numpy()
        self._device = truth.device
        self._boxes = boxes
        self._jitter = jitter
        self._stroke = stroke
        self._generator = generator
        self._sides = [self._truth.shape[1:]] * len(self._truth) if sides is None else sides
        self._masks: torch.Tensor | None = None
        self.clicks: list[list[Click]] = [[] for _ in self._truth]
        if boxes is None:
            self._click(np.zeros_like(self._truth))

    def look(self, logits: torch.Tensor) -> bool:
        """Look at the masks, logits ``(N, 1, H, W)``, and correct them; False when all are right everywhere."""
        self._masks = logits.detach()
        return self._click((self._masks[:, 0] > 0).cpu().numpy())

    @property
    def prompts(self) -> Prompts:
        """All that was given so far."""
        most = max(map(len, self.clicks))
        if not most:
            return Prompts(self._boxes, None, None, self._masks)
        points, labels = (
            np.zeros((len(self.clicks), most, 2), np.float32),
            np.full((len(self.clicks), most), -1, np.float32),
        )
        for row, clicks in enumerate(self.clicks):
            for column, click in enumerate(clicks):
                points[row, column], labels[row, column] = click[:2], click.positive
        marks = torch.from_numpy(labels).to(self._device)
        return Prompts(self._boxes, torch.from_numpy(points).to(self._device), marks, self._masks)

    def _click(self, masks: np.ndarray) -> bool:
        given = False
        for mask, truth, (height, width), clicks in zip(masks, self._truth, self._sides, self.clicks, strict=True):
            seen = (mask[:height, :width], truth[:height, :width])
            if self._generator is not None and self._generator.random() < self._stroke:
                new = next_stroke(*seen, int(self._generator.integers(2, 6)), self._generator)
            else:
                click = next_click(*seen, self._jitter, self._generator)
                new = [] if click is None else [click]
            clicks += new
            given |= bool(new)
        return given


class _Error(NamedTuple):
    """A region where a mask is wrong, cut out of the picture: ``region`` begins at ``top`` and ``left``."""

    region: np.ndarray
    top: int
    left: int
    positive: bool


def _largest_error(mask: np.ndarray, truth: np.ndarray) -> _Error | None:
    if mask.shape != truth.shape or mask.ndim != 2:
        raise ValueError(f"expected a mask and a truth (H, W) of one shape, got {mask.shape} and {truth.shape}")
    largest, found = 0, None
    for positive, wrong in ((True, truth & ~mask), (False, mask & ~truth)):
        regions, count = ndimage.label(wrong)
        if not count:
            continue
        sizes = np.bincount(regions.ravel())[1:]
        number = int(sizes.argmax()) + 1
        if sizes[number - 1] > largest:
            largest, found = sizes[number - 1], (regions, number, positive)
    if found is None:
        return None
    regions, number, positive = found
    rows, columns = ndimage.find_objects(regions, max_label=number)[number - 1]
    return _Error(regions[rows, columns] == number, rows.start, columns.start, positive)


def _deep_place(error: _Error, jitter: float, generator: np.random.Generator | None) -> np.ndarray:
    """Row and column within the region."""
    depth = ndimage.distance_transform_edt(np.pad(error.region, 1))[1:-1, 1:-1]
    places = np.argwhere(depth >= (1 - jitter) * depth.max() - 1e-6)
    places = places[error.region[places[:, 0], places[:, 1]]]
    return places[0 if generator is None else generator.integers(len(places))]
