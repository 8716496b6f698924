# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What is seen between the lids: sclera, iris, pupil, caruncle, and what they reflect."""

from __future__ import annotations

import numpy as np

from tiu_ocular.simulation.geometry import Eye
from tiu_ocular.simulation.noise import blend, bump, cloud, edge, lookup, plain, rise, streaks, tint
from tiu_ocular.simulation.people import GLOBE_RADIUS
from tiu_ocular.simulation.photo import Light

_FIBRES = (48, 512)  # of the iris table: rings and angles


def paint_globe(rng: np.random.Generator, eye: Eye, light: Light) -> np.ndarray:
    """Colours (3, height, width) of the globe, as if there were no lids but for the shadow that they cast."""
    height = np.sqrt(np.maximum(GLOBE_RADIUS**2 - eye.x**2 - eye.y**2, 4))
    picture = _sclera(rng, eye) * _shading(eye, light, height)
    iris = edge(eye.iris, 1.5 / eye.scale + rng.uniform(0.15, 0.7))
    picture = blend(picture, _iris(rng, eye, light), iris)
    picture = blend(picture, _pupil(rng, eye, light), edge(eye.pupil, 1.2 / eye.scale + 0.1))
    picture = _with_caruncle(rng, eye, picture)
    gap = np.maximum(eye.upper_margin - eye.y, 0)
    shadow = 1 - rng.uniform(0.25, 0.75) * np.exp(-gap / np.float32(rng.uniform(0.8, 2.6)))
    shadow -= rng.uniform(0.05, 0.25) * bump(eye.y - eye.lower_margin, 0.6)
    picture *= np.clip(shadow, 0, 1)
    return _with_reflections(rng, eye, light, picture, iris)


def _shading(eye: Eye, light: Light, height: np.ndarray) -> np.ndarray:
    """Light on a sphere, dimmer to the canthi."""
    side = np.sign(eye.camera.matrix[0][0])
    lit = (eye.x * np.float32(light.direction[0] * side) + eye.y * np.float32(light.direction[1])) / GLOBE_RADIUS
    lit += height * np.float32(light.direction[2] / GLOBE_RADIUS)
    lit = light.ambient + (1 - light.ambient) * np.maximum(lit, 0) / light.direction[2]
    return lit * (1 - 0.45 * rise(np.abs(eye.x) - 12.5, 3))


def _sclera(rng: np.random.Generator, eye: Eye) -> np.ndarray:
    person, scale, shape = eye.person, eye.scale, eye.x.shape
    picture = plain(person.sclera, shape) * (1 + 0.03 * cloud(rng, shape, 3 * scale))
    to_nose = rise(eye.inner_canthus[0] + person.caruncle[0] + 1.6 - eye.x, 1.4)
    to_temple = rise(eye.x - eye.outer_canthus[0] + 3.5, 2.0)
    red = person.vessels
    tree = np.zeros(shape, np.float32)
    for size, width, strength in ((2.2, 0.09, 1.0), (1.1, 0.13, 0.6)):
        field = streaks(rng, shape, (size * scale, 2.2 * size * scale))
        broken = np.clip(cloud(rng, shape, 2.5 * scale) + 0.4, 0, 1)
        tree = np.maximum(tree, strength * broken * bump(field, width))
    away = np.clip(-eye.iris / 6, 0, 1)
    tree *= 0.25 + 0.75 * away
    blush = (
        0.25 * red * away + (0.25 + 0.5 * red) * (to_nose + 0.7 * to_temple) + 0.1 * red * cloud(rng, shape, 4 * scale)
    )
    veins = np.clip(0.5 * blush + (0.15 + red) * tree, 0, 0.9)
    if person.stains:
        patches = np.clip(0.6 * cloud(rng, shape, 2 * scale) - 0.3, 0, 1) * person.stains * bump(eye.y, 3.5)
        picture *= tint(np.clip(patches, 0, 0.8), (0.35, 0.5, 0.7))
    return picture * tint(veins, (0.12, 0.55, 0.55))


def _iris(rng: np.random.Generator, eye: Eye, light: Light) -> np.ndarray:
    """Stroma with fibres, collarette, crypts and a dark limbus."""
    person, pose = eye.person, eye.pose
    across, along = eye.in_iris_plane
    radius = np.hypot(across, along)
    reach = np.clip((radius - pose.pupil_radius) / (person.iris_radius - pose.pupil_radius), 0, 1)
    angle = np.arctan2(along, across) * np.float32(_FIBRES[1] / (2 * np.pi))
    fixed = np.random.default_rng(person.iris_seed)
    fine = streaks(fixed, _FIBRES, (16, 3)) + 0.6 * streaks(fixed, _FIBRES, (30, 8))
    crypts = streaks(fixed, _FIBRES, (9, 26))
    table = 0.20 * fine - 0.30 * np.clip(crypts - 0.7, 0, 1.2) + 0.10 * streaks(fixed, _FIBRES, (20, 60))
    texture = lookup(table, reach * (_FIBRES[0] - 1.01), angle)
    zigzag = 0.03 * lookup(streaks(fixed, _FIBRES, (48, 20)), np.zeros_like(reach), angle)
    stroma = blend(
        plain(person.iris_outer, reach.shape), person.iris_inner, rise(person.collarette + zigzag - reach, 0.09)
    )
    tone = 1 + person.fibres * (texture + 0.22 * bump(reach - person.collarette, 0.07))
    tone *= 1 - person.limbal_ring * rise(reach - 0.93, 0.09)
    tone *= 1 - 0.35 * bump(reach, 0.06)  # the ruff of the pupil
    stroma = blend(stroma, (0.62, 0.64, 0.66), person.arcus * bump(reach - 0.93, 0.07))
    side = np.sign(eye.camera.matrix[0][0])
    caustic = -(across * light.direction[0] * side + along * light.direction[1]) / person.iris_radius
    tone *= 1 + rng.uniform(0, 0.5) * caustic
    return stroma * np.maximum(tone, 0.05)


def _pupil(rng: np.random.Generator, eye: Eye, light: Light) -> np.ndarray:
    """Black, or lit from behind by a lamp near the lens: red, pink or grey."""
    black = rng.uniform(0.01, 0.06)
    picture = plain((black, black, black), eye.x.shape)
    if rng.random() < (0.5 if light.flash else 0.2):
        across, along = eye.in_iris_plane
        spot = rng.normal(0, 0.5, 2).astype(np.float32)
        glow = bump(np.hypot(across - spot[0], along - spot[1]), eye.pose.pupil_radius * rng.uniform(0.6, 1.6))
        colour = np.array((0.62, 0.40, 0.40)) * rng.uniform(0.5, 1.3) * np.array((1, *rng.uniform(0.35, 1.15, 2)))
        picture = blend(picture, colour, glow * np.float32(rng.uniform(0.35, 1)))
    return picture


def _with_caruncle(rng: np.random.Generator, eye: Eye, picture: np.ndarray) -> np.ndarray:
    person, scale, shape = eye.person, eye.scale, eye.x.shape
    flesh = np.array((0.80, 0.47, 0.43), np.float32) * rng.uniform(0.85, 1.1)
    flesh = 0.55 * flesh + 0.45 * np.asarray(person.skin, np.float32) * np.array((1.05, 0.75, 0.75), np.float32)
    bumps = cloud(rng, shape, 0.5 * scale)
    grain = 1 + 0.10 * bumps + 0.08 * cloud(rng, shape, 1.2 * scale)
    wet = np.clip(bumps - 1.5, 0, 1) * rng.uniform(0.2, 1.0)
    colour = flesh[:, None, None] * grain + wet
    fold = edge(eye.caruncle, 0.9) * (1 - edge(eye.caruncle, 0.4))  # the rim against the plica
    picture *= 1 - 0.25 * fold
    return blend(picture, colour, edge(eye.caruncle + 0.1, 0.5) * np.float32(rng.uniform(0.75, 1)))


def _with_reflections(
    rng: np.random.Generator, eye: Eye, light: Light, picture: np.ndarray, iris: np.ndarray
) -> np.ndarray:
    """The surroundings as a faint veil on the cornea, lamps and windows as glints, and the film of tears."""
    shape, scale = eye.x.shape, eye.scale
    veil = rng.uniform(0, 0.16) if rng.random() < 0.8 else rng.uniform(0.1, 0.45)
    scene = np.clip(0.5 * cloud(rng, shape, rng.uniform(1.0, 4) * scale) + 0.3, 0, 1.5)
    if rng.random() < 0.3:  # a bright sky or ceiling over a dark ground
        horizon = eye.y - np.float32(eye.iris_centre[1] + rng.normal(0.5, 2)) + 0.7 * cloud(rng, shape, 1.5 * scale)
        scene *= 0.2 + 1.6 * rise(horizon, rng.uniform(0.1, 1))
    picture += np.float32(veil) * scene * iris * rng.uniform((0.8, 0.8, 0.8), 1.1).astype(np.float32)[:, None, None]
    for x, y, kind in _lamps(rng, eye, light):
        picture = blend(picture, _lamp_colour(rng), _glint(rng, eye, x, y, kind))
    line = bump(eye.y - eye.lower_margin - 0.25, 0.22)
    wet = np.clip(streaks(rng, shape, (3 * scale, 1.2 * scale)) - 0.3, 0, 1) * rng.uniform(0, 0.8)
    drops = np.clip(cloud(rng, shape, 0.7 * scale) - 2.3, 0, 1) * rng.choice((0.0, 1.0, 2.0))
    return blend(picture, (1, 1, 1), np.clip(line * wet + drops * (eye.iris < -0.5), 0, 0.9))


def _lamps(rng: np.random.Generator, eye: Eye, light: Light) -> list[tuple[float, float, str]]:
    """Places, in millimetres, and kinds of the lamps that the cornea mirrors."""
    x, y = 1.12 * eye.iris_centre[0], 1.12 * eye.iris_centre[1]
    x, y = 0.6 * x + rng.normal(0, 1.3), 0.6 * y + 0.7 + rng.normal(0, 1.3)
    count = int(rng.choice((0, 1, 1, 1, 2, 2, 3, 4)))
    kinds = rng.choice(("spot", "spot", "spot", "window", "window", "streak", "ring", "front"), count)
    lamps = [(x + rng.normal(0, 1.1) * (i > 0), y + rng.normal(0, 1.1) * (i > 0), str(k)) for i, k in enumerate(kinds)]
    if light.flash:
        lamps.append(
            (0.9 * eye.iris_centre[0] + rng.normal(0, 0.5), 0.9 * eye.iris_centre[1] + rng.normal(0, 0.5), "spot")
        )
    return lamps


def _lamp_colour(rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.12:
        return np.array((1.0, 0.62, 0.30))
    return rng.uniform(0.75, 1.25) * np.array((1, rng.uniform(0.92, 1.02), rng.uniform(0.85, 1.1)))


def _glint(rng: np.random.Generator, eye: Eye, x: float, y: float, kind: str) -> np.ndarray:
    """Opacity of a glint."""
    turn = rng.uniform(-0.4, 0.4)
    dx, dy = eye.x - np.float32(x), eye.y - np.float32(y)
    dx, dy = dx * np.float32(np.cos(turn)) + dy * np.float32(np.sin(turn)), dy - dx * np.float32(np.sin(turn))
    soft = 1.5 / eye.scale + 0.08
    if kind in ("window", "front"):
        low, high = (0.4, 1.6) if kind == "window" else (1.5, 4.5)  # a window, or a front of them or a screen
        width, height = rng.uniform(low, high), rng.uniform(low, high)
        dx = dx + dy * np.float32(rng.normal(0, 0.15))
        pane = edge(np.minimum(width - np.abs(dx), height - np.abs(dy)), soft)
        if rng.random() < 0.5:
            pane *= 1 - 0.8 * bump(dx, 0.12) * (width > 0.6)
            pane *= 1 - 0.8 * bump(dy, 0.12) * (height > 0.8)
        return pane * np.float32(rng.uniform(0.25, 0.95) if kind == "window" else rng.uniform(0.05, 0.6))
    if kind == "streak":
        length, width = rng.uniform(0.8, 2.5), rng.uniform(0.12, 0.3)
        return edge(np.minimum(length - np.abs(dx), width - np.abs(dy)), soft) * np.float32(rng.uniform(0.4, 1))
    if kind == "ring":
        radius, width = rng.uniform(0.6, 2.2), rng.uniform(0.12, 0.35)
        dots = 1.0 if rng.random() < 0.5 else np.clip(np.sin(np.arctan2(dy, dx) * int(rng.integers(4, 13))) * 2, 0, 1)
        return edge(width - np.abs(np.hypot(dx, dy) - radius), soft) * dots * np.float32(rng.uniform(0.4, 1))
    radius = rng.uniform(0.15, 0.7)
    distance = np.hypot(dx, dy)
    return np.maximum(edge(radius - distance, soft), rng.uniform(0, 0.4) * bump(distance, 2.2 * radius))
