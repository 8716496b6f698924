# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Where a Placido target's rings appear when an ellipsoidal cornea mirrors them, seen in perspective."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_STANDARD_RADIUS = 7.8
_STANDARD_SHAPE = 0.74


@dataclass(frozen=True)
class Cornea:
    """An ellipsoidal mirror before a camera.

    The target is made so that a standard cornea (apical radius 7.8 mm, asphericity Q = -0.26) shows evenly spaced
    rings. A point of the cornea shows the part of the target that its normal points at; so a ring appears, on any
    cornea, where the surface has the slope that the standard cornea has at that ring.

    Attributes:
        apical_radius: of curvature, in mm.
        shape: 1 + Q: 1 for a sphere, less for a surface that flattens outwards.
        toricity: relative difference between the two meridians' squared curvature, halved; 0 without astigmatism.
        axis: of the steeper meridian, in radians.
        tilt: perspective of the tilted camera, as relative magnification per mm in x and y.
        outermost: distance in mm from the vertex at which the standard cornea shows the rings' outer edge.
        pixels_per_mm: scale of the picture at the vertex.
    """

    apical_radius: float
    shape: float
    toricity: float
    axis: float
    tilt: tuple[float, float]
    outermost: float
    pixels_per_mm: float

    def ring_coordinate(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance from the rings' centre on the target, 1 at the outermost ring's outer edge.

        Args:
            x: pixels to the right of the vertex; broadcasts with ``y``.
            y: pixels below the vertex.

        Returns:
            float32 array.
        """
        x, y = np.asarray(x / self.pixels_per_mm, np.float32), np.asarray(y / self.pixels_per_mm, np.float32)
        xx, xy, yy = (np.float32(value) for value in self._curvature())
        quadratic = xx * x * x + yy * y * y + (2 * xy * x) * y
        quadratic /= np.square(1 - (np.float32(self.tilt[0]) * x + np.float32(self.tilt[1]) * y))
        flattening = np.float32(_STANDARD_SHAPE - self.shape)
        return np.sqrt(quadratic / (1 + flattening * quadratic)) * np.float32(_STANDARD_RADIUS / self.outermost)

    def picture_points(self, ring: np.ndarray | float, angle: np.ndarray | float) -> np.ndarray:
        """Where points of the target appear: the inverse of `ring_coordinate` along each direction.

        Args:
            ring: ring coordinate.
            angle: direction from the vertex on the cornea, in radians from x towards y.

        Returns:
            x and y in pixels from the vertex, stacked in the last axis.
        """
        squared = np.square(np.asarray(ring, float) * self.outermost / _STANDARD_RADIUS)
        quadratic = squared / (1 - (_STANDARD_SHAPE - self.shape) * squared)
        x, y = np.broadcast_arrays(np.cos(angle), np.sin(angle))
        xx, xy, yy = self._curvature()
        distance = np.sqrt(quadratic / (xx * x * x + 2 * xy * x * y + yy * y * y))
        points = np.stack((x * distance, y * distance), axis=-1)
        return points / (1 + points @ np.asarray(self.tilt))[..., None] * self.pixels_per_mm

    def ring_box(self, ring: float) -> np.ndarray:
        """Bounding box of the curve at a ring coordinate: x0, y0, x1, y1 in pixels from the vertex."""
        points = self.picture_points(ring, np.linspace(0, 2 * math.pi, 1440, endpoint=False))
        return np.concatenate((points.min(axis=0), points.max(axis=0)))

    def _curvature(self) -> tuple[float, float, float]:
        """Coefficients of xx, xy and yy of the squared curvature, in 1/mm^2."""
        along, across = 1 + self.toricity, 1 - self.toricity
        cosine, sine = math.cos(self.axis), math.sin(self.axis)
        squared = self.apical_radius**2
        return (
            (along * cosine**2 + across * sine**2) / squared,
            (along - across) * cosine * sine / squared,
            (along * sine**2 + across * cosine**2) / squared,
        )
