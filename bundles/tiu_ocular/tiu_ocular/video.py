# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures out of a video, at a rate of choice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from litemed.images.video import open_video, shown
from PIL import Image

__all__ = ["save_frames"]


def save_frames(video: str | Path, folder: Path, fps: float) -> list[float]:
    """Write frames of a video as PNG, upright, named ``frame_00000.png`` and so on.

    Args:
        video: any file that FFmpeg reads.
        folder: where they are written.
        fps: frames a second, above 0; a video of fewer gives all that it has.

    Returns:
        Seconds of each frame since the video's first one.

    Raises:
        ValueError: when it is no video or none of its frames can be read.
    """
    seconds: list[float] = []
    try:
        for second, picture in _frames(video):
            if second * fps < len(seconds) - 1e-6:
                continue
            if seconds and second <= seconds[-1]:
                continue
            Image.fromarray(picture).save(folder / f"frame_{len(seconds):05d}.png", compress_level=1)
            seconds.append(second)
    except av.error.FFmpegError as error:
        if not seconds:  # one that breaks off is measured as far as it goes
            raise ValueError(f"{video} can't be read as a video: {error}") from error
    if not seconds:
        raise ValueError(f"{video} holds no picture")
    return seconds


def _frames(video: str | Path) -> Iterator[tuple[float, np.ndarray]]:
    """Time and RGB of each frame, as players show it."""
    with open_video(video) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        first: float | None = None
        for number, frame in enumerate(container.decode(stream)):
            time = frame.time if frame.time is not None else number / float(stream.average_rate or 25)
            first = time if first is None else first
            yield time - first, shown(frame.to_ndarray(format="rgb24"), frame, stream.sample_aspect_ratio)
