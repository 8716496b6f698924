# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Where the eyes of a picture are, and the section of it that shows one of them close."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from tiu_ocular.regions import REGIONS

__all__ = ["find_eyes", "section"]

_NOTEWORTHY = 0.25  # share of the largest eye from which a further one counts

Section = tuple[slice, slice]
"""Part of a picture along width and height."""


def find_eyes(labels: np.ndarray) -> list[Section]:
    """The eyes in a label map, the largest last.

    A connected part is the more of an eye the more it has of both sclera and iris (with pupil): the lesser of the two
    areas counts. Dark hair taken for an iris, or bright cloth taken for a sclera, is none. Where no part has both, the
    largest part is the eye.

    Args:
        labels: (W, H) of the values of :data:`tiu_ocular.REGIONS`.
    """
    parts, count = ndimage.label(labels > 0, structure=np.ones((3, 3)))
    if count == 0:
        return []
    numbers = np.arange(1, count + 1)
    white = ndimage.sum_labels(labels == REGIONS.index("sclera"), parts, numbers)
    disc = ndimage.sum_labels(np.isin(labels, (REGIONS.index("iris"), REGIONS.index("pupil"))), parts, numbers)
    scores = np.minimum(white, disc)
    if not scores.any():
        scores = ndimage.sum_labels(labels > 0, parts, numbers)
        scores = np.where(scores == scores.max(), scores, 0)
    boxes = ndimage.find_objects(parts)
    order = np.argsort(scores, kind="stable")
    return [boxes[index] for index in order if scores[index] >= _NOTEWORTHY * scores.max()]


def section(eye: Section, sides: Sequence[int], frame: Sequence[int], margin: float) -> Section:
    """The section of a picture, in the proportions of the frame, that shows an eye with a margin around it.

    It ends at the picture's border, and then has other proportions.

    Args:
        eye: the box of an eye.
        sides: width and height of the picture.
        frame: those of the frame, of which the proportions matter.
        margin: width of the section in widths of the eye, or height in its heights where that is more.
    """
    extents = [place.stop - place.start for place in eye]
    factor = margin * max(extent / side for extent, side in zip(extents, frame, strict=True))
    first, second = (
        slice(
            max(0, math.floor((place.start + place.stop - factor * room) / 2)),
            min(side, math.ceil((place.start + place.stop + factor * room) / 2)),
        )
        for place, side, room in zip(eye, sides, frame, strict=True)
    )
    return first, second
