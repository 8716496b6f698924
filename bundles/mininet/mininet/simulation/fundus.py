# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated colour fundus photographs with vessel masks, laid out as DRIVE is."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from litemed.samples.cache import written_once
from litemed.samples.noise import as_mask, as_picture, smooth_noise, smooth_step
from scipy.ndimage import gaussian_filter

_HEIGHT, _WIDTH = 302, 292
_FIELD_RADIUS = 139.0
_DISC_RADIUS = 19.0
_MACULA_RADIUS = 36.0
_FINEST = 0.6
_SUBPIXELS = 3
_MOTTLE = ((0.035, 18.0), (0.016, 4.0), (0.010, 1.5))  # strength and size in pixels
_IMAGES = {"training": range(21, 27), "test": range(1, 4)}

_NOTICE = """Simulated colour fundus photographs with vessel masks, in the layout of DRIVE.
No patient, no photograph: for trying out the software, never for measuring it.
"""


def fundus(root: str | os.PathLike[str] | None = None) -> Path:
    """Writes the simulated fundus sample, once, in DRIVE's official layout.

    Six training (21 to 26) and three test images (01 to 03) of 302x292 (height x width), each with the exact masks of
    its vessels and its field of view. Arteries and veins leave the optic disc as four arcades around the macula,
    branch, taper and wander; the background has the disc, the macula, pigment, uneven light, blur and sensor noise. All
    of it is simulated.

    Args:
        root: folder of samples; by default ``$LITEMED_HOME/samples`` or ``~/.cache/litemed/samples``.

    Returns:
        The data set's folder, for `mininet.readers.drive`.
    """
    return written_once("fundus-v1", _write, root)


def _write(folder: Path) -> None:
    (folder / "README.txt").write_text(_NOTICE)
    for section, numbers in _IMAGES.items():
        for name in ("images", "1st_manual", "mask"):
            (folder / section / name).mkdir(parents=True)
        for number in numbers:
            picture, vessels, field = _photograph(np.random.default_rng(number))
            target, name = folder / section, f"{number:02d}_{section}"
            as_picture(picture).save(target / "images" / f"{name}.tif", compression="tiff_lzw")
            as_mask(vessels).save(target / "1st_manual" / f"{number:02d}_manual1.gif")
            as_mask(field).save(target / "mask" / f"{name}_mask.gif")


class _Eye(NamedTuple):
    """Landmarks in pixels; ``temporal`` is the sign of x from the disc to the fovea."""

    disc: tuple[float, float]
    fovea: tuple[float, float]
    temporal: int


class _Point(NamedTuple):
    """A place on a vessel's centre line, with its radius in pixels."""

    x: float
    y: float
    radius: float
    vein: bool


def _photograph(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Picture in [0, 1], mask of the vessels and mask of the field of view."""
    temporal = int(rng.choice((-1, 1)))
    disc = (_WIDTH / 2 - temporal * rng.uniform(62, 74), _HEIGHT / 2 + rng.uniform(-10, 10))
    fovea = (disc[0] + temporal * rng.uniform(84, 94), disc[1] + rng.uniform(2, 12))
    eye = _Eye(disc, fovea, temporal)
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH] + 0.5
    to_rim = _FIELD_RADIUS - np.hypot(columns - _WIDTH / 2, rows - _HEIGHT / 2)
    field = to_rim >= 0
    vessels, thickness, reflex = _painted(list(_vessel_tree(rng, eye)))

    scene = _background(rng, eye, columns, rows)
    contrast = rng.uniform(0.7, 1.05)
    for blood, absorption in zip(thickness, ((0.10, 0.36, 0.26), (0.24, 0.52, 0.38)), strict=True):
        scene = scene * np.exp(-contrast * blood[..., None] * absorption)
    scene = scene + reflex[..., None] * (0.10, 0.09, 0.05)
    scene = scene * (_light(rng, columns, rows) * field)[..., None]
    sharpness = rng.uniform(0.45, 0.75)
    scene = gaussian_filter(scene, (sharpness, sharpness, 0)) * smooth_step(0.5 + to_rim / 3)[..., None]
    grain = gaussian_filter(rng.normal(scale=0.02, size=scene.shape), (1, 1, 0))
    noise = rng.normal(scale=0.014, size=scene.shape) + grain
    return scene + noise * np.where(field, 1.0, 0.15)[..., None], vessels & field, field


class _Shoot(NamedTuple):
    """Where a vessel starts, and where it is bound for.

    ``arcade`` is the a of the parabola y^2 = a x, with its vertex in the disc, that a main vessel follows; None for a
    branch, which goes its own way and turns by ``turn`` radians a pixel.
    """

    x: float
    y: float
    heading: float
    radius: float
    vein: bool
    arcade: float | None = None
    turn: float = 0.0


def _vessel_tree(rng: np.random.Generator, eye: _Eye) -> Iterator[_Point]:
    """Grows every vessel from the disc, a pixel at a time; branches take from the radius of their parent."""
    growing = _shoots_of_disc(rng, eye)
    while growing:
        x, y, heading, radius, vein, arcade, turn = growing.pop()
        wander, wobble = rng.uniform(0.025, 0.055), 0.0
        until_branch, side = rng.uniform(12, 24), int(rng.choice((-1, 1)))
        while radius > _FINEST and math.hypot(x - _WIDTH / 2, y - _HEIGHT / 2) < _FIELD_RADIUS + 2:
            yield _Point(x, y, radius, vein)
            heading += turn if arcade is None else _turn_to_arcade(x - eye.disc[0], y - eye.disc[1], heading, arcade)
            wobble = 0.96 * wobble + rng.normal(scale=wander)
            x, y = x + math.cos(heading + wobble), y + math.sin(heading + wobble)
            in_macula = math.hypot(x - eye.fovea[0], y - eye.fovea[1]) < _MACULA_RADIUS
            radius *= 0.95 if in_macula else 0.9985 if arcade else 0.9965
            until_branch -= 1
            if until_branch < 0:
                child = radius * rng.uniform(0.45, 0.85)
                bow = -side * rng.uniform(0.0, 0.01)
                growing.append(_Shoot(x, y, heading + side * rng.uniform(0.6, 1.2), child, vein, turn=bow))
                radius = max((radius**3 - 0.5 * child**3) ** (1 / 3), 0.93 * radius)  # after Murray's law
                until_branch, side = rng.uniform(12, 32), -side


def _shoots_of_disc(rng: np.random.Generator, eye: _Eye) -> list[_Shoot]:
    """An artery and a vein for each of the four arcades, and a few small vessels straight to the macula and away."""
    shoots = []
    for vertical in (-1, 1):
        arcades = ((eye.temporal, rng.uniform(75, 120), 1.0), (-eye.temporal, rng.uniform(10, 25), 0.75))
        for side, width, size in arcades:
            ratio = rng.uniform(1.3, 1.7) ** rng.choice((-1, 1))
            for vein in (False, True):
                radius = size * rng.uniform(0.9, 1.1) * (2.3 if vein else 1.75)
                x, y = eye.disc[0] + rng.normal(scale=2), eye.disc[1] + vertical * 2
                arcade = side * width * (ratio if vein else 1.0)
                shoots.append(_Shoot(x, y, vertical * np.pi / 2, radius, vein, arcade))
    for _ in range(rng.integers(3, 6)):
        heading = np.arctan2(rng.normal(scale=0.5), rng.choice((-1, 1)))
        shoots.append(_Shoot(*eye.disc, heading, rng.uniform(0.85, 1.15), bool(rng.integers(2))))
    return shoots


def _turn_to_arcade(x: float, y: float, heading: float, arcade: float) -> float:
    """Turn, in radians, towards a point of the parabola y^2 = a x some pixels ahead; x and y count from the disc."""
    slope = 2 * abs(y) / abs(arcade)
    ahead = abs(y) + 14 / math.hypot(1, slope)
    goal = math.atan2(math.copysign(ahead, y) - y, ahead**2 / arcade - x)
    return 0.25 * math.sin(goal - heading)


def _painted(points: list[_Point]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Paints the vessels as tubes, each a row of discs.

    Returns:
        Mask of the pixels that vessels cover by half or more; thickness of the blood in arteries and in veins
        (2, height, width); strength of the light reflex along the middle of larger arteries.
    """
    shape = (_HEIGHT * _SUBPIXELS, _WIDTH * _SUBPIXELS)
    x, y, radius, vein = np.array(points).T
    reach = radius * _SUBPIXELS
    window = np.arange(-np.ceil(reach.max()), np.ceil(reach.max()) + 1)
    rows, columns = (np.floor(axis * _SUBPIXELS)[:, None] + window for axis in (y, x))
    squares = [(line + 0.5 - axis[:, None] * _SUBPIXELS) ** 2 for line, axis in ((rows, y), (columns, x))]
    tube = 1 - (squares[0][:, :, None] + squares[1][:, None, :]) / reach[:, None, None] ** 2
    inside = [(line >= 0) & (line < size) for line, size in zip((rows, columns), shape, strict=True)]
    disc, row, column = np.nonzero((tube > 0) & inside[0][:, :, None] & inside[1][:, None, :])

    tube, radius, vein = tube[disc, row, column], radius[disc], vein[disc].astype(int)
    place = (rows[disc, row].astype(int), columns[disc, column].astype(int))
    thickness, reflex = np.zeros((2, *shape)), np.zeros(shape)
    np.maximum.at(thickness, (vein, *place), radius**0.8 * np.sqrt(tube))
    np.maximum.at(reflex, place, (1 - vein) * np.exp((tube - 1) / 0.12) * np.clip(radius - 1.1, 0, None))
    reflex[thickness[1] > 0] = 0
    covered = _shrunk(thickness.any(axis=0).astype(float))
    return covered >= 0.5, _shrunk(thickness), _shrunk(reflex)


def _shrunk(fine: np.ndarray) -> np.ndarray:
    """Mean over the subpixels of each pixel."""
    blocks = fine.reshape(*fine.shape[:-2], _HEIGHT, _SUBPIXELS, _WIDTH, _SUBPIXELS)
    return blocks.mean(axis=(-3, -1))


def _background(rng: np.random.Generator, eye: _Eye, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Retina without vessels: pigment, macula and optic disc with its cup."""
    colour = np.array((0.76, 0.38 * rng.uniform(0.8, 1.15), 0.18 * rng.uniform(0.75, 1.3))) * rng.uniform(0.72, 1.08)
    shape = rows.shape
    mottle = sum(strength * smooth_noise(rng, shape, scale) for strength, scale in _MOTTLE)
    scene = colour * (1 + np.multiply.outer(mottle, (0.7, 1.0, 1.3)))

    to_fovea = np.hypot(columns - eye.fovea[0], rows - eye.fovea[1])
    scene = scene * (1 - np.exp(-((to_fovea / 24) ** 2))[..., None] * (0.20, 0.36, 0.40))
    to_disc = np.hypot(columns - eye.disc[0], (rows - eye.disc[1]) * rng.uniform(0.88, 0.98))
    scene = scene * (1 + 0.16 * np.exp(-((to_disc / 45) ** 2)))[..., None]
    ragged = to_disc + 0.9 * smooth_noise(rng, shape, 6)
    disc = smooth_step((_DISC_RADIUS + 1.5 - ragged) / 4)[..., None]
    cup = np.exp(-((np.hypot(columns - eye.disc[0] - 3 * eye.temporal, rows - eye.disc[1]) / rng.uniform(7, 10)) ** 2))
    tissue = np.array((0.93, 0.70, 0.42)) + cup[..., None] * (0.06, 0.18, 0.24)
    return scene * (1 - disc) + tissue * disc


def _light(rng: np.random.Generator, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Uneven illumination: a bright spot off the centre, falling off to the rim, and a tilt."""
    x, y = (columns - _WIDTH / 2) / _FIELD_RADIUS, (rows - _HEIGHT / 2) / _FIELD_RADIUS
    spot_x, spot_y = rng.normal(scale=0.2, size=2)
    tilt_x, tilt_y = rng.normal(scale=0.06, size=2)
    return 1.08 - 0.30 * ((x - spot_x) ** 2 + (y - spot_y) ** 2) + tilt_x * x + tilt_y * y
