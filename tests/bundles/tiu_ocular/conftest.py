# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Drawn eyes: an elliptic opening, a round iris and pupil, a caruncle at the inner corner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SKIN, SCLERA, IRIS, PUPIL, CARUNCLE = (200, 150, 120), (235, 235, 230), (90, 60, 40), (10, 10, 12), (220, 110, 110)


def _labels(width: int, height: int, shift: float) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(float)
    opening = ((x - width / 2) / (0.42 * width)) ** 2 + ((y - height / 2) / (0.3 * height)) ** 2 < 1
    distance = np.hypot(x - width / 2 - shift, y - height / 2)
    labels = np.where(opening, 1, 0)
    labels[opening & (x < 0.15 * width)] = 4
    labels[opening & (distance < 0.24 * height)] = 2
    labels[opening & (distance < 0.1 * height)] = 3
    return labels.astype(np.uint8)


def _picture(labels: np.ndarray, seed: int) -> np.ndarray:
    colours = np.array([SKIN, SCLERA, IRIS, PUPIL, CARUNCLE], dtype=float)
    noise = np.random.default_rng(seed).normal(0, 8, (*labels.shape, 3))
    return np.clip(colours[labels] + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def write_eye() -> Callable[..., np.ndarray]:
    """Write one drawn eye and its label map, and return the labels (H, W)."""

    def write(
        folder: Path, name: str, *, width: int = 96, height: int = 64, shift: float = 0, seed: int = 0
    ) -> np.ndarray:
        labels = _labels(width, height, shift)
        for kind, pixels in (("images", _picture(labels, seed)), ("masks", labels)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / kind / f"{name}.png")
        return labels

    return write


@pytest.fixture
def eyes(tmp_path: Path, write_eye: Callable[..., np.ndarray]) -> Path:
    """A data set of drawn eyes: 8 training, 2 validation and 3 test pictures."""
    for part, count in (("training", 8), ("validation", 2), ("test", 3)):
        for number in range(count):
            write_eye(tmp_path / "eyes" / part, f"{part}{number}", shift=3 * number - 6, seed=number)
    return tmp_path / "eyes"
