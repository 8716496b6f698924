# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What the simulated samples share: smooth noise, soft edges, and writing colours as bytes."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> np.ndarray:
    """Gaussian noise, blurred with ``sigma`` pixels and scaled to mean 0 and standard deviation 1."""
    noise = gaussian_filter(rng.normal(size=shape), sigma, mode="reflect")
    return (noise - noise.mean()) / noise.std()


def smooth_step(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, and a smooth rise in between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def as_picture(colours: np.ndarray) -> Image.Image:
    """Picture of an array (height, width, 3) of colours in [0, 1]."""
    return Image.fromarray(np.uint8(np.clip(colours, 0, 1) * 255 + 0.5))


def as_mask(mask: np.ndarray) -> Image.Image:
    """Picture of a boolean mask: 0 and 255."""
    return Image.fromarray(np.uint8(mask) * 255)
