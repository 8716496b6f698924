# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Standardised ring coordinates: where on the eye a break-up lies, whatever the frame, the distance and the camera.

The outer ring of the Placido disc is the unit circle: a point of the frame is taken relative to the centre of the
``outside`` box and divided by its half sides. Its radius tells the zone, its angle the clock sector.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.ndimage import uniform_filter1d

__all__ = ["GRADES", "GRADE_LIMITS", "HOURS", "ZONES", "Rings", "grade"]

ZONES = ("central", "paracentral", "peripheral")
"""Within the innermost ring, from there to the fifth ring, and from there to the outermost ring."""

HOURS = tuple(range(1, 13))
"""Clock sectors as the camera sees them, each 30 degrees wide and centred on its hour; 12 is up."""

GRADES = ("none", "slight", "moderate", "severe")
GRADE_LIMITS = (0.0, 0.02, 0.10)
"""Largest broken fraction of each grade but the last. They describe; they are no clinical scale."""

_SAMPLES = 6
_RADII = 128  # samples along a ray; rings up to half as many can be told
_RAYS = 6  # of a clock hour


def grade(fraction: float) -> str:
    """Word for the broken fraction of an area: none, slight (up to 2 %), moderate (up to 10 %) or severe."""
    return GRADES[sum(fraction > limit for limit in GRADE_LIMITS)]


@dataclass(frozen=True)
class Rings:
    """The Placido rings found in a frame.

    Attributes:
        boxes: float ``(3, 4)``: inside, middle and outside box as x0, y0, x1, y1 in pixels of the frame, where pixel
            column ``i`` reaches from ``i`` to ``i + 1``. They may leave the frame.
        score: how sure the detector is, 0 to 1.
        periodicity: how much of the picture's change from the centre outwards has one period, 0 to 1, see
            :meth:`measured`.
        number: rings that were counted by that period; None where they weren't.

    Raises:
        ValueError: when the boxes aren't three finite boxes of positive size.
    """

    boxes: np.ndarray
    score: float = 1.0
    periodicity: float = 1.0
    number: int | None = None

    def __post_init__(self) -> None:
        boxes = np.asarray(self.boxes, dtype=np.float64)
        if boxes.shape != (3, 4) or not np.isfinite(boxes).all() or (boxes[:, 2:] <= boxes[:, :2]).any():
            raise ValueError(f"expected inside, middle and outside box as x0, y0, x1, y1, got {boxes.tolist()}")
        object.__setattr__(self, "boxes", boxes)

    @cached_property
    def centre(self) -> np.ndarray:
        """x, y of the outer ring's centre."""
        return (self.boxes[2, :2] + self.boxes[2, 2:]) / 2

    @cached_property
    def half_sides(self) -> np.ndarray:
        """Half axes of the outer ring, x and y, in pixels."""
        return (self.boxes[2, 2:] - self.boxes[2, :2]) / 2

    @cached_property
    def radii(self) -> np.ndarray:
        """Outer radius of each zone as a fraction of the outer ring's, by equal area; the last is 1."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        radii = np.sqrt(sides.prod(axis=1) / sides[2].prod())
        return np.minimum(np.maximum.accumulate(radii), 1)

    def crop_box(self, height: int, width: int) -> tuple[int, int, int, int] | None:
        """The outside box rounded to whole pixels and clipped to a frame; None where nothing of it is in the frame."""
        x0, y0, x1, y1 = (int(edge) for edge in np.rint(self.boxes[2]))
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def leaves(self, height: int, width: int) -> bool:
        """Whether the outside box reaches over the frame's border by more than a pixel."""
        x0, y0, x1, y1 = self.boxes[2]
        return bool(x0 < -1 or y0 < -1 or x1 > width + 1 or y1 > height + 1)

    def standardised(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Radius (1 is the outer ring) and clock hour, in [0, 12) with 12 o'clock as 0, of points of the frame."""
        u = (x - self.centre[0]) / self.half_sides[0]
        v = (y - self.centre[1]) / self.half_sides[1]
        return np.hypot(u, v), np.mod(np.arctan2(u, -v) * (6 / np.pi), 12)

    def measured(self, frame: np.ndarray) -> Rings:
        """The same rings with their periodicity and count in a frame ``(height, width)``.

        Grey values are taken along rays from the inside box to the outside one, those of a clock hour together. Less
        their running mean, the spectrum of rings is a peak at their number; that of anything else is broad. The
        periodicity is the share of the power within one of the highest peak, in the mean over the hours that lie in the
        frame; 0 where less than a third of them do.
        """
        radius = self.radii[0] + (1 - self.radii[0]) * (np.arange(_RADII) + 0.5) / _RADII
        angle = (np.arange(12 * _RAYS) + 0.5) * (np.pi / (6 * _RAYS))
        columns = np.floor(self.centre[0] + self.half_sides[0] * np.outer(np.sin(angle), radius)).astype(int)
        rows = np.floor(self.centre[1] - self.half_sides[1] * np.outer(np.cos(angle), radius)).astype(int)
        within = _within(rows, frame.shape[0]) & _within(columns, frame.shape[1])
        taken = frame[np.clip(rows, 0, frame.shape[0] - 1), np.clip(columns, 0, frame.shape[1] - 1)]
        hours = taken.reshape(12, _RAYS, _RADII).mean(axis=1)
        hours = hours[within.reshape(12, _RAYS, _RADII).mean(axis=(1, 2)) > 0.9]
        if len(hours) < 4:
            return replace(self, periodicity=0.0, number=None)
        smooth = uniform_filter1d(hours, _RADII // 6, axis=1, mode="nearest")
        power = np.abs(np.fft.rfft((hours - smooth) * np.hanning(_RADII), axis=1)[:, 1:]) ** 2
        # a grey level of change along all of a ray is noise
        spectrum = (power / np.maximum(power.sum(axis=1, keepdims=True), _RADII**2 / 8)).mean(axis=0)
        peaks = np.convolve(spectrum, np.ones(3), "same")
        best = int(peaks.argmax())
        return replace(self, periodicity=float(min(peaks[best], 1)), number=best + 1)

    def visible(self, height: int, width: int) -> np.ndarray:
        """Share ``(3, 12)`` of each zone and sector that lies within a frame."""
        return self._visible(height, width) if self.leaves(height, width) else np.ones((3, 12))

    def count(self, mask: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
        """Broken pixels of each zone and sector.

        Args:
            mask: bool ``(height, width)`` of a crop.
            corner: x, y of the crop's first pixel in the frame.

        Returns:
            int ``(3, 12)``: zones from the centre outwards, sectors from 1 o'clock to 12. Pixels beyond the outer ring
            aren't counted.
        """
        rows, columns = np.nonzero(mask)
        radius, hour = self.standardised(columns + corner[0] + 0.5, rows + corner[1] + 0.5)
        within = radius <= 1
        zone = np.searchsorted(self.radii[:2], radius[within])
        sector = (np.floor(hour[within] + 0.5).astype(int) - 1) % 12
        return np.bincount(zone * 12 + sector, minlength=36).reshape(3, 12)

    def areas(self, height: int, width: int) -> np.ndarray:
        """Area ``(3, 12)`` of each zone and sector that lies within a frame, in pixels."""
        edges = np.concatenate([[0], self.radii])
        whole = np.diff(edges**2) * (np.pi / 12) * self.half_sides.prod()
        areas = np.repeat(whole[:, None], 12, axis=1)
        return areas * self.visible(height, width)

    def _visible(self, height: int, width: int) -> np.ndarray:
        """Fraction ``(3, 12)`` of each zone and sector within the frame, from points spread evenly over its area."""
        steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
        edges = np.concatenate([[0], self.radii]) ** 2
        radius = np.sqrt(edges[:-1, None] + np.diff(edges)[:, None] * steps)[:, None, :, None]
        angle = ((np.asarray(HOURS)[:, None] + steps - 0.5) * (np.pi / 6))[None, :, None, :]
        x = self.centre[0] + self.half_sides[0] * radius * np.sin(angle)
        y = self.centre[1] - self.half_sides[1] * radius * np.cos(angle)
        return ((x >= 0) & (x < width) & (y >= 0) & (y < height)).mean(axis=(2, 3))

    def sample(self, mask: np.ndarray, corner: tuple[int, int], side: int) -> tuple[np.ndarray, np.ndarray]:
        """The mask on a square grid over the outer ring.

        Args:
            mask: bool ``(height, width)`` of a crop.
            corner: x, y of the crop's first pixel in the frame.
            side: points of the grid along each axis.

        Returns:
            two bool arrays ``(side, side)``: broken there, and within the crop and the outer ring.
        """
        steps = (np.arange(side) + 0.5) * 2 / side - 1
        columns = np.floor(self.centre[0] + steps * self.half_sides[0]).astype(int) - corner[0]
        rows = np.floor(self.centre[1] + steps * self.half_sides[1]).astype(int) - corner[1]
        seen = (steps[:, None] ** 2 + steps**2 <= 1) & _within(rows, mask.shape[0])[:, None]
        seen &= _within(columns, mask.shape[1])
        taken = mask[np.clip(rows, 0, mask.shape[0] - 1)[:, None], np.clip(columns, 0, mask.shape[1] - 1)]
        return taken & seen, seen


def _within(places: np.ndarray, size: int) -> np.ndarray:
    return (places >= 0) & (places < size)
