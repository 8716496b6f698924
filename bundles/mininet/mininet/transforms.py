# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Field of view and intensity normalisation."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import convert_to_tensor
from scipy import ndimage

__all__ = ["FieldOfViewd", "NormalizeInRegiond", "field_of_view"]

DARK = 0.12
"""Pixels darker than this share of the picture's brightest percent lie outside the field of view."""


def field_of_view(image: np.ndarray) -> np.ndarray:
    """Find the lit disc of a fundus photograph: the largest bright area, its holes filled.

    Data sets without a field-of-view mask (CHASEDB1, STARE, users' pictures) get theirs from here.

    Args:
        image: ``(C, ...)`` intensities of any scale, with a black surround or none.

    Returns:
        bool array of the image's spatial shape; all true when the picture is bright up to its edges.
    """
    brightness = image.max(axis=0)
    lit = brightness > DARK * np.percentile(brightness, 99)
    lit = ndimage.binary_opening(np.pad(lit, 2, mode="edge"), iterations=2)[2:-2, 2:-2]
    labels, count = ndimage.label(lit)
    if count == 0:
        return np.ones(brightness.shape, dtype=bool)
    sizes = np.bincount(labels.ravel())[1:]
    return ndimage.binary_fill_holes(labels == 1 + int(sizes.argmax()))


class FieldOfViewd(MapTransform):
    """Add the field of view of a picture, and the region that it is scored in.

    Args:
        keys: key of the picture, ``(C, W, H)``.
        kind: ``"fundus"`` finds the lit disc with :func:`field_of_view`; ``"whole"`` takes the whole picture.
        fov_key: key for the field of view, ``(1, W, H)`` float32 of 0 and 1.
        region_key: key for the scored region: left alone where the data set brings one, else the field of view.

    Raises:
        ValueError: for another ``kind``.
    """

    def __init__(
        self, keys: KeysCollection, kind: str = "fundus", fov_key: str = "fov", region_key: str = "region"
    ) -> None:
        super().__init__(keys)
        if kind not in ("fundus", "whole"):
            raise ValueError(f"expected kind 'fundus' or 'whole', got {kind!r}")
        self.kind = kind
        self.fov_key = fov_key
        self.region_key = region_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            image = items[key]
            array = np.asarray(image)
            found = field_of_view(array) if self.kind == "fundus" else np.ones(array.shape[1:], dtype=bool)
            meta = image.meta if isinstance(image, MetaTensor) else None
            items[self.fov_key] = MetaTensor(torch.from_numpy(found[None].astype(np.float32)), meta=meta)
            items.setdefault(self.region_key, items[self.fov_key].clone())
        return items


class NormalizeInRegiond(MapTransform):
    """Bring each channel to zero mean and unit deviation within a region, and set it to zero outside.

    Args:
        keys: keys of the pictures, ``(C, W, H)``.
        region_key: key of the region, ``(1, W, H)``.
    """

    def __init__(self, keys: KeysCollection, region_key: str = "fov") -> None:
        super().__init__(keys)
        self.region_key = region_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            image = convert_to_tensor(items[key], dtype=torch.float32, track_meta=True)
            region = convert_to_tensor(items[self.region_key], track_meta=False) > 0
            inside = image[:, region[0]]
            mean, deviation = inside.mean(dim=1), inside.std(dim=1, correction=0)
            normalized = (image - mean[:, None, None]) / deviation.clamp_min(1e-6)[:, None, None]
            items[key] = normalized * region
        return items
