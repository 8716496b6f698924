# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Break-up of the tear film: patches that appear along the rings and grow, and what they do to the rings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from litemed.samples.noise import smooth_step

from tfnet.simulation.cornea import Cornea
from tfnet.simulation.noise import coarse_noise


@dataclass(frozen=True)
class Patch:
    """One place where the film breaks up, in ring coordinates.

    Attributes:
        ring: ring coordinate of the middle.
        angle: of the middle, in radians from x towards y (down).
        thickness: half of the final size across the rings.
        length: half of the final size along the rings.
        start: second at which it appears.
        pace: seconds in which it grows from 45 % to most of its final size.
        spread: growth per second that doesn't end, relative to the final size.
        wave: how far the rings inside are displaced, in periods.
        swell: how much wider they get, in periods.
        fade: share of their brightness that goes.
    """

    ring: float
    angle: float
    thickness: float
    length: float
    start: float
    pace: float
    spread: float
    wave: float
    swell: float
    fade: float

    def size(self, seconds: float) -> float:
        """Size at a time, relative to the final one; 0 before the start."""
        age = seconds - self.start
        return 0.0 if age < 0 else 1 - 0.55 * float(np.exp(-age / self.pace)) + self.spread * age


class Damage(NamedTuple):
    """What break-up does at each pixel of a window.

    ``depth`` is positive inside patches; ``strength`` rises from 0 on their border to 1 within. ``shift`` and ``swell``
    are in periods of the rings, ``fade`` is a share of their brightness.
    """

    depth: np.ndarray
    strength: np.ndarray
    shift: np.ndarray
    swell: np.ndarray
    fade: np.ndarray


class Texture(NamedTuple):
    """Four smooth noise fields that make every patch irregular, each larger than the window it is used in."""

    wave: np.ndarray
    swell: np.ndarray
    fade: np.ndarray
    edge: np.ndarray


def draw_texture(rng: np.random.Generator, shape: tuple[int, int], period: float) -> Texture:
    """Draws the noise for rings that are ``period`` pixels apart."""
    sizes = (0.6, 0.6, 0.8, 0.8)
    return Texture(*(coarse_noise(rng, shape, size * period) for size in sizes))


def draw_patches(rng: np.random.Generator, start: float, severity: float, reach: float) -> list[Patch]:
    """Draws the patches of one interval between blinks: the first at ``start``, others later.

    Args:
        rng: source of randomness.
        start: second of the first patch.
        severity: of the subject, about 0.5 to 2: number of patches and their pace.
        reach: ring coordinate of the pupil's edge, within which patches lie: on the paler iris nobody sees them.
    """
    count = 1 + min(rng.poisson(2.2 * severity), 9)
    starts = start + np.concatenate(([0], np.cumsum(rng.exponential(0.45 / severity, size=count - 1))))
    patches: list[Patch] = []
    for begin in starts:
        kind = rng.choice(("crescent", "spot", "streak", "area"), p=(0.6, 0.16, 0.14, 0.1))
        patches.append(_draw_patch(rng, str(kind), float(begin), severity, reach))
        if kind == "crescent" and rng.random() < 0.35:
            patches.append(_partner(rng, patches[-1], reach))
    return patches


def _draw_patch(rng: np.random.Generator, kind: str, start: float, severity: float, reach: float) -> Patch:
    side = rng.choice((0.0, np.pi))
    angle, ring = side + rng.normal(scale=0.75), reach * rng.uniform(0.32, 0.86)
    thickness, length, spread = rng.uniform(0.025, 0.058), rng.uniform(0.08, 0.24), rng.uniform(0.0, 0.10)
    if kind == "spot":
        angle, ring = rng.uniform(0, 2 * np.pi), reach * rng.uniform(0.3, 0.86)
        thickness = rng.uniform(0.028, 0.055)
        length = thickness * rng.uniform(0.9, 1.6)
    elif kind == "streak":
        thickness, length = rng.uniform(0.08, 0.17), rng.uniform(0.022, 0.038)
    elif kind == "area":
        angle, ring = np.pi / 2 + rng.normal(scale=0.7), reach * rng.uniform(0.65, 0.9)
        thickness, length, spread = rng.uniform(0.05, 0.09), rng.uniform(0.10, 0.22), rng.uniform(0.1, 0.3)
    style = rng.dirichlet((1.2, 1.2, 1.2))
    return Patch(
        ring=float(ring),
        angle=float(angle),
        thickness=float(thickness),
        length=float(min(length, 1.1 * ring)),
        start=start,
        pace=float(rng.uniform(0.25, 0.8) / severity),
        spread=float(spread * severity),
        wave=float(0.16 + 0.26 * style[0]),
        swell=float(-0.10 + 0.75 * style[1]),
        fade=float(0.10 + 0.75 * style[2]),
    )


def _partner(rng: np.random.Generator, patch: Patch, reach: float) -> Patch:
    """The crescent on the other side of the centre."""
    changed = {
        "angle": np.pi - patch.angle + rng.normal(scale=0.15),
        "ring": float(np.clip(patch.ring + rng.normal(scale=0.05), 0.3 * reach, 0.88 * reach)),
        "length": patch.length * rng.uniform(0.7, 1.2),
        "thickness": patch.thickness * rng.uniform(0.8, 1.2),
    }
    return Patch(**(vars(patch) | changed))


def damage(
    patches: list[Patch], seconds: float, cornea: Cornea, texture: Texture, x: np.ndarray, y: np.ndarray
) -> Damage | None:
    """Damage of all patches at a time, or None before the first.

    Args:
        patches: of the interval.
        seconds: the time.
        cornea: that carries the film.
        texture: noise, indexed as the window is.
        x: pixels from the vertex of the window's columns, of shape (1, columns).
        y: of its rows, of shape (rows, 1).
    """
    shape = (y.shape[0], x.shape[1])
    result = Damage(np.full(shape, -1, np.float32), *(np.zeros(shape, np.float32) for _ in range(4)))
    any_patch = False
    for patch in patches:
        size = patch.size(seconds)
        window = _window(patch, size, cornea, x, y) if size else None
        if window is None:
            continue
        any_patch = True
        depth = _depth(patch, size, cornea, x[:, window[1]], y[window[0]]) + 0.16 * texture.edge[window]
        strength = smooth_step(depth * 2.2).astype(np.float32)
        turn = 0.7 * seconds + patch.angle  # lets the waves move slowly
        wave = np.float32(np.cos(turn)) * texture.wave[window] + np.float32(np.sin(turn)) * texture.swell[window]
        np.maximum(result.depth[window], depth, out=result.depth[window])
        np.maximum(result.strength[window], strength, out=result.strength[window])
        result.shift[window] += strength * np.float32(patch.wave) * wave
        result.swell[window] += strength * (np.float32(patch.swell) + 0.18 * texture.swell[window])
        fade = strength * np.clip(np.float32(patch.fade) + 0.15 * texture.fade[window], 0, 0.92)
        np.maximum(result.fade[window], fade, out=result.fade[window])
    return result if any_patch else None


def _window(patch: Patch, size: float, cornea: Cornea, x: np.ndarray, y: np.ndarray) -> tuple[slice, slice] | None:
    """Rows and columns that hold the patch, or None if it lies outside."""
    reach = 1.25 * size
    rings = np.clip(patch.ring + reach * patch.thickness * np.array((-1, 1)), 0.0, 1.2)
    bend = min(reach * patch.length / patch.ring, np.pi)
    points = cornea.picture_points(rings[:, None], patch.angle + bend * np.linspace(-1, 1, 25))
    low, high = points.min(axis=(0, 1)) - 1, points.max(axis=(0, 1)) + 1
    columns = slice(*np.searchsorted(x[0], (low[0], high[0])))
    rows = slice(*np.searchsorted(y[:, 0], (low[1], high[1])))
    return None if columns.start == columns.stop or rows.start == rows.stop else (rows, columns)


def _depth(patch: Patch, size: float, cornea: Cornea, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """1 in the middle of the patch, 0 on its border, negative outside."""
    across = (cornea.ring_coordinate(x, y) - np.float32(patch.ring)) * np.float32(1 / (size * patch.thickness))
    angle = np.arctan2(y, x).astype(np.float32) - np.float32(patch.angle)
    angle -= np.float32(2 * np.pi) * np.rint(angle * np.float32(1 / (2 * np.pi)))
    along = angle * np.float32(patch.ring / (size * patch.length))
    return 1 - across * across - along * along
