# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What an annotator can't see and so doesn't draw: the pupil of a dark iris, or of an eye in the dark."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from scipy import ndimage
from skimage.color import rgb2lab

from tiu_ocular.regions import REGIONS

__all__ = ["HideUnseenPupild", "annotated", "pupil_contrast"]

_IRIS, _PUPIL = REGIONS.index("iris"), REGIONS.index("pupil")
_LEAST_CONTRAST = 6.0  # CIELAB; side by side and evenly lit, two colours differ visibly from about 2.3
_LEAST_TO_TEXTURE = 0.8  # of the deviation of lightness on both sides: texture and noise hide a border
_NEAR, _FAR = 0.08, 0.45  # radii of the pupil from its border, between which both sides are compared
_FEWEST = 12  # pixels on either side


def pupil_contrast(picture: np.ndarray, labels: np.ndarray, pupil: np.ndarray) -> tuple[float, float] | None:
    """Difference of colour across a pupil's border in CIELAB, and its ratio to the deviation of lightness beside it.

    The medians of two rings are compared, one on either side of the border, so that glints don't count.

    Args:
        picture: (H, W, 3), 0 to 255.
        labels: (H, W) of label values.
        pupil: bool (H, W), the pupil.

    Returns:
        Both numbers, or None where too little of a ring is visible.
    """
    radius = math.sqrt(np.count_nonzero(pupil) / math.pi)
    box = ndimage.find_objects(pupil.astype(np.uint8))[0]
    reach = math.ceil(_FAR * radius) + 1
    box = tuple(slice(max(0, place.start - reach), place.stop + reach) for place in box)
    picture, labels, pupil = picture[box], labels[box], pupil[box]
    rings = []
    for side, allowed in ((pupil, pupil), (~pupil, labels == _IRIS)):
        away = ndimage.distance_transform_edt(np.pad(side, 1, mode="edge"))[1:-1, 1:-1]
        ring = allowed & (away > _NEAR * radius + 0.5) & (away < max(_FAR * radius, 2) + 0.5)
        if np.count_nonzero(ring) < _FEWEST:
            return None
        rings.append(rgb2lab(picture[ring] / 255))
    medians = [np.median(ring, axis=0) for ring in rings]
    difference = float(np.linalg.norm(medians[0] - medians[1]))
    # 1.48 times the median distance from the median is the deviation of a normal distribution
    spread = [1.48 * np.median(np.abs(ring - middle)[:, 0]) for ring, middle in zip(rings, medians, strict=True)]
    return difference, difference / max(float(np.mean(spread)), 1e-6)


def annotated(picture: np.ndarray, labels: np.ndarray, doubtful: bool = False) -> np.ndarray:
    """The label map as an annotator of the photograph would draw it: a pupil that nobody can see is iris.

    Args:
        picture: (H, W, 3), 0 to 255.
        labels: (H, W) of label values.
        doubtful: keep a pupil of which too little is visible to compare.
    """
    parts, count = ndimage.label(labels == _PUPIL)
    labels = labels.copy()
    for number in range(1, count + 1):
        contrast = pupil_contrast(picture, labels, parts == number)
        seen = doubtful if contrast is None else contrast[0] >= _LEAST_CONTRAST and contrast[1] >= _LEAST_TO_TEXTURE
        if not seen:
            labels[parts == number] = _IRIS
    return labels


class HideUnseenPupild(MapTransform):
    """Label as iris a pupil that a change of light, sharpness or noise has hidden.

    Args:
        keys: keys of the pictures (3, W, H), 0 to 255.
        label_key: key of the label map (1, W, H).
    """

    def __init__(self, keys: KeysCollection, label_key: str = "label") -> None:
        super().__init__(keys)
        self.label_key = label_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        labels = items[self.label_key]
        if (labels == _PUPIL).any():
            for key in self.key_iterator(items):
                drawn = annotated(np.asarray(items[key]).transpose(1, 2, 0), np.asarray(labels[0]), doubtful=True)
                items[self.label_key] = torch.as_tensor(drawn, dtype=labels.dtype)[None]
        return items
