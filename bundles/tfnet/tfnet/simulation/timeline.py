# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What happens in a video and when: blinks, eye movements, focus, and the start of each break-up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from litemed.samples.noise import smooth_step


@dataclass(frozen=True)
class Blink:
    """Seconds at which the upper lid starts down, is down, starts up and is up again."""

    down: float
    shut: float
    up: float
    open: float


@dataclass(frozen=True)
class Timeline:
    """Course of a video, one value a frame.

    Attributes:
        seconds: time of each frame.
        aperture: of the lids, 0 shut to 1 open.
        defocus: standard deviation of the blur, relative to the frame's width.
        gaze: x and y of the eye from its mean place, relative to the frame's width.
        smear: how far the eye moves in one exposure, in the same unit.
        blinks: in order.
        break_ups: after each blink, the second at which the tear film starts to break up; infinite where it doesn't.
    """

    seconds: np.ndarray
    aperture: np.ndarray
    defocus: np.ndarray
    gaze: np.ndarray
    smear: np.ndarray
    blinks: tuple[Blink, ...]
    break_ups: tuple[float, ...]

    def interval(self, frame: int) -> int:
        """Number of the last blink whose lid has started up before this frame, or -1."""
        return sum(blink.up <= self.seconds[frame] for blink in self.blinks) - 1


def draw_timeline(rng: np.random.Generator, seconds: float, frame_rate: float) -> Timeline:
    """Draws the course of one video: it starts with open eyes, and blinks every two to four seconds."""
    times = np.arange(round(seconds * frame_rate)) / frame_rate
    blinks, break_ups = [], []
    start = rng.uniform(0.25, 0.7)
    while start < seconds:
        shut = start + rng.uniform(0.08, 0.14)
        up = shut + rng.uniform(0.10, 0.35)
        blink = Blink(start, shut, up, up + rng.uniform(0.12, 0.24))
        following = blink.open + rng.uniform(1.8, 4.0)
        share = rng.uniform(0.12, 0.75)
        breaks = rng.random() < 0.85
        blinks.append(blink)
        break_ups.append(blink.open + share * (following - blink.open) if breaks else np.inf)
        start = following
    gaze = _gaze(rng, times)
    step = np.gradient(gaze, axis=0) if len(times) > 1 else np.zeros_like(gaze)
    return Timeline(
        seconds=times,
        aperture=_aperture(times, blinks),
        defocus=_defocus(rng, times, blinks),
        gaze=gaze,
        smear=0.8 * np.hypot(*step.T),
        blinks=tuple(blinks),
        break_ups=tuple(break_ups),
    )


def _aperture(times: np.ndarray, blinks: list[Blink]) -> np.ndarray:
    aperture = np.ones(len(times))
    for blink in blinks:
        falling = 1 - smooth_step((times - blink.down) / (blink.shut - blink.down))
        rising = smooth_step((times - blink.up) / (blink.open - blink.up))
        aperture = np.minimum(aperture, np.maximum(falling, rising))
    return aperture


def _defocus(rng: np.random.Generator, times: np.ndarray, blinks: list[Blink]) -> np.ndarray:
    """Out of focus through each blink, which moves the eye back, and now and then for a moment."""
    episodes = [(blink.down - 0.02, blink.open + rng.uniform(0.04, 0.25)) for blink in blinks]
    for start in rng.uniform(0, times[-1], size=rng.poisson(0.28 * times[-1])):
        episodes.append((start, start + rng.uniform(0.1, 0.45)))
    defocus = np.zeros(len(times))
    for start, end in episodes:
        course = smooth_step((times - start) / 0.07) * smooth_step((end - times) / 0.07)
        defocus = np.maximum(defocus, rng.uniform(0.0036, 0.0070) * course)
    return defocus


def _gaze(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Slow drift with tremor, and a few quick movements that last a tenth of a second."""
    gaze = np.zeros((len(times), 2))
    for axis, size in enumerate((1.0, 0.7)):
        for frequency, strength in zip(rng.uniform((0.1, 0.3, 0.9), (0.2, 0.6, 1.8)), (6, 3, 1), strict=True):
            phase = rng.uniform(0, 2 * np.pi)
            gaze[:, axis] += size * strength * 6e-4 * np.sin(2 * np.pi * frequency * times + phase)
        gaze[:, axis] += rng.normal(scale=1.2e-4, size=len(times))
    for start in rng.uniform(0, times[-1], size=rng.poisson(0.3 * times[-1])):
        angle, size = rng.uniform(0, 2 * np.pi), rng.uniform(0.025, 0.045)
        there = smooth_step((times - start) / rng.uniform(0.07, 0.14))
        back = smooth_step((times - start - rng.uniform(0.4, 1.2)) / 0.5)
        gaze += np.outer(size * (there - back), (np.cos(angle), 0.6 * np.sin(angle)))
    return gaze
