# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The outline of an iris or a pupil, from the part of it that no lid covers."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

__all__ = ["Ellipse", "border_points", "fit_outline"]

_FEWEST = 10  # points below which nothing is fitted
_MOST = 400  # points above which a part of them is enough
_NOISE = 0.9  # pixels: half a pixel of a border point, and that neighbours are not independent
_FLATTENING = 0.1  # how far a gaze to the side typically flattens the outline: cos 25 degrees is 0.9
_UNCERTAIN = 0.15  # relative standard error of the greater axis above which there is no result


class Ellipse(NamedTuple):
    """Centre in x and y (columns and rows, in pixels; the centre of the first pixel is 0, 0), and the semi-axes."""

    x: float
    y: float
    major: float
    minor: float

    @property
    def area(self) -> float:
        """In square pixels."""
        return math.pi * self.major * self.minor


def border_points(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Points (n, 2), x and y, halfway between the face neighbours of which one is inside and one is outside.

    Args:
        inside: bool (H, W).
        outside: bool (H, W), without a pixel in common with ``inside``.
    """
    points = []
    for axis, step in ((0, (0.0, 0.5)), (1, (0.5, 0.0))):
        low = np.take(inside, range(inside.shape[axis] - 1), axis) & np.take(
            outside, range(1, inside.shape[axis]), axis
        )
        high = np.take(outside, range(inside.shape[axis] - 1), axis) & np.take(
            inside, range(1, inside.shape[axis]), axis
        )
        rows, columns = np.nonzero(low | high)
        points.append(np.column_stack([columns, rows]) + step)
    return np.concatenate(points)


def fit_outline(points: np.ndarray) -> Ellipse | None:
    """Fit the ellipse that a round outline, perhaps seen from the side, makes in a picture.

    A least-squares fit of distances to the points, robust against strays, with a weak prior that the outline is a
    circle: where lids leave two short arcs, these don't tell the axes apart, and the prior decides.

    Args:
        points: (n, 2), x and y in pixels.

    Returns:
        The ellipse, or None when there are too few points or they leave its size open.
    """
    if len(points) < _FEWEST:
        return None
    points = points[:: math.ceil(len(points) / _MOST)]
    middle = points.mean(axis=0)
    scale = float(np.sqrt(((points - middle) ** 2).sum(axis=1).mean()))
    unit = (points - middle) / scale
    weight = scale / _NOISE

    # centre, and the matrix M of the ellipse (p - c)' M (p - c) = 1
    def residuals(parameters: np.ndarray) -> np.ndarray:
        x, y, xx, xy, yy = parameters
        dx, dy = unit[:, 0] - x, unit[:, 1] - y
        rho = np.sqrt(np.maximum(xx * dx**2 + 2 * xy * dx * dy + yy * dy**2, 1e-12))
        distances = np.hypot(dx, dy) * (1 - 1 / rho)
        flattening = np.array([xx - yy, 2 * xy]) / max(abs(xx + yy), 1e-12) / _FLATTENING
        return np.concatenate([weight * distances, flattening])

    x, y, radius = _circle(unit)
    start = [x, y, 1 / radius**2, 0.0, 1 / radius**2]
    result = least_squares(residuals, start, loss="soft_l1", f_scale=3.0, max_nfev=200)
    axes = _axes(result.x)
    if axes is None or _relative_error(result.x, result.jac) > _UNCERTAIN:
        return None
    return Ellipse(
        x=float(middle[0] + scale * result.x[0]),
        y=float(middle[1] + scale * result.x[1]),
        major=scale * axes[0],
        minor=scale * axes[1],
    )


def _circle(points: np.ndarray) -> tuple[float, float, float]:
    """Centre and radius by the linear least squares of Kasa (1976)."""
    design = np.column_stack([2 * points, np.ones(len(points))])
    x, y, rest = np.linalg.lstsq(design, (points**2).sum(axis=1), rcond=None)[0]
    return x, y, math.sqrt(max(rest + x**2 + y**2, 1e-6))


def _axes(parameters: np.ndarray) -> tuple[float, float] | None:
    _, _, xx, xy, yy = parameters
    low, high = np.linalg.eigvalsh([[xx, xy], [xy, yy]])
    return (1 / math.sqrt(low), 1 / math.sqrt(high)) if low > 1e-4 else None


def _relative_error(parameters: np.ndarray, jacobian: np.ndarray) -> float:
    """Standard error of the logarithm of the greater axis, by propagation."""
    covariance = np.linalg.pinv(jacobian.T @ jacobian)
    slope = np.zeros(5)
    for index in range(2, 5):
        step = np.zeros(5)
        step[index] = 1e-4
        above, below = _axes(parameters + step), _axes(parameters - step)
        if above is None or below is None:
            return math.inf
        slope[index] = (math.log(above[0]) - math.log(below[0])) / 2e-4
    return math.sqrt(float(slope @ covariance @ slope))
