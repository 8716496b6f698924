# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Smooth noise over large pictures, made on a coarse grid."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

_COARSE_SIGMA = 2.0


def coarse_noise(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> np.ndarray:
    """Gaussian noise of mean 0 and standard deviation 1, blurred with about ``sigma`` pixels.

    For a large sigma it is drawn on a grid on which sigma is two cells, and interpolated.

    Returns:
        float32 array of the shape.
    """
    step = max(sigma / _COARSE_SIGMA, 1.0)
    grid = [max(round(length / step), 2) for length in shape]
    noise = gaussian_filter(rng.standard_normal(grid, dtype=np.float32), sigma / step, mode="reflect")
    noise = (noise - noise.mean()) / noise.std()
    if step == 1.0:
        return noise
    return zoom(noise, np.divide(shape, grid), order=1, mode="nearest", grid_mode=False)
