# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Lashes and brow, each hair a tapering curve."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tiu_ocular.simulation.geometry import Eye

_FINER = 3
_STEPS = np.linspace(0, 1, 7)[:, None]


def lashes(rng: np.random.Generator, eye: Eye) -> np.ndarray:
    """Opacity (height, width) of the lashes of both lids."""
    person = eye.person
    roots, tips, bends = [], [], []
    for count, margin, upper in ((person.lash_count, eye.upper, True), (person.lash_count // 2, eye.lower, False)):
        place = np.sort(rng.uniform(0.12 if upper else 0.2, 0.99, count))
        x = np.interp(place, np.linspace(0, 1, len(eye.grid)), eye.grid)
        y = np.interp(x, eye.grid, margin) + (0.1 if upper else -person.waterline)
        length = person.lash_length * (0.55 + 0.45 * np.sin(np.pi * place**0.8)) * rng.uniform(0.6, 1.1, count)
        length *= 1 if upper else 0.5
        fan = 1.3 * (place - 0.42) + rng.normal(0, 0.15, count)
        lift = person.lash_lift - 1.1 * (1 - min(eye.pose.openness, 1)) if upper else rng.uniform(-1, -0.5)
        rises = np.clip(lift + rng.normal(0, 0.12, count), -0.9, 1.0)
        roots.append(np.stack((x, y)))
        tips.append(np.stack((x + length * fan * 0.8, y + length * rises * 0.75)))
        sag = -0.22 if upper else -0.15
        bends.append(np.stack((x + length * fan * 0.35, y + length * (0.25 * rises + sag))))
    width = person.lash_width * rng.uniform(0.7, 1.3, sum(points.shape[1] for points in roots))
    width[person.lash_count :] *= 0.7
    if person.liner > 0.5:  # mascara: lashes stick together in clumps
        clump = rng.integers(0, max(person.lash_count // 4, 1), len(width)) == 0
        width *= np.where(clump, 1.8, 1)
    root, bend, tip = (np.concatenate(points, axis=1) for points in (roots, bends, tips))
    return _drawn(eye, root, bend, tip, width)


def brow(rng: np.random.Generator, eye: Eye) -> np.ndarray:
    """Opacity (height, width) of the brow's hairs."""
    person = eye.person
    count = int(650 * person.brow_density)
    place = rng.beta(1.1, 1.3, count)
    thickness = np.interp(place, (0, 0.2, 0.6, 1), (5, 7, 5, 1.5))
    x = -17 + 42 * place + rng.normal(0, 0.5, count)
    floor = person.brow_height + 5 * np.sin(np.pi * place**0.8) - 1.5 * place - 2
    y = floor + thickness * rng.beta(1.6, 1.6, count)
    direction = np.radians(np.interp(place, (0, 0.25, 1), (75, 35, -12))) + rng.normal(0, 0.18, count)
    length = rng.uniform(2.5, 6, count)
    step = np.stack((np.cos(direction), np.sin(direction))) * length
    root = np.stack((x, y))
    bend = root + 0.5 * step + np.stack((np.zeros(count), 0.06 * length))
    return _drawn(eye, root, bend, root + step, rng.uniform(0.08, 0.16, count))


def _drawn(eye: Eye, root: np.ndarray, bend: np.ndarray, tip: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Draws quadratic curves through millimetres, (2, hairs), that taper from ``width`` to nothing."""
    columns, rows = eye.camera.size
    start, middle, end = (
        np.stack(eye.camera.pixels(*points), axis=-1)[:, None] * _FINER for points in (root, bend, tip)
    )
    line = start * (1 - _STEPS) ** 2 + middle * 2 * _STEPS * (1 - _STEPS) + end * _STEPS**2
    tangent = np.gradient(line, axis=1)
    normal = np.stack((-tangent[..., 1], tangent[..., 0]), axis=-1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    half = (width[:, None, None] * eye.scale * _FINER / 2) * (1 - 0.85 * _STEPS)
    outline = np.concatenate((line + normal * half, (line - normal * half)[:, ::-1]), axis=1)
    low, high = outline.min(axis=1), outline.max(axis=1)
    seen = (high > 0).all(axis=1) & (low < (columns * _FINER, rows * _FINER)).all(axis=1)
    canvas = Image.new("L", (columns * _FINER, rows * _FINER))
    draw = ImageDraw.Draw(canvas)
    for hair in outline[seen]:
        draw.polygon(hair.ravel().tolist(), fill=255)
    return np.asarray(canvas.reduce(_FINER), np.float32) / 255
