# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a wider picture shows beside an eye: nose, mouth, hair, clothes and what is behind; and glasses before it."""

from __future__ import annotations

import numpy as np

from tiu_ocular.simulation.geometry import Eye
from tiu_ocular.simulation.noise import blend, bump, cloud, edge, plain, rise, streaks

BETWEEN_PUPILS = 62.0
_MIDLINE = -BETWEEN_PUPILS / 2


def paint_surroundings(rng: np.random.Generator, eye: Eye, picture: np.ndarray) -> np.ndarray:
    """Nostrils and mouth, the face's outline with hair, clothes or a room beyond it, and strands of hair before it."""
    skin = np.asarray(eye.person.skin, np.float32)
    reach = 0.5 * max(eye.camera.size) / eye.scale
    if reach > 35:
        tip = -rng.uniform(38, 46)
        for side in (-1, 1):
            hole = 1 - np.hypot((eye.x - _MIDLINE - side * 7) / 4.5, (eye.y - tip) / 2.5)
            picture = blend(picture, skin * 0.15, 0.8 * edge(hole, 0.5))
        lips = 1 - np.hypot((eye.x - _MIDLINE) / rng.uniform(20, 27), (eye.y - tip + 26) / rng.uniform(5, 10))
        picture = blend(picture, skin * (0.85, 0.5, 0.5), edge(lips, 0.3) * np.float32(rng.uniform(0.3, 0.9)))
    if rng.random() < 0.5:
        across = np.abs(eye.x - _MIDLINE) / rng.uniform(62, 75)
        face = 1 - np.hypot(across, (eye.y + 22) / rng.uniform(85, 115)) + 0.02 * cloud(rng, eye.x.shape, 8 * eye.scale)
        picture = blend(picture, _hair(rng, eye), edge(0.02 - face, 0.04) * rise(eye.y + rng.uniform(-40, 60), 6))
        beyond = edge(rng.uniform(-0.25, 0.0) - face, 0.05)
        picture = blend(picture, _texture(rng, eye), beyond)
    if rng.random() < 0.15:  # a fringe, a hand, a collar or the edge of a mask: anything, at one side
        turn = rng.uniform(0, 2 * np.pi)
        outward = np.float32(np.cos(turn)) * eye.x + np.float32(np.sin(turn)) * eye.y
        start = rng.uniform(15, 22) + 2 * cloud(rng, eye.x.shape, 5 * eye.scale)
        thing = _hair(rng, eye) if rng.random() < 0.5 else _texture(rng, eye)
        picture = blend(picture, thing, edge(outward - start, rng.uniform(0.3, 4)))
    return picture


def wear_glasses(rng: np.random.Generator, eye: Eye, picture: np.ndarray) -> np.ndarray:
    """A frame around the eye, and what its lens mirrors."""
    middle = (rng.normal(-1, 1.5), rng.normal(-2.5, 1.5))
    half = (rng.uniform(21, 27), rng.uniform(15, 22))
    power = rng.uniform(2, 6)
    dx, dy = np.abs(eye.x - np.float32(middle[0])) / half[0], np.abs(eye.y - np.float32(middle[1])) / half[1]
    inside = ((1 - (dx**power + dy**power) ** (1 / power)) * min(half)).astype(np.float32)
    for _ in range(int(rng.integers(0, 3))):
        turn, width = rng.uniform(0, np.pi), rng.uniform(2, 9)
        place = np.float32(np.cos(turn)) * eye.x + np.float32(np.sin(turn)) * eye.y - rng.normal(0, 9)
        glare = edge(width - np.abs(place), rng.uniform(0.3, 3)) * edge(inside, 0.5)
        glare *= np.clip(0.7 + 0.4 * cloud(rng, eye.x.shape, 5 * eye.scale), 0, 1)
        colour = rng.uniform(0.6, 1.0) * np.array((rng.uniform(0.7, 1), 1, rng.uniform(0.8, 1.1)))
        picture = blend(picture, colour, glare * np.float32(rng.uniform(0.05, 0.45)))
    thickness = rng.uniform(0.6, 4)
    picture *= 1 - np.float32(0.35) * bump(inside - 1.5, 2)
    rim = edge(np.minimum(-inside, inside + thickness), 0.3)
    bridge = edge(np.minimum(1.2 - np.abs(eye.y - 1), -half[0] + middle[0] - eye.x), 0.3)
    colour = _colour(rng) if rng.random() < 0.4 else np.full(3, rng.uniform(0.02, 0.15))
    return blend(picture, colour, np.maximum(rim, bridge) * np.float32(rng.uniform(0.6, 1)))


def _hair(rng: np.random.Generator, eye: Eye) -> np.ndarray:
    """Strands of the colour of the brows, lit in bands."""
    size = (rng.uniform(3, 12) * eye.scale, rng.uniform(0.2, 0.6) * eye.scale)
    strands = streaks(rng, eye.x.shape, size if rng.random() < 0.6 else size[::-1])
    shine = 1 + 0.5 * strands + 0.5 * cloud(rng, eye.x.shape, 12 * eye.scale)
    return np.asarray(eye.person.hair, np.float32)[:, None, None] * np.clip(shine, 0.2, 3) * rng.uniform(0.7, 2.5)


def _texture(rng: np.random.Generator, eye: Eye) -> np.ndarray:
    """Cloth, walls and rooms: two colours in stripes, checks, spots or clouds."""
    shape, size = eye.x.shape, rng.uniform(1.5, 25)
    turn = rng.uniform(0, np.pi)
    across = (np.float32(np.cos(turn)) * eye.x + np.float32(np.sin(turn)) * eye.y) / size
    along = (np.float32(np.cos(turn)) * eye.y - np.float32(np.sin(turn)) * eye.x) / size
    kind = rng.choice(("stripes", "checks", "spots", "cloud"))
    if kind == "stripes":
        field = np.sin(np.pi * across)
    elif kind == "checks":
        field = np.sin(np.pi * across) * np.sin(np.pi * along)
    elif kind == "spots":
        field = 0.3 - np.hypot(across - np.round(across), along - np.round(along))
    else:
        field = cloud(rng, shape, size * eye.scale)
    picture = blend(plain(tuple(_colour(rng)), shape), _colour(rng), edge(field, rng.uniform(0.05, 1.5)))
    folds = streaks(rng, shape, (30 * eye.scale, 8 * eye.scale))
    return picture * np.clip(1 + rng.uniform(0, 0.3) * folds, 0.2, 1.8)


def _colour(rng: np.random.Generator) -> np.ndarray:
    return np.clip(rng.uniform(0.03, 1.0) * (1 + rng.normal(0, 0.3, 3) * rng.random()), 0.01, 1)
