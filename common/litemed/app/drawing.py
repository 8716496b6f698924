# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Slices and their objects as PNG files for a browser."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

__all__ = ["cut", "labels_png", "slice_png"]

_FAST = 1  # of zlib's levels


def cut(values: np.ndarray, region: Sequence[int] | None) -> np.ndarray:
    """The part x0, y0, x1, y1 (without the last) of a slice ``(H, W[, 3])``; all of it for None.

    Raises:
        ValueError: for a part without a pixel.
    """
    if region is None:
        return values
    x0, y0, x1, y1 = region
    part = values[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    if not part.size:
        raise ValueError(f"expected a part of {values.shape[1]}x{values.shape[0]} pixels, got {list(region)}")
    return part


def slice_png(values: np.ndarray, low: float, high: float, factor: int = 1) -> bytes:
    """A slice as a picture.

    Args:
        values: ``(H, W)`` or ``(H, W, 3)``.
        low: becomes black.
        high: becomes white.
        factor: how many pixels, along both axes, become one: their mean.
    """
    if values.dtype != np.uint8 or (low, high) != (0, 255):
        scaled = (values.astype(np.float32) - low) * (255 / max(high - low, 1e-6))
        values = np.rint(scaled.clip(0, 255)).astype(np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(values))
    return _png(picture.reduce(factor) if factor > 1 else picture)


def labels_png(labels: np.ndarray, colours: Sequence[tuple[int, int, int]], factor: int = 1) -> bytes:
    """Objects in their colours, clear where there is none.

    Args:
        labels: whole numbers ``(H, W)``.
        colours: RGB of the labels from 1.
        factor: only every so many-th row and column is kept.
    """
    kept = labels[::factor, ::factor]
    if kept.max(initial=0) > 255:
        kept = np.where(kept > 0, (kept - 1) % 255 + 1, 0)
    picture = Image.fromarray(kept.astype(np.uint8), "P")
    picture.putpalette([0, 0, 0, *(value for colour in colours[:255] for value in colour)])
    return _png(picture, transparency=0)


def _png(picture: Image.Image, **options: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=_FAST, **options)
    return buffer.getvalue()
