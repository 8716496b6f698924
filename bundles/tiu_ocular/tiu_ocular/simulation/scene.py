# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""One simulated photograph of an eye: all parts put together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from tiu_ocular.simulation.geometry import Camera, Eye, Truth
from tiu_ocular.simulation.globe import paint_globe
from tiu_ocular.simulation.hairs import brow, lashes
from tiu_ocular.simulation.noise import blend, edge
from tiu_ocular.simulation.people import Domain, Person, Pose
from tiu_ocular.simulation.photo import draw_light, photograph
from tiu_ocular.simulation.skin import paint_skin
from tiu_ocular.simulation.visibility import annotated


class Shot(NamedTuple):
    """A picture, its label map (height, width) and its exact lengths."""

    image: Image.Image
    labels: np.ndarray
    truth: Truth


def shoot(rng: np.random.Generator, person: Person, pose: Pose, camera: Camera, domain: Domain) -> Shot:
    """Simulates a photograph; light, reflections, focus and noise are drawn."""
    eye = Eye(person, pose, camera)
    light = draw_light(rng, domain)
    scene = paint_skin(rng, eye, light)
    scene = blend(scene, paint_globe(rng, eye, light), edge(eye.opening, 1.2 / eye.scale + 0.05))
    scene = blend(scene, person.hair, 0.85 * brow(rng, eye))
    scene = blend(scene, person.hair, 0.9 * lashes(rng, eye))
    image = photograph(rng, eye, scene, light, domain)
    return Shot(image, annotated(image, eye.label_map(), eye), eye.truth())
