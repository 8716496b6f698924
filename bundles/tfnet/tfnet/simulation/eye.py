# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A near-infrared picture of an eye, in layers: the eyeball, both lids, lashes, and the light on them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from litemed.samples.noise import smooth_step
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

from tfnet.simulation.noise import coarse_noise


class Eye(NamedTuple):
    """Layers of one subject, in [0, 1] where they are brightness.

    ``ball``, ``pupil`` (how much of each pixel is pupil) and ``lower`` (how much is lower lid) are larger than a frame
    by ``margin`` pixels on each side. The others have a frame's size. ``upper_edge`` is the row of the upper lid's
    margin in each column; ``upper`` is the lid's skin, ``lashes`` what its lashes let through, ``shut`` the picture of
    closed lids.
    """

    margin: int
    ball: np.ndarray
    pupil: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    upper_edge: np.ndarray
    lashes: np.ndarray
    shut: np.ndarray
    light: np.ndarray


def draw_eye(
    rng: np.random.Generator,
    size: tuple[int, int],
    pixels_per_mm: float,
    centre: tuple[float, float],
    pupil_offset: tuple[float, float],
    pupil_radius: float,
    unit: float | None = None,
    is_infrared: bool = True,
) -> Eye:
    """Draws the layers of a subject.

    Args:
        rng: source of randomness.
        size: height and width of a frame.
        pixels_per_mm: scale.
        centre: x and y of the rings' mean centre.
        pupil_offset: x and y of the pupil's centre from there.
        pupil_radius: in mm.
        unit: pixels of 17.2 mm, which the lids and lashes are measured by; None takes a frame's width, whose height is
            then that of the lids.
        is_infrared: in visible light irises may be dark and the white is whiter.
    """
    height, width = size
    skin: float | None = None  # TFM's near lamp lights the two lids unequally
    if unit is None:
        unit, opening = float(width), float(height)
    else:
        opening, skin = 0.75 * unit, rng.uniform(0.4, 0.75)
    margin = round(0.05 * unit)
    rows = np.arange(-margin, height + margin, 2, dtype=np.float32)[:, None] + 1 - centre[1]
    columns = np.arange(-margin, width + margin, 2, dtype=np.float32)[None] + 1 - centre[0]
    x, y = (columns - pupil_offset[0]) / pixels_per_mm, (rows - pupil_offset[1]) / pixels_per_mm
    ball, pupil = _ball(rng, x, y, pupil_radius, is_infrared)
    lower, ball = _lower_lid(rng, ball, columns / unit, rows / unit, opening / unit, unit, skin)
    ball, pupil, lower = (_doubled(layer) for layer in (ball, pupil, lower))
    across = (np.arange(width) + 0.5 - centre[0]) / unit
    edge = (
        centre[1]
        - opening * rng.uniform(0.20, 0.36)
        + unit * (rng.uniform(0.18, 0.32) * across**2 + rng.normal(scale=0.04) * across)
    )
    return Eye(
        margin=margin,
        ball=ball,
        pupil=pupil,
        lower=lower,
        upper=_upper_lid(rng, size, unit, skin),
        upper_edge=edge.astype(np.float32),
        lashes=_lashes(rng, size, edge, unit, centre[0]),
        shut=_shut(rng, size),
        light=_light(rng, size),
    )


def _doubled(layer: np.ndarray) -> np.ndarray:
    """The layer at twice its height and width: what is smooth is drawn on every other pixel."""
    return zoom(layer, 2, order=1, mode="nearest", grid_mode=True)


def _ball(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, pupil_radius: float, is_infrared: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Pupil, iris with collarette and limbus, and sclera; x and y in mm from the pupil's centre."""
    shape = (y.shape[0], x.shape[1])
    iris_radius = rng.uniform(5.5, 6.1)
    squeeze, lean = rng.uniform(0.0, 0.05), rng.uniform(0, np.pi)
    along = x * np.cos(lean) + y * np.sin(lean)
    radius = np.sqrt(x * x + y * y + squeeze * along * along)
    angle = np.arctan2(y, x)
    ragged = 0.05 * _polar_noise(rng, radius, angle, (6.0, 3.0))
    pupil = smooth_step(0.5 + (pupil_radius - radius + 0.3 * ragged) / 0.16).astype(np.float32)

    pale = rng.uniform(0.36, 0.50) if is_infrared else rng.uniform(0.10, 0.45)
    fibres = 0.038 * _polar_noise(rng, radius, angle, (7.0, 1.3)) + 0.025 * _polar_noise(rng, radius, angle, (2.0, 1.0))
    lace_at = pupil_radius + rng.uniform(0.35, 0.65) + 0.12 * _polar_noise(rng, radius, angle, (30.0, 4.0))
    lace = np.exp(-np.square((radius - lace_at) / rng.uniform(0.18, 0.30)))
    lacy = np.abs(_polar_noise(rng, radius, angle, (1.8, 1.6)))
    iris = pale + fibres + rng.uniform(0.10, 0.20) * lace * (0.4 + 0.7 * lacy)
    iris += 0.05 * coarse_noise(rng, shape, 0.05 * shape[1])
    iris -= rng.uniform(0.10, 0.18) * smooth_step((radius - iris_radius + 1.3) / 1.3)
    sclera = (rng.uniform(0.52, 0.64) if is_infrared else rng.uniform(0.6, 0.8)) + 0.03 * coarse_noise(
        rng, shape, 0.03 * shape[1]
    )
    white = smooth_step(0.5 + (radius - iris_radius) / rng.uniform(0.5, 0.8))
    ball = iris * (1 - white) + sclera * white
    return (ball * (1 - pupil) + rng.uniform(0.07, 0.12) * pupil).astype(np.float32), pupil


def _polar_noise(
    rng: np.random.Generator, radius: np.ndarray, angle: np.ndarray, sigma: tuple[float, float]
) -> np.ndarray:
    """Noise of mean 0 and standard deviation 1 on a grid of 0.05 mm by a degree, blurred by ``sigma`` cells."""
    noise = gaussian_filter(rng.normal(size=(240, 360)), sigma, mode=("nearest", "wrap"))
    noise /= noise.std()
    return map_coordinates(
        noise.astype(np.float32), (radius * 20, np.degrees(angle) % 360), order=1, mode="grid-wrap", prefilter=False
    )


def _lower_lid(
    rng: np.random.Generator,
    ball: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    ratio: float,
    unit: float,
    skin: float | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Cover of the lower lid, and the ball with lid and tear meniscus on it; x and y relative to a frame's width."""
    lid = math.ceil(unit / 2 + round(0.05 * unit))  # the ball is drawn on every other pixel, with a margin
    edge = ratio * rng.uniform(0.36, 0.44) - rng.uniform(0.05, 0.16) * x**2 + rng.normal(scale=0.03) * x
    below = y - edge
    cover = smooth_step(0.5 + below / 0.008).astype(np.float32)
    shade = (rng.uniform(0.46, 0.6) if skin is None else skin) + 0.16 * np.exp(-np.square((below - 0.012) / 0.012))
    shade = shade + 0.03 * coarse_noise(rng, ball.shape, 0.012 * lid)
    ball = ball * (1 - 0.25 * np.exp(-np.square(below / 0.02)))
    ball = ball + 0.30 * np.exp(-np.square((below + 0.004) / 0.0022)) * np.clip(
        0.5 + 0.6 * coarse_noise(rng, ball.shape, 0.03 * lid), 0, 1
    )
    return cover, (ball * (1 - cover) + shade * cover).astype(np.float32)


def _upper_lid(rng: np.random.Generator, size: tuple[int, int], unit: float, skin: float | None) -> np.ndarray:
    height = size[0]
    y = np.linspace(0, 1, height)[:, None]
    bright = rng.uniform(0.60, 0.82) - rng.uniform(0.0, 0.3) * y
    if skin is not None:
        bright = skin + 0.1 * (y - 0.5)
    return (bright + 0.035 * coarse_noise(rng, size, 0.03 * unit)).astype(np.float32)


def _lashes(
    rng: np.random.Generator, size: tuple[int, int], edge: np.ndarray, unit: float, centre: float
) -> np.ndarray:
    """Thin dark strokes that hang from the upper lid's margin, out of focus, and their shadow at its foot."""
    height, width = size
    canvas = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(canvas)
    steps = np.linspace(0, 1, 9)
    first, last = (0.0, float(width)) if unit == width else (centre - 0.75 * unit, centre + 0.75 * unit)
    middle = (first + last) / 2
    for _ in range(rng.integers(16, 40)):
        root = rng.uniform(first, last)
        lean = 0.9 * (root - middle) / unit + rng.normal(scale=0.25)
        length, bow = unit * rng.uniform(0.03, 0.11), rng.normal(scale=0.3)
        x = root + length * (lean * steps + bow * steps**2)
        y = np.interp(root, np.arange(width), edge) - 0.01 * unit + length * steps
        for step in range(8):
            thick = max(1, round(unit * rng.uniform(0.002, 0.0036) * (1 - 0.7 * steps[step])))
            pen.line([(x[step], y[step]), (x[step + 1], y[step + 1])], fill=int(rng.uniform(110, 230)), width=thick)
    strokes = gaussian_filter(np.asarray(canvas, np.float32) / 255, rng.uniform(0.0008, 0.0022) * unit)
    below = (np.arange(height)[:, None] - edge) / unit
    shade = rng.uniform(0.15, 0.4) * np.exp(-np.square(below / rng.uniform(0.01, 0.03))) * (below > -0.01)
    return ((1 - rng.uniform(0.5, 0.8) * strokes) * (1 - shade)).astype(np.float32)


def _shut(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Skin so near the lamp that it is over-exposed: a white-grey blur, brightest in the middle."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = (x / width - rng.uniform(0.42, 0.58)), (y - height * rng.uniform(0.40, 0.62)) / width
    glow = np.exp(-(x * x + 1.5 * y * y) / rng.uniform(0.10, 0.25))
    picture = rng.uniform(0.50, 0.66) + rng.uniform(0.34, 0.48) * glow
    return (picture + 0.03 * coarse_noise(rng, size, 0.06 * width)).astype(np.float32)


def _light(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Uneven light: brighter near the middle, with a tilt."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x / width - 0.5, (y - height / 2) / width
    tilt_x, tilt_y = rng.normal(scale=0.16, size=2)
    spot_x, spot_y = rng.normal(scale=0.12, size=2)
    fall = rng.uniform(0.5, 1.1) * (np.square(x - spot_x) + np.square(y - spot_y))
    return (rng.uniform(0.92, 1.1) * (1.06 - fall + tilt_x * x + tilt_y * y)).astype(np.float32)
