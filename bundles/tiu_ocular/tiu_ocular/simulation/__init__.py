# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated photographs of eyes in visible light, with exact regions and lengths.

`people` draws who is photographed, `geometry` says where everything is, `globe`, `skin` and `hairs` paint it,
`surroundings` what is beside it, `photo` photographs it, `scene` puts these together and `writing` writes the files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

from litemed.samples.cache import written_once

from tiu_ocular.simulation.people import Domain
from tiu_ocular.simulation.writing import write_eyes

__all__ = ["eyes"]

_VERSION = 3


def eyes(
    root: str | os.PathLike[str] | None = None,
    *,
    domain: Domain = "public",
    subjects: int = 24,
    images_per_subject: int = 10,
    size: tuple[int, int] = (480, 320),
    closed: float = 0.0,
    seed: int = 0,
) -> Path:
    """Writes simulated photographs of eyes, once: JPEG pictures with LabelMe files, and their exact measures.

    ``"public"`` stands for UBIRIS.v2 and any other visible-light close-up: all ages, skins and irises, gaze in all
    directions, lids open or half closed, from half a face with both eyes to the iris alone, upright or askew, well lit
    or dark or by a flash, sharp or not, made up, behind glasses, sharpened and compressed as phones and messages do.
    ``"clinical"`` stands for crops from videos of patients: older lids with folds and ptosis, brown irises, lamps
    overhead, less detail. A subject keeps skin, lids, irises, lashes and brow in all pictures and shows both eyes.

    Regions are what is visible between the lids: sclera 1, iris 2, pupil 3, caruncle 4. Lashes, reflections and blur
    cut no region, as annotators draw them, and a pupil that can't be told from a dark iris is labelled iris. The
    polygons of the LabelMe files, painted in that order, give this label map pixel by pixel. ``truth.csv`` has a row
    for each picture: lengths of the unclipped, unoccluded geometry and areas of the labelled regions, in pixels (see
    `tiu_ocular.simulation.geometry.Truth`).

    No person, no photograph: for trying out and training, never presented as clinical.

    Args:
        root: folder of samples; by default ``$LITEMED_HOME/samples`` or ``~/.cache/litemed/samples``.
        domain: ``"public"``, in the layout that `tiu_ocular.readers.ubiris` reads, or ``"clinical"``, for
            `tiu_ocular.readers.clinical_eyes`.
        subjects: number of people. The first ones are the same in a larger sample.
        images_per_subject: pictures of each, right and left eye in turn.
        size: width and height of the pictures in pixels.
        closed: share of pictures with the eye closed, all regions missing.
        seed: of everything that is drawn.

    Returns:
        The data set's folder. Every choice of arguments has a folder of its own.

    Raises:
        ValueError: for another domain, or numbers out of range.
    """
    if domain not in get_args(Domain):
        raise ValueError(f"expected domain to be one of {', '.join(map(repr, get_args(Domain)))}, got {domain!r}")
    if min(subjects, images_per_subject, *size) < 1:
        raise ValueError(
            f"expected at least one subject, image and pixel, got {subjects} subjects, {images_per_subject} images, "
            f"size {size}"
        )
    if not 0 <= closed <= 1:
        raise ValueError(f"expected the closed share between 0 and 1, got {closed}")
    name = f"eyes-v{_VERSION}-{domain}-{subjects}x{images_per_subject}-{size[0]}x{size[1]}-seed{seed}"
    if closed:
        name += f"-closed{closed:g}"
    return written_once(
        name, lambda folder: write_eyes(folder, domain, subjects, images_per_subject, size, closed, seed), root
    )
