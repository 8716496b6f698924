# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What other microscopes, stains and cameras do to a picture, for training."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from litemed.images.pictures import as_jpeg
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from scipy.ndimage import gaussian_filter

from mininet.kinds import picture_kind

__all__ = ["RandCamerad", "RandStaind"]


class _RandPictured(RandomizableTransform, MapTransform):
    """A random change of pictures ``(3, W, H)`` of values from 0, which keep the largest value that they had."""

    def __init__(self, keys: KeysCollection, prob: float) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        self.randomize(None)
        if self._do_transform:
            for key in self.key_iterator(items):
                picture = np.asarray(items[key], dtype=np.float32)
                limit = max(float(picture.max()), 1e-6)
                items[key] = self._result(items[key], self._changed(picture / limit).clip(0, 1) * limit)
        return items

    def _result(self, before: Any, values: np.ndarray) -> Any:
        result = torch.as_tensor(values, dtype=torch.float32)
        return before.__class__(result, meta=before.meta) if hasattr(before, "meta") else result

    def _changed(self, picture: np.ndarray) -> np.ndarray:
        """Values in [0, 1], before and after; the latter are clipped."""
        raise NotImplementedError

    def _often(self, share: float) -> bool:
        return bool(self.R.rand() < share)


class RandStaind(_RandPictured):
    """Show nuclei as another technique would.

    Fluorescence becomes transmitted light through a stain of a random colour (Beer and Lambert: light that falls
    exponentially with the dye, and a little unevenly), grey in one picture of three; or gets the colour of another dye.
    Stained pictures lose their colours, or have them mixed by a random matrix near the identity, which turns hue and
    saturation of both dyes. The technique is told by `mininet.kinds.picture_kind`.

    Args:
        keys: keys of the pictures ``(3, W, H)``, values from 0.
        prob: share of the pictures that are changed.
    """

    def __init__(self, keys: KeysCollection, prob: float = 0.4) -> None:
        super().__init__(keys, prob)

    def _changed(self, picture: np.ndarray) -> np.ndarray:
        grey = picture.mean(axis=0)
        if picture_kind(picture) != "fluorescence":
            if self._often(0.2):
                return np.repeat(grey[None], 3, axis=0)
            mixing = np.eye(3) + self.R.normal(0, 0.25, (3, 3))
            mixing /= mixing.sum(axis=1, keepdims=True).clip(0.3)
            return np.tensordot(mixing, picture, axes=1)
        if self._often(0.25):
            return grey[None] * self.R.uniform(0.1, 1, 3)[:, None, None]
        dark, bright = np.percentile(grey, (1, 99.8))
        dye = ((grey - dark) / max(bright - dark, 1e-6)).clip(0, 1.2) ** self.R.uniform(0.4, 1.1)
        colour = np.full(3, 0.7) if self._often(1 / 3) else self.R.uniform(0.2, 1, 3)
        ground = self.R.uniform(0.6, 1) * self.R.uniform(0.75, 1, 3)[:, None, None]
        blotches = gaussian_filter(self.R.normal(size=grey.shape), self.R.uniform(4, 16))
        dye = dye + self.R.uniform(0, 0.12) * blotches / max(float(blotches.std()), 1e-6)
        return ground * np.exp(-self.R.uniform(0.6, 2.5) * colour[:, None, None] * dye)


class RandCamerad(_RandPictured):
    """Change colour, exposure, sharpness, noise and compression as other cameras do.

    Each with its own probability: saturation (0.3 to 1.5 times), a colour cast, exposure, gamma, blur, noise, JPEG.

    Args:
        keys: keys of the pictures ``(3, W, H)``, values from 0.
        prob: share of the pictures that are changed.
    """

    def __init__(self, keys: KeysCollection, prob: float = 0.9) -> None:
        super().__init__(keys, prob)

    def _changed(self, picture: np.ndarray) -> np.ndarray:
        if self._often(0.4):
            grey = picture.mean(axis=0, keepdims=True)
            picture = grey + self.R.uniform(0.3, 1.5) * (picture - grey)
        if self._often(0.4):
            picture = picture * np.exp(self.R.normal(0, 0.15, 3))[:, None, None]
        if self._often(0.3):
            picture = picture * math.exp(self.R.uniform(-0.7, 0.3))
        if self._often(0.4):
            picture = picture.clip(0, 1) ** math.exp(self.R.uniform(-0.5, 0.5))
        if self._often(0.25):
            sigma = self.R.uniform(0.3, 1.5)
            picture = gaussian_filter(picture, (0, sigma, sigma))
        if self._often(0.25):
            picture = picture + self.R.uniform(0, 0.06) * self.R.normal(size=picture.shape)
        if self._often(0.25):
            pixels = (picture.clip(0, 1).transpose(1, 2, 0) * 255 + 0.5).astype(np.uint8)
            picture = as_jpeg(pixels, int(self.R.randint(30, 96))).transpose(2, 0, 1).astype(np.float32) / 255
        return picture
