# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Field of view and intensity normalisation."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from litemed.notices import Notice
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_tensor

from mininet.field_of_view import field_of_view, has_fundus_colours

__all__ = ["FieldOfViewd", "NormalizeInRegiond", "RandUnevenLightd"]


class FieldOfViewd(MapTransform):
    """Add the field of view of a picture, and the region that it is scored in.

    A picture whose colours aren't those of a fundus photograph, such as one of an eye from outside, gets a notice.

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
            meta = image.meta if isinstance(image, MetaTensor) else None
            if self.kind == "fundus":
                found = field_of_view(array)
                if not has_fundus_colours(array, found):
                    name = Path(meta["filename_or_obj"]).name if meta and "filename_or_obj" in meta else "a picture"
                    told = f"{name} hasn't the colours of a fundus photograph: what is marked may be no vessels"
                    warnings.warn(told, Notice, stacklevel=2)
            else:
                found = np.ones(array.shape[1:], dtype=bool)
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


class RandUnevenLightd(RandomizableTransform, MapTransform):
    """Add a smooth brightness, a random polynomial of second degree, to all channels of normalised pictures.

    A photograph's illumination multiplies it; with contrast brought to unit deviation it comes close to a sum.

    Args:
        keys: keys of the pictures, ``(C, W, H)``.
        prob: share of the pictures that are changed.
        strength: deviation of each coefficient, on coordinates of -1 to 1 across the picture.
    """

    def __init__(self, keys: KeysCollection, prob: float = 0.5, strength: float = 0.4) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.strength = strength
        self.coefficients = np.zeros(5)

    def randomize(self, data: Any = None) -> None:
        """Draw whether to change a picture, and the coefficients."""
        super().randomize(data)
        self.coefficients = self.R.normal(scale=self.strength, size=5)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        self.randomize()
        if not self._do_transform:
            return items
        for key in self.key_iterator(items):
            image = convert_to_tensor(items[key], dtype=torch.float32, track_meta=True)
            x, y = (torch.linspace(-1, 1, side) for side in image.shape[-2:])
            x, y = x[:, None], y[None, :]
            terms = (x + 0 * y, y + 0 * x, x * y, x**2 - 1 / 3 + 0 * y, y**2 - 1 / 3 + 0 * x)
            light = sum(float(weight) * term for weight, term in zip(self.coefficients, terms, strict=True))
            items[key] = image + light
        return items
