# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Placido devices: sensor, target, light and optics, which differ from one to the next more than eyes do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from litemed.samples.noise import smooth_step

from tfnet.simulation.rings import Rings

__all__ = ["STRESSES", "Device", "Stress", "draw_device"]

Stress = Literal["scale", "decentring", "blur", "colour", "glare"]
STRESSES: tuple[Stress, ...] = get_args(Stress)
"""What a device can be strained by, each beyond what `draw_device` draws."""

_LEAST_PERIOD = 4.5  # pixels from ring to ring, below which a sensor can't resolve them
_LEAST_RINGS = 6  # the middle box goes around the fifth, the outside box around more
_GLARE_RING = 0.08  # size of a lamp's reflection, in ring coordinates


@dataclass(frozen=True)
class Device:
    """How a device shows an eye.

    Attributes:
        family: ``keratograph``, ``topographer``, ``cone`` or ``phone``: what goes together.
        size: height and width of a frame in pixels, both even.
        extent: diameter of the outermost ring on a standard cornea, relative to the frame's height.
        place: x and y of the rings' mean centre, relative to the frame's width and height.
        outermost: distance in mm from the vertex at which the standard cornea shows the rings' outer edge.
        rings: spacing and thickness.
        is_dark: dark rings on a lit plate, in place of bright rings on a dark one.
        dashes: gaps in each ring; 0 for whole rings.
        notch: angle and half width, in radians, of a sector in which the rings are cut; None for none.
        cross: brightness of cross hairs; 0 for none.
        cone: brightness of the cone's edge, outside the rings; 0 for none.
        hole: brightness of the camera's hole's rim, inside the first ring; 0 for none.
        lamps: lamps seen as glare on a circle, and its ring coordinate.
        gain: brightness of the rings over the pupil and over the iris.
        fall: share of their brightness that the outer rings lose.
        eye_light: brightness of the eye; the darker, the more the rings stand out.
        contrast: of iris, limbus and lids.
        is_infrared: pale irises and no colour, or what a colour camera shows.
        tint: red, green and blue of bright parts, relative to their grey value.
        softness: standard deviation of the optics' blur, in periods of the rings.
        decentring: standard deviation in mm of the pupil's distance from the rings' centre.
        tilt: standard deviation of the relative magnification per mm.
        noise: standard deviation of the sensor's noise, relative to full scale.
        quality: of JPEG compression, 1 to 95; None for none.
    """

    family: str
    size: tuple[int, int]
    extent: float
    place: tuple[float, float]
    outermost: float
    rings: Rings
    is_dark: bool
    dashes: int
    notch: tuple[float, float] | None
    cross: float
    cone: float
    hole: float
    lamps: tuple[int, float]
    gain: tuple[float, float]
    fall: float
    eye_light: float
    contrast: float
    is_infrared: bool
    tint: tuple[float, float, float]
    softness: float
    decentring: float
    tilt: float
    noise: float
    quality: int | None

    @property
    def pixels_per_mm(self) -> float:
        """Scale at the vertex."""
        return self.extent * self.size[0] / 2 / self.outermost

    @property
    def reach(self) -> float:
        """Ring coordinate up to which the target and what belongs to it can be seen."""
        return 1.35 if self.cone else 1.08

    def target(
        self,
        coordinate: np.ndarray,
        angle: np.ndarray,
        softness: np.ndarray | float,
        shift: np.ndarray | float,
        swell: np.ndarray | float,
    ) -> np.ndarray:
        """Brightness of the target's reflection in [0, 1]: rings with their gaps, or the lit plate between them.

        Args:
            coordinate: ring coordinates.
            angle: around the rings' centre, in radians.
            softness: width of a ring's edge, in periods.
            shift: by how many periods the rings are displaced.
            swell: by what share of a period they are wider.
        """
        rings = self.rings.brightness(coordinate, softness, shift, swell)
        if self.dashes:
            phase = np.abs((angle * np.float32(self.dashes / (2 * np.pi))) % 1 - 0.5) * 2
            rings = rings * smooth_step((phase - 0.12) / 0.06)
        if self.notch is not None:
            turned = np.abs((angle - np.float32(self.notch[0]) + np.pi) % (2 * np.pi) - np.pi)
            rings = rings * smooth_step((turned - self.notch[1]) / 0.04)
        if self.is_dark:
            plate = smooth_step((1.03 - coordinate) / 0.02) * smooth_step((coordinate - 0.6 * self.rings.inside) / 0.02)
            rings = plate * (1 - 0.9 * rings)
        return np.asarray(rings, np.float32)

    def fittings(self, coordinate: np.ndarray, angle: np.ndarray) -> np.ndarray:
        """Brightness that isn't the target's: cross hairs, the cone's edge, the hole's rim and the lamps' glare."""
        light = np.zeros(coordinate.shape, np.float32)
        if self.cross:
            across = np.minimum(np.abs(np.sin(angle)), np.abs(np.cos(angle))) * coordinate
            light += self.cross * smooth_step((0.012 - across) / 0.006) * smooth_step((1.05 - coordinate) / 0.05)
        if self.cone:
            light += self.cone * np.exp(-np.square((coordinate - 1.2) / 0.035)).astype(np.float32)
        if self.hole:
            light += self.hole * np.exp(-np.square((coordinate - 0.5 * self.rings.inside) / 0.012)).astype(np.float32)
        count, ring = self.lamps
        for number in range(count):
            turn = 2 * np.pi * (number + 0.25) / count
            apart = np.hypot(
                coordinate * np.cos(angle) - ring * np.cos(turn), coordinate * np.sin(angle) - ring * np.sin(turn)
            )
            light += np.exp(-np.square(apart / (0.4 * _GLARE_RING))).astype(np.float32)
        return light

    def coloured(self, image: np.ndarray) -> np.ndarray:
        """A grey frame as the device's camera records it: RGB of the same luma (ITU-R BT.601), or grey in infrared.

        Dark parts are brownish, middle ones of skin's hue, and bright ones have the light's tint.
        """
        if self.is_infrared:
            return image
        grey = np.arange(256, dtype=np.float32)[:, None]
        hues = np.array([[1.25, 0.95, 0.65], [1.2, 0.95, 0.8], self.tint], np.float32)
        hues /= hues @ np.array([0.299, 0.587, 0.114], np.float32)[:, None]
        mixed = np.stack([np.interp(grey[:, 0], (20, 190, 250), hues[:, channel]) for channel in range(3)], axis=1)
        return np.clip(np.rint(grey * mixed), 0, 255).astype(np.uint8)[image]

    def strained(self, stress: Stress, rng: np.random.Generator) -> Device:
        """The same device beyond what it was made for.

        Args:
            stress: ``scale``, much smaller or larger rings; ``decentring``, rings near the frame's border over an eye
                that looks away; ``blur``, soft focus; ``colour``, another light; ``glare``, lamps within the rings.
            rng: source of randomness.

        Raises:
            ValueError: for another stress.
        """
        if stress == "scale":
            extent = 0.12 if rng.random() < 0.5 else 0.8
            count = min(self.rings.count, _most_rings(extent * self.size[0] / 2, self.rings.inside))
            return replace(self, extent=extent, rings=replace(self.rings, count=count), place=(0.5, 0.5))
        if stress == "decentring":
            x, y = (float(value) for value in rng.choice((0.22, 0.78), size=2))
            return replace(self, place=(x, y), decentring=1.2, tilt=0.03, extent=min(self.extent, 0.4))
        if stress == "blur":
            return replace(self, softness=self.softness + 0.22)
        if stress == "colour":
            red, green, blue = (float(value) for value in rng.permutation((1.5, 0.9, 0.5)))
            return replace(self, is_infrared=False, tint=(red, green, blue), contrast=1.5 * self.contrast)
        if stress == "glare":
            return replace(self, lamps=(6, 0.5), noise=2 * self.noise)
        raise ValueError(f"expected a stress among {', '.join(STRESSES)}, got {stress!r}")


def draw_device(seed: int | Sequence[int]) -> Device:
    """Draw a device: one of four families, whose members differ in all that the family leaves open.

    The pattern takes 15 to 70 % of the frame's height and lies anywhere in it; sensors have 480 to 3,600 lines in
    landscape, portrait or square.
    """
    rng = np.random.default_rng(seed)
    family = str(rng.choice(("keratograph", "topographer", "cone", "phone"), p=(0.3, 0.15, 0.2, 0.35)))
    size = _size(rng, family)
    extent = float(rng.uniform(*{"phone": (0.15, 0.45), "keratograph": (0.4, 0.7)}.get(family, (0.3, 0.7))))
    rings = _rings(rng, family, extent * size[0] / 2)
    radius = extent * size[0] / 2
    room = np.array((radius / size[1], radius / size[0]))
    spread = 0.06 if family in ("keratograph", "topographer") else 0.18
    room *= 0.7 if rng.random() < 0.1 else 1.1  # now and then the frame cuts the rings
    place = np.clip(0.5 + rng.normal(scale=spread, size=2), np.minimum(room, 0.5), np.maximum(1 - room, 0.5))
    is_infrared = bool(rng.random() < {"phone": 0.1, "cone": 0.4}.get(family, 0.7))
    over_pupil = float(rng.uniform(0.35, 0.8))
    is_dark = bool(rng.random() < 0.15)
    return Device(
        family=family,
        size=size,
        extent=extent,
        place=(float(place[0]), float(place[1])),
        outermost=float(rng.uniform(2.6, 4.6)),
        rings=rings,
        is_dark=is_dark,
        dashes=int(rng.integers(6, 40)) if rng.random() < 0.1 else 0,
        notch=(float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(0.03, 0.15))) if rng.random() < 0.2 else None,
        cross=float(rng.uniform(0.15, 0.5)) if rng.random() < 0.15 else 0.0,
        cone=float(rng.uniform(0.15, 0.6)) if family == "cone" or rng.random() < 0.1 else 0.0,
        hole=float(rng.uniform(0.2, 0.6)) if rng.random() < 0.3 else 0.0,
        lamps=(int(rng.integers(1, 9)), float(rng.uniform(0.05, 1.15))) if rng.random() < 0.35 else (0, 0.0),
        gain=(over_pupil, over_pupil * float(rng.uniform(0.25 if is_infrared else 0.5, 1.0))),
        fall=float(rng.uniform(0.0, 0.5)),
        eye_light=float(rng.uniform(0.35, 1.0)),
        contrast=float(rng.uniform(0.7, 1.4)),
        is_infrared=is_infrared,
        tint=tuple(float(value) for value in rng.uniform(0.75, 1.25, size=3)),  # type: ignore[arg-type]
        softness=float(rng.choice((rng.uniform(0.05, 0.15), rng.uniform(0.15, 0.3)), p=(0.75, 0.25))),
        decentring=float(rng.uniform(0.1, 0.5)),
        tilt=float(rng.uniform(0.004, 0.02)),
        noise=float(rng.uniform(0.003, 0.02)),
        quality=int(rng.integers(35, 95)) if rng.random() < 0.6 else None,
    )


def _size(rng: np.random.Generator, family: str) -> tuple[int, int]:
    """Height and width; large sensors are rarer here than outside, since they take long to simulate."""
    short = int(rng.choice((480, 600, 720, 1080, 1440, 2160, 2736), p=(0.26, 0.2, 0.24, 0.18, 0.07, 0.03, 0.02)))
    ratio = float(rng.choice((1.0, 4 / 3, 16 / 9), p=(0.2, 0.45, 0.35)))
    long = 2 * round(min(short * ratio, 3600) / 2)
    is_portrait = family == "phone" and rng.random() < 0.5
    return (long, short) if is_portrait else (short, long)


def _rings(rng: np.random.Generator, family: str, radius: float) -> Rings:
    """Rings of a family, no finer than a sensor on which they have this radius in pixels resolves."""
    inside = float(rng.uniform(0.06, 0.28))
    low, high = {"phone": (8, 18), "cone": (8, 20), "keratograph": (16, 28)}.get(family, (20, 35))
    count = min(int(rng.integers(low, high)), _most_rings(radius, inside))
    return Rings(inside, count, float(rng.uniform(0.25, 0.62)), float(rng.uniform(-0.05, 0.1)))


def _most_rings(radius: float, inside: float) -> int:
    return max(int(radius * (1 - inside) / _LEAST_PERIOD), _LEAST_RINGS)
