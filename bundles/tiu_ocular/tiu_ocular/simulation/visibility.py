# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What an annotator can't see and so doesn't draw: the pupil of a dark iris, or of an eye in the dark."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tiu_ocular.simulation.geometry import IRIS, PUPIL, Eye

_LEAST_CONTRAST = 4.0  # grey levels of 255
_NEAR, _FAR = 0.08, 0.45  # radii of the pupil from its border, between which both sides are compared
_FEWEST = 12  # pixels on either side


def pupil_contrast(image: Image.Image, labels: np.ndarray, eye: Eye) -> float:
    """Difference of colour across the pupil's border, in grey levels: root mean square over the channels.

    The medians of two rings are compared, one on either side of the border, so that glints don't count. It is 0 where
    too little of a ring is visible.
    """
    radius = eye.pose.pupil_radius
    inside = (labels == PUPIL) & (eye.pupil > _NEAR * radius) & (eye.pupil < _FAR * radius)
    outside = (labels == IRIS) & (eye.pupil < -_NEAR * radius) & (eye.pupil > -_FAR * radius)
    if min(np.count_nonzero(inside), np.count_nonzero(outside)) < _FEWEST:
        return 0.0
    colours = np.asarray(image, np.float32)
    difference = np.median(colours[inside], axis=0) - np.median(colours[outside], axis=0)
    return float(np.sqrt(np.mean(difference**2)))


def annotated(image: Image.Image, labels: np.ndarray, eye: Eye) -> np.ndarray:
    """The label map as an annotator of the photograph would draw it: a pupil that nobody can see is iris."""
    if pupil_contrast(image, labels, eye) >= _LEAST_CONTRAST:
        return labels
    return np.where(labels == PUPIL, np.uint8(IRIS), labels)
