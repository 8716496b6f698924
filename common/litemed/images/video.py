# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Opening a video, and its frames as players show them."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any

import av
import numpy as np
from PIL import Image

__all__ = ["open_video", "shown"]


def open_video(path: str | os.PathLike[str]) -> av.container.InputContainer:
    """A file of any kind that FFmpeg reads; it has to be closed.

    Raises:
        ValueError: when it isn't a video, or holds no picture track.
    """
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, ValueError) as error:
        raise ValueError(f"{path} can't be read as a video: {error}") from error
    if not container.streams.video:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "no stream"
        container.close()
        raise ValueError(f"{path} holds no pictures, only {kinds}")
    return container


def shown(values: np.ndarray, frame: av.VideoFrame, ratio: Fraction | None) -> np.ndarray:
    """A decoded frame with square pixels, upright and unmirrored.

    Args:
        values: of the frame, uint8 ``(H, W)`` or ``(H, W, 3)``.
        frame: that they are of.
        ratio: of a pixel's width to its height, as the stream states it (``sample_aspect_ratio``).
    """
    return _oriented(_square(values, ratio), frame)


def _square(values: np.ndarray, ratio: Fraction | None) -> np.ndarray:
    """With square pixels: widened or heightened by the ratio of a pixel's width to its height."""
    if not ratio or ratio == 1 or not 0.1 <= ratio <= 10:
        return values
    height, width = values.shape[:2]
    size = (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR))


def _oriented(values: np.ndarray, frame: av.VideoFrame) -> np.ndarray:
    """Turned and mirrored by the frame's display matrix, which maps (x, y) to (a x + c y, b x + d y), y downwards."""
    data: Any = next((each for each in iter(frame.side_data) if each.type.name == "DISPLAYMATRIX"), None)  # type: ignore[attr-defined]
    if data is None:
        return values
    a, b, _, c, d, *_ = np.frombuffer(bytes(data), dtype="<i4").tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        values, a, d = values.swapaxes(0, 1), c, b
    return np.ascontiguousarray(values[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])
