# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""One simulated photograph of an eye: all parts put together."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from PIL import Image

from tiu_ocular.simulation.geometry import Camera, Eye, Truth
from tiu_ocular.simulation.globe import paint_globe
from tiu_ocular.simulation.hairs import brow, lashes
from tiu_ocular.simulation.noise import blend, edge, rise
from tiu_ocular.simulation.people import Domain, Person, Pose, Side
from tiu_ocular.simulation.photo import Light, draw_light, photograph
from tiu_ocular.simulation.skin import paint_skin
from tiu_ocular.simulation.surroundings import BETWEEN_PUPILS, paint_surroundings, wear_glasses
from tiu_ocular.visibility import annotated


class Shot(NamedTuple):
    """A picture, its label map (height, width), and the exact lengths and the label map of the eye that was meant.

    A wide picture shows the other eye too, which is labelled alike.
    """

    image: Image.Image
    labels: np.ndarray
    truth: Truth
    of_eye: np.ndarray


def shoot(rng: np.random.Generator, person: Person, pose: Pose, camera: Camera, domain: Domain) -> Shot:
    """Simulates a photograph; light, reflections, focus and noise are drawn."""
    eyes = [Eye(person, pose, camera)]
    beside = camera.of_other_eye(BETWEEN_PUPILS)
    if all(-0.1 < place / side < 1.1 for place, side in zip(beside.centre, camera.size, strict=True)):
        side: Side = "left" if pose.side == "right" else "right"
        shift = (-pose.pupil_shift[0], pose.pupil_shift[1])
        eyes.append(Eye(person, dataclasses.replace(pose, side=side, yaw=-pose.yaw, pupil_shift=shift), beside))
    light = draw_light(rng, domain)
    scene = paint_skin(rng, eyes[0], light)
    for eye in eyes[1:]:
        scene = blend(scene, paint_skin(rng, eye, light), rise(eye.x - BETWEEN_PUPILS / 2, -4))
    if domain == "public":
        scene = paint_surroundings(rng, eyes[0], scene)
    glasses = domain == "public" and rng.random() < 0.08
    seed = int(rng.integers(2**31))  # both lenses have one frame
    for eye in eyes:
        scene = _with_eye(rng, eye, light, scene)
        if glasses:
            scene = wear_glasses(np.random.default_rng(seed), eye, scene)
    image = photograph(rng, eyes[0], scene, light, domain)
    maps = [annotated(np.asarray(image), eye.label_map()) for eye in eyes]
    return Shot(image, np.maximum.reduce(maps), eyes[0].truth(), maps[0])


def _with_eye(rng: np.random.Generator, eye: Eye, light: Light, scene: np.ndarray) -> np.ndarray:
    """What lies between the lids, and the hairs over it."""
    scene = blend(scene, paint_globe(rng, eye, light), edge(eye.opening, 1.2 / eye.scale + 0.05))
    scene = blend(scene, eye.person.hair, 0.85 * brow(rng, eye))
    return blend(scene, eye.person.hair, 0.9 * lashes(rng, eye))
