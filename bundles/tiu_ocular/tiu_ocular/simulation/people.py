# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Who is photographed and how they look: a person's anatomy, and the pose of one picture.

Lengths are in millimetres in the plane of the face, angles in degrees. Coordinates have their origin where the eye
that looks straight ahead has the middle of its pupil; x points to the temple, y to the forehead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Domain = Literal["public", "clinical"]
Side = Literal["left", "right"]
Colour = tuple[float, float, float]

GLOBE_RADIUS = 12.0

# From very light to very dark.
_SKIN = np.array(
    (
        (0.95, 0.81, 0.74),
        (0.90, 0.72, 0.62),
        (0.83, 0.63, 0.50),
        (0.72, 0.51, 0.38),
        (0.56, 0.37, 0.27),
        (0.39, 0.25, 0.18),
        (0.24, 0.155, 0.12),
    )
)
# Outer and inner colour of the stroma, and how common it is in the public and in the clinical domain.
_IRIS: dict[str, tuple[Colour, Colour, float, float]] = {
    "black": ((0.10, 0.065, 0.05), (0.13, 0.08, 0.055), 0.40, 0.55),
    "dark brown": ((0.20, 0.115, 0.07), (0.27, 0.16, 0.09), 0.28, 0.35),
    "brown": ((0.33, 0.20, 0.11), (0.44, 0.27, 0.13), 0.14, 0.08),
    "hazel": ((0.34, 0.32, 0.18), (0.46, 0.32, 0.14), 0.10, 0.02),
    "green": ((0.34, 0.40, 0.27), (0.46, 0.43, 0.24), 0.07, 0.0),
    "blue": ((0.34, 0.45, 0.55), (0.52, 0.60, 0.64), 0.09, 0.0),
    "grey": ((0.42, 0.46, 0.48), (0.55, 0.56, 0.54), 0.06, 0.0),
}


@dataclass(frozen=True)
class Person:
    """What stays the same in all pictures of one person.

    Attributes:
        age: from 0, smooth skin, to 1, wrinkles, folds and a yellowish sclera.
        skin: colour in [0, 1].
        darkness: pigment of the lids beyond that of the skin, in [0, 1].
        redness: of lids and canthi, in [0, 1].
        fissure_width: from canthus to canthus.
        canthal_tilt: how much higher the outer canthus lies.
        upper_height, lower_height: of the lids above and below the line through the canthi, the eye wide open.
        upper_shape, lower_shape: exponents of the lid's curve at the inner and at the outer canthus.
        pupil_height: of the resting pupil above the line through the canthi.
        crease: distance of the upper lid's crease from the lid margin.
        crease_depth: in [0, 1]; 0 for a single lid.
        hooding: how far loose skin hangs over the outer part of the upper lid.
        waterline: width of the lower lid's margin.
        caruncle: half the width and half the height of the caruncle.
        epicanthus: how far a fold of the upper lid covers the inner canthus and the caruncle there.
        iris_radius: of the limbus.
        iris_outer, iris_inner: colours of the stroma at the limbus and at the pupil.
        iris_seed: of the stroma's pattern.
        fibres: contrast of that pattern, in [0, 1].
        collarette: where the inner zone of the iris ends, from 0 at the pupil to 1 at the limbus.
        limbal_ring: darkness of the limbus, in [0, 1].
        arcus: strength of the pale ring inside the limbus that comes with age, in [0, 1].
        sclera: colour in [0, 1].
        stains: strength of brown and yellow patches of the sclera, in [0, 1].
        vessels: how red the sclera's vessels are, in [0, 1].
        hair: colour of brows and lashes.
        lash_length: of the upper lashes.
        lash_count: of the upper lashes.
        lash_lift: where their tips point: 1 up, -1 down.
        lash_width: at the root.
        brow_height: of the brow's lower edge above the pupil.
        brow_density: in [0, 1].
        liner: strength of a drawn line along the lashes, in [0, 1].
        eye_shadow: colour of the make-up on the upper lid, and its strength, in [0, 1].
        freckles: number of freckles and moles near the eye.
        ptosis: of the right and of the left upper lid.
    """

    age: float
    skin: Colour
    darkness: float
    redness: float
    fissure_width: float
    canthal_tilt: float
    upper_height: float
    lower_height: float
    upper_shape: tuple[float, float]
    lower_shape: tuple[float, float]
    pupil_height: float
    crease: float
    crease_depth: float
    hooding: float
    waterline: float
    caruncle: tuple[float, float]
    epicanthus: float
    iris_radius: float
    iris_outer: Colour
    iris_inner: Colour
    iris_seed: int
    fibres: float
    collarette: float
    limbal_ring: float
    arcus: float
    sclera: Colour
    stains: float
    vessels: float
    hair: Colour
    lash_length: float
    lash_count: int
    lash_lift: float
    lash_width: float
    brow_height: float
    brow_density: float
    liner: float
    eye_shadow: tuple[Colour, float]
    freckles: int
    ptosis: tuple[float, float]


@dataclass(frozen=True)
class Pose:
    """What a person does in one picture.

    Attributes:
        side: which eye is seen.
        yaw: of the gaze, positive to the temple.
        pitch: of the gaze, positive up.
        openness: from 0, closed, to about 1.1, wide open; ptosis not counted.
        pupil_radius: half the pupil's diameter.
        pupil_shift: of the pupil's middle from that of the iris.
    """

    side: Side
    yaw: float
    pitch: float
    openness: float
    pupil_radius: float
    pupil_shift: tuple[float, float]


def draw_person(rng: np.random.Generator, domain: Domain) -> Person:
    """Draws a person: any age, skin and iris for ``"public"``; mostly older people with ptosis for ``"clinical"``."""
    clinical = domain == "clinical"
    age = rng.beta(5, 2.5) if clinical else rng.beta(1.2, 2.2)
    tone = rng.uniform(0.8, 3.2) if clinical else rng.uniform(0, 6)
    skin = _mix(_SKIN, tone) * rng.normal(1, 0.035, 3)
    name = str(rng.choice(list(_IRIS), p=_chances(3 if clinical else 2)))
    if tone > 3.6 and name not in ("black", "dark brown"):
        name = "dark brown"
    iris_outer, iris_inner = (np.array(_IRIS[name][part]) * rng.lognormal(0, 0.12, 3) for part in (0, 1))
    single_lid = rng.random() < (0.45 if clinical else 0.15)
    yellow = rng.uniform(0, 0.10) + 0.05 * age
    sclera = rng.uniform(0.70, 0.93) * np.array((1, 0.985 - 0.3 * yellow, 0.99 - yellow)) * rng.normal(1, 0.012, 3)
    fair = tone < 2 and rng.random() < 0.5
    hair = np.array((0.30, 0.20, 0.12) if fair else (0.07, 0.055, 0.05)) * rng.lognormal(0, 0.25)
    grey = 0.6 * age if rng.random() < 0.5 * age else 0.0
    made_up = not clinical and rng.random() < 0.3
    false_lashes = made_up and rng.random() < 0.3
    return Person(
        age=age,
        skin=_colour(skin),
        darkness=rng.uniform(0, 0.4) + 0.35 * rng.random() ** 3 + 0.1 * age,
        redness=rng.uniform(0, 0.55),
        fissure_width=rng.normal(29, 1.3) - 1.2 * age,
        canthal_tilt=rng.normal(4, 2.5),
        upper_height=rng.normal(6.6, 0.6) - 0.5 * age,
        lower_height=rng.normal(4.4, 0.5),
        upper_shape=(rng.uniform(0.75, 1.15), rng.uniform(0.68, 1.0)),
        lower_shape=(rng.uniform(0.9, 1.35), rng.uniform(0.72, 1.0)),
        pupil_height=rng.normal(1.2, 0.35),
        crease=rng.uniform(1.0, 2.5) if single_lid else rng.uniform(2.5, 7.5),
        crease_depth=rng.uniform(0, 0.3) if single_lid else rng.uniform(0.4, 1),
        hooding=max(rng.normal(0.2, 0.7), 0) + rng.uniform(0, 3.5) * age,
        waterline=rng.uniform(0.5, 1.5),
        caruncle=(rng.uniform(2.6, 3.8), rng.uniform(1.8, 2.6)),
        epicanthus=rng.uniform(0.5, 4.5) if rng.random() < (0.6 if single_lid else 0.1) else 0.0,
        iris_radius=rng.normal(5.9, 0.2),
        iris_outer=_colour(iris_outer),
        iris_inner=_colour(iris_inner),
        iris_seed=int(rng.integers(2**31)),
        fibres=rng.uniform(0.3, 1),
        collarette=rng.uniform(0.25, 0.5),
        limbal_ring=rng.uniform(0.15, 0.85),
        arcus=rng.uniform(0.2, 0.9) if rng.random() < 0.6 * age else 0.0,
        sclera=_colour(sclera),
        stains=rng.uniform(0.2, 1) if rng.random() < 0.1 + 0.25 * (tone > 3) + 0.15 * age else 0.0,
        vessels=rng.uniform(0.05, 0.5) + 0.5 * rng.random() ** 4,
        hair=_colour(hair * (1 - grey) + 0.6 * grey),
        lash_length=rng.uniform(4, 7.5) if clinical else rng.uniform(4, 10.5) + 3.5 * false_lashes,
        lash_count=int(rng.integers(25, 60) if clinical else rng.integers(30, 110) * (1.7 if false_lashes else 1)),
        lash_lift=rng.uniform(-0.7, 0.6) if clinical else rng.uniform(-0.8, 1),
        lash_width=rng.uniform(0.08, 0.22) * (1.7 if made_up else 1),
        brow_height=rng.uniform(11, 18),
        brow_density=rng.uniform(0.15, 1),
        liner=rng.uniform(0.2, 1) if made_up else 0.0,
        eye_shadow=_eye_shadow(rng) if made_up else ((0.0, 0.0, 0.0), 0.0),
        freckles=int(rng.choice((0, 0, 0, 2, 6, 25)) + 4 * age),
        ptosis=_ptosis(rng, clinical),
    )


def draw_pose(rng: np.random.Generator, person: Person, domain: Domain, side: Side) -> Pose:
    """Draws gaze, lids and pupil of one picture."""
    openness = rng.normal(0.97, 0.07) if rng.random() < 0.75 else rng.uniform(0.3, 1.1)
    dark = person.iris_radius * rng.uniform(0.22, 0.42) if domain == "clinical" else rng.uniform(1.2, 3.9)
    straight = rng.random() < 0.4
    return Pose(
        side=side,
        yaw=rng.normal(0, 5) if straight else rng.uniform(-34, 34),
        pitch=rng.normal(0, 4) if straight else rng.uniform(-22, 20),
        openness=float(np.clip(openness, 0.15, 1.12)),
        pupil_radius=min(dark, person.iris_radius - 1.4),
        pupil_shift=(rng.normal(-0.12, 0.12), rng.normal(0.05, 0.1)),
    )


def _ptosis(rng: np.random.Generator, clinical: bool) -> tuple[float, float]:
    if clinical:
        bad, other = rng.uniform(1, 6.5), rng.choice((0, rng.uniform(0, 4)))
        return (bad, other) if rng.random() < 0.5 else (other, bad)
    slight = rng.uniform(0, 3.5) if rng.random() < 0.12 else 0.0
    return (slight, slight * rng.random()) if rng.random() < 0.5 else (slight * rng.random(), slight)


def _eye_shadow(rng: np.random.Generator) -> tuple[Colour, float]:
    """From skin tones and greys to any colour."""
    colour = rng.uniform(0.05, 0.8) * (1 - rng.uniform(0.05, 1) * rng.dirichlet((0.7, 0.7, 0.7)))
    return _colour(colour), rng.uniform(0, 0.8)


def _mix(colours: np.ndarray, place: float) -> np.ndarray:
    """Colour at a place between 0, the first, and the last."""
    steps = np.arange(len(colours))
    return np.array([np.interp(place, steps, channel) for channel in colours.T])


def _chances(column: int) -> np.ndarray:
    weights = np.array([entry[column] for entry in _IRIS.values()], float)
    return weights / weights.sum()


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = np.clip(values, 0.01, 1).tolist()
    return red, green, blue
