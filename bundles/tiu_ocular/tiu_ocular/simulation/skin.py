# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What surrounds the opening: lids with crease and folds, brow bone, nose, cheek, pores, wrinkles and spots."""

from __future__ import annotations

import math

import numpy as np

from tiu_ocular.simulation.geometry import Eye
from tiu_ocular.simulation.noise import blend, bump, cloud, edge, plain, rise, streaks, tint
from tiu_ocular.simulation.people import GLOBE_RADIUS
from tiu_ocular.simulation.photo import Light


def paint_skin(rng: np.random.Generator, eye: Eye, light: Light) -> np.ndarray:
    """Colours (3, height, width) of the skin, as if there were no opening."""
    above, below = eye.y - eye.upper_margin, eye.lower_margin - eye.y
    picture = _pigment(rng, eye, np.maximum(above, below))
    relief, dark = _relief(rng, eye, above, below)
    picture *= _shading(rng, eye, light, relief) * dark
    return _with_margins(rng, eye, picture, above, below)


def _pigment(rng: np.random.Generator, eye: Eye, away: np.ndarray) -> np.ndarray:
    """Colour of the skin: mottled, darker and redder near the lids, with spots."""
    person, scale, shape = eye.person, eye.scale, eye.x.shape
    tone = rng.uniform(0.01, 0.05) * cloud(rng, shape, 11 * scale) + 0.018 * cloud(rng, shape, 1.5 * scale)
    flush = 0.05 * cloud(rng, shape, 6 * scale) + person.redness * (
        0.45 * bump(away, 3.5) + 0.25 * bump(away, 9) + 0.12 * cloud(rng, shape, 14 * scale)
    )
    shade = person.darkness * (0.25 * bump(away, 5) + 0.2 * rise(-eye.y - 4, 2) * bump(eye.y + 8, 6))
    picture = plain(person.skin, shape) * (1 + tone - shade) * tint(flush, (0.02, 0.35, 0.30))
    made_up, strength = person.eye_shadow
    if strength:
        above = eye.y - eye.upper_margin
        patch = rise(above + 0.3, 0.4) * rise(rng.uniform(5, 13) - above, 3) * _near_lids(eye)
        patch *= np.clip(1 + 0.15 * cloud(rng, shape, 3 * scale), 0, 1.2)
        picture = blend(picture, made_up, np.clip(strength * patch, 0, 0.9).astype(np.float32))
    for _ in range(person.freckles):
        x, y, size = rng.uniform(-30, 35), rng.choice((-1, 1)) * rng.uniform(9, 32), 0.25 + rng.exponential(0.3)
        spot = edge(size - np.hypot(eye.x - np.float32(x), eye.y - np.float32(y)), 0.5)
        picture = blend(picture, np.asarray(person.skin) * (0.55, 0.45, 0.4), spot * np.float32(rng.uniform(0.2, 0.8)))
    return picture


def _relief(rng: np.random.Generator, eye: Eye, above: np.ndarray, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height of the skin in millimetres, and how much of the light its folds let in."""
    person, scale, shape = eye.person, eye.scale, eye.x.shape
    x, y = eye.x, eye.y
    face = 7 + rng.uniform(3, 6) * rise(y - 15, 4) + rng.uniform(0.5, 3) * rise(-y - 15, 6)
    face += rng.uniform(5, 11) * rise(-x - rng.uniform(19, 23), 4) - 0.012 * np.maximum(x - 10, 0) ** 2
    globe = np.sqrt(np.maximum((GLOBE_RADIUS + 1) ** 2 - x**2 - y**2, 0))
    relief = np.maximum(globe, face) + 0.8 * np.exp(-np.abs(globe - face) / 1.5)

    fold = above - _crease_distance(eye)  # height above the crease
    near = _near_lids(eye)
    deep = person.crease_depth * near * (1 + 0.25 * cloud(rng, shape, 5 * scale))
    dark = 1 - deep * (rng.uniform(0.3, 0.6) * bump(fold, 0.3 + 0.6 / scale) + 0.2 * bump(fold, 1.5))
    relief += deep * rng.uniform(0.4, 1.3) * rise(fold, 0.7)
    for _ in range(round(4 * person.age) if person.age > 0.3 else 0):
        place, size = rng.uniform(0.3, 7), rng.uniform(0.1, 0.4) * person.age
        dark -= near * size * bump(fold - place + 0.05 * x * rng.normal() + 0.3 * cloud(rng, shape, 8 * scale), 0.3)

    bag, depth = rng.uniform(5, 9), rng.uniform(0.1, 0.5) + 0.6 * person.age
    line = below - bag - 0.06 * np.abs(x)
    relief -= near * depth * rise(line, 1.2)
    dark -= near * 0.12 * depth * bump(line, 1.0)
    for _ in range(1 + int(5 * person.age)):
        place, size = rng.uniform(1.2, bag), rng.uniform(0.03, 0.10) + 0.18 * person.age * rng.random()
        slope = rng.normal(0, 0.06)
        dark -= near * size * bump(below - place + x * np.float32(slope) + 0.25 * cloud(rng, shape, 7 * scale), 0.25)
    if person.age > 0.35:
        dark -= _crows_feet(rng, eye)
    pores = cloud(rng, shape, max(0.35 * scale, 1.2)) + 0.8 * streaks(rng, shape, (0.5 * scale, 1.1 * scale))
    relief += rng.uniform(0.003, 0.014) * (1 + person.age) * pores
    return relief.astype(np.float32), np.clip(dark, 0.2, 1).astype(np.float32)


def _crease_distance(eye: Eye) -> np.ndarray:
    """Distance of the crease from the upper lid margin: less near the canthi, more of the lid shows when it is down."""
    person = eye.person
    place = np.clip((eye.x - eye.inner_canthus[0]) / person.fissure_width, -0.1, 1.15)
    shown = person.crease + 2.5 * (1 - min(eye.pose.openness, 1))
    return (shown * (0.45 + 2.2 * (place + 0.1) * (1.25 - place) / 1.8)).astype(np.float32)


def _near_lids(eye: Eye) -> np.ndarray:
    """1 between the canthi, fading to 0 beside them."""
    return rise(eye.x - eye.inner_canthus[0] - 1, 2) * rise(eye.outer_canthus[0] + 4 - eye.x, 3)


def _crows_feet(rng: np.random.Generator, eye: Eye) -> np.ndarray:
    """Darkness of the wrinkles that radiate from the outer canthus."""
    dx, dy = eye.x - np.float32(eye.outer_canthus[0] - 2), eye.y - np.float32(eye.outer_canthus[1])
    distance, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    where = edge(distance - 4, 4) * edge(22 - distance, 10)
    wrinkles = np.zeros_like(dx)
    for _ in range(int(rng.integers(2, 7))):
        line = (angle - np.float32(rng.uniform(-0.9, 0.6)) + 0.01 * distance * np.float32(rng.normal())) * distance
        wrinkles += rng.uniform(0.05, 0.3) * eye.person.age * bump(line, 0.3)
    return wrinkles * where


def _shading(rng: np.random.Generator, eye: Eye, light: Light, relief: np.ndarray) -> np.ndarray:
    """Light on the relief: diffuse, with the gloss of oily skin."""
    down, right = np.gradient(relief * np.float32(eye.scale))
    length = np.sqrt(1 + right**2 + down**2)
    sun = light.direction
    lit = np.maximum(sun[2] - sun[0] * right + sun[1] * down, 0) / length
    half = np.array((sun[0], sun[1], sun[2] + 1)) / math.sqrt(2 + 2 * sun[2])
    gloss = np.maximum(half[2] - half[0] * right + half[1] * down, 0) / length
    shine = rng.uniform(0, 0.22) * gloss ** int(rng.integers(10, 40))
    return (light.ambient + (1 - light.ambient) * lit / sun[2] + shine).astype(np.float32)


def _with_margins(
    rng: np.random.Generator, eye: Eye, picture: np.ndarray, above: np.ndarray, below: np.ndarray
) -> np.ndarray:
    """The lids' margins: a dark line above, a moist pink one below, and make-up."""
    person = eye.person
    between = edge(np.minimum(eye.x - eye.inner_canthus[0] + 1, eye.outer_canthus[0] + 1.5 - eye.x), 2)
    pink = np.asarray(person.skin, np.float32) * np.array((1.05, 0.82, 0.80), np.float32) + np.float32(0.05)
    strip = (
        edge(np.minimum(below + 0.4, person.waterline - below), 0.35) * between * np.float32(rng.uniform(0.15, 0.75))
    )
    picture = blend(picture, pink, strip)
    wet = np.clip(streaks(rng, eye.x.shape, (2 * eye.scale, 0.9 * eye.scale)) - 0.6, 0, 1)
    picture = blend(picture, (1, 1, 1), strip * wet * bump(below - 0.5, 0.35) * np.float32(rng.uniform(0, 0.7)))
    roots = bump(above, rng.uniform(0.3, 0.8)) * between * np.float32(rng.uniform(0.25, 0.75))
    roots = np.maximum(roots, bump(above - 0.4, 0.9) * between * np.float32(0.9 * person.liner))
    lower = bump(below - person.waterline, 0.5) * between * np.float32(rng.uniform(0, 0.3) + 0.4 * person.liner)
    return blend(picture, np.asarray(person.hair) * 0.6, np.maximum(roots, lower))
