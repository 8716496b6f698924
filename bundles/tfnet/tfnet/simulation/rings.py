# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Brightness of the Placido target: concentric rings around a dark disc."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rings:
    """Evenly spaced bright rings in ring coordinates, from a dark central disc to 1.

    Attributes:
        inside: inner edge of the first ring.
        count: of rings.
        duty: bright share of a period at the centre.
        widening: by how much the share grows to the outside.
    """

    inside: float
    count: int
    duty: float
    widening: float

    @property
    def spacing(self) -> float:
        """Distance between neighbouring rings, so that the last one ends at 1."""
        return (1 - self.inside) / (self.count - 1 + (self.duty + self.duty + self.widening) / 2)

    def outer_edge(self, number: int) -> float:
        """Outer edge of a ring, counted from 1 at the centre."""
        first = self.inside + self.duty * self.spacing / 2
        centre = first + (number - 1) * self.spacing
        share = self.duty + self.widening * (number - 1) / (self.count - 1)
        return centre + share * self.spacing / 2

    def brightness(
        self,
        coordinate: np.ndarray,
        softness: np.ndarray | float,
        shift: np.ndarray | float = 0,
        swell: np.ndarray | float = 0,
    ) -> np.ndarray:
        """Brightness in [0, 1].

        Args:
            coordinate: ring coordinates.
            softness: width of a ring's edge, in periods.
            shift: by how many periods the rings are displaced.
            swell: by what share of a period they are wider.
        """
        first = np.float32(self.inside + self.duty * self.spacing / 2)
        periods = (coordinate - first) * np.float32(1 / self.spacing)
        half = periods * np.float32(self.widening / (self.count - 1) / 2)
        half += np.float32(self.duty / 2)
        half += (softness + swell) / 2
        shifted = periods + shift
        nearest = np.clip(np.rint(shifted), 0, self.count - 1, out=periods)
        half -= np.abs(np.subtract(shifted, nearest, out=shifted), out=shifted)
        half /= softness
        edge = np.clip(half, 0, 1, out=half)
        return edge * edge * (3 - 2 * edge)
