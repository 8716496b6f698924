# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Writers of tiny data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIZE = (6, 8)


@pytest.fixture
def image() -> np.ndarray:
    """A colour image, 6 rows by 8 columns."""
    return np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


@pytest.fixture
def mask() -> np.ndarray:
    """A binary mask (0 and 255) of the same size with four pixels of foreground."""
    pixels = np.zeros(SIZE, np.uint8)
    pixels[2:4, 3:5] = 255
    return pixels


@pytest.fixture
def save() -> Callable[..., Path]:
    """Saves an array as a picture, making its folder."""

    def write(path: Path, pixels: np.ndarray, **options: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **options)
        return path

    return write
