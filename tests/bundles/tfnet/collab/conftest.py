# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Small recordings whose content is known, and models that read it off the pixels.

A frame is 160x128 pixels. Its top left corner is as bright as its class, the disc of rings is mid-grey on black, and
break-up is white. The levels are far apart, so that compression leaves them readable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tfnet import CLASSES
from tfnet.collab import Rings

HEIGHT, WIDTH = 128, 160
LEVELS = dict(zip(CLASSES, (40, 100, 160, 220), strict=True))
DISC = (48.0, 36.0, 128.0, 116.0)


@dataclass(frozen=True)
class Scene:
    """What a frame shows: its class, the outer ring's box (None without rings), and a broken box."""

    name: str = "clear"
    disc: tuple[float, float, float, float] | None = DISC
    broken: tuple[int, int, int, int] | None = None

    def draw(self) -> np.ndarray:
        image = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
        if self.disc is not None and self.name != "closed":
            x0, y0, x1, y1 = self.disc
            rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
            u, v = (columns - (x0 + x1) / 2) * 2 / (x1 - x0), (rows - (y0 + y1) / 2) * 2 / (y1 - y0)
            image[u**2 + v**2 <= 1] = 110
        if self.broken is not None:
            x0, y0, x1, y1 = self.broken
            image[y0:y1, x0:x1] = 250
        image[:24, :24] = LEVELS[self.name]
        return image


class Oracle:
    """Reads classes, rings and break-up off such frames."""

    identity = "oracle"

    def classify(self, frame: np.ndarray) -> np.ndarray:
        distances = [abs(float(frame[4:20, 4:20].mean()) - level) for level in LEVELS.values()]
        probabilities = np.full(4, 0.1)
        probabilities[int(np.argmin(distances))] = 0.7
        return probabilities

    def detect(self, frame: np.ndarray) -> Rings | None:
        rest = frame.copy()
        rest[:24, :24] = 0
        rows, columns = np.nonzero(rest > 60)
        if len(rows) < 100:
            return None
        outside = np.asarray([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], dtype=float)
        centre = (outside[:2] + outside[2:]) / 2
        half = (outside[2:] - outside[:2]) / 2
        boxes = [[*(centre - share * half), *(centre + share * half)] for share in (0.2, 0.5, 1.0)]
        return Rings(np.asarray(boxes), 0.9)

    def segment(self, crop: np.ndarray) -> np.ndarray:
        return crop > 180


def scenes(pattern: str) -> list[Scene]:
    """Scenes of a word: ``c`` clear, ``x`` closed, ``b`` broken (a box right of the centre), ``u`` blur."""
    kinds = {
        "c": Scene("clear"),
        "x": Scene("closed"),
        "b": Scene("broken", broken=(104, 72, 120, 80)),
        "u": Scene("blur"),
    }
    return [kinds[letter] for letter in pattern]


def write_video(
    path: Path,
    frames: Iterable[np.ndarray],
    codec: str = "mpeg4",
    rate: int = 10,
    times: Iterable[float] | None = None,
    source: str = "gray",
    target: str | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write frames as a video; ``times`` in seconds make the frame rate vary."""
    clock = 1000 if times is not None else rate
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(rate), options=options or {})
        target = target or ("yuvj420p" if codec == "mjpeg" else "yuv420p")
        stamps = None if times is None else [round(1000 * time) for time in times]
        for place, image in enumerate(frames):
            if place == 0:
                stream.height, stream.width = image.shape
                stream.pix_fmt = target
                stream.bit_rate = 2_000_000
                stream.codec_context.time_base = Fraction(1, clock)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=source).reformat(format=target)
            frame.pts = place if stamps is None else stamps[place]
            frame.time_base = Fraction(1, clock)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture
def scene() -> type[Scene]:
    return Scene


@pytest.fixture
def draw() -> Callable[[str], list[np.ndarray]]:
    """Frames of a word, see :func:`scenes`."""
    return lambda pattern: [scene.draw() for scene in scenes(pattern)]


@pytest.fixture
def write() -> Callable[..., Path]:
    """Writes frames as a video, see :func:`write_video`."""
    return write_video
