# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Random fields and soft edges, fast: drawn coarse and enlarged, or drawn once and looked up."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

Shape = tuple[int, int]


def cloud(rng: np.random.Generator, shape: Shape, size: float) -> np.ndarray:
    """Smooth float32 noise of mean 0 and deviation near 1, with blobs of about ``size`` pixels."""
    return streaks(rng, shape, (size, size))


def streaks(rng: np.random.Generator, shape: Shape, size: tuple[float, float]) -> np.ndarray:
    """As `cloud`, with blobs of ``size`` rows by columns."""
    coarse = [max(math.ceil(length / max(step, 1)) + 2, 3) for length, step in zip(shape, size, strict=True)]
    values = rng.standard_normal(coarse, np.float32)
    box = (0.5, 0.5, 0.5 + shape[1] / max(size[1], 1), 0.5 + shape[0] / max(size[0], 1))
    return np.asarray(Image.fromarray(values).resize(shape[::-1], Image.Resampling.BICUBIC, box)) * np.float32(1.3)


def lookup(table: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Values of a table at fractional places, bilinear; the table repeats in both directions."""
    height, width = table.shape
    top, left = np.floor(rows), np.floor(columns)
    down, right = rows - top, columns - left
    top, left = top.astype(np.int32) % height, left.astype(np.int32) % width
    below, beside = (top + 1) % height, (left + 1) % width
    upper = table[top, left] * (1 - right) + table[top, beside] * right
    return upper * (1 - down) + (table[below, left] * (1 - right) + table[below, beside] * right) * down


def edge(field: np.ndarray, softness: float) -> np.ndarray:
    """Opacity of a part with a field in millimetres: from 0 to 1 over ``softness`` millimetres around its border."""
    return np.clip(field / np.float32(softness) + np.float32(0.5), 0, 1)


def bump(values: np.ndarray, width: float) -> np.ndarray:
    """A bell of height 1 around 0."""
    return np.exp(-((values / np.float32(width)) ** 2))


def rise(values: np.ndarray, width: float) -> np.ndarray:
    """A smooth step from 0 to 1 around 0."""
    return np.float32(0.5) + np.float32(0.5) * np.tanh(values / np.float32(width))


def blend(picture: np.ndarray, colour: np.ndarray | tuple[float, ...], opacity: np.ndarray) -> np.ndarray:
    """The picture, changed in place: (3, height, width) with a colour, or another picture, laid over it."""
    for channel, over in zip(picture, np.asarray(colour, np.float32), strict=True):
        channel += (over - channel) * opacity
    return picture


def plain(colour: tuple[float, float, float], shape: Shape) -> np.ndarray:
    """A picture (3, height, width) of one colour."""
    return np.broadcast_to(np.asarray(colour, np.float32)[:, None, None], (3, *shape)).copy()


def tint(field: np.ndarray, strength: tuple[float, float, float]) -> np.ndarray:
    """What a field, between 0 and 1, leaves of the three colours when it takes away ``strength`` of them."""
    return 1 - field * np.asarray(strength, np.float32)[:, None, None]
