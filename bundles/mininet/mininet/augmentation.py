# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What other microscopes, stains, cameras and dermoscopes do to a picture, for training."""

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

__all__ = ["RandCamerad", "RandObstructionsd", "RandStaind"]


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
                items[key] = self._result(items[key], self._changed(picture / limit, items).clip(0, 1) * limit)
        return items

    def _result(self, before: Any, values: np.ndarray) -> Any:
        result = torch.as_tensor(values, dtype=torch.float32)
        return before.__class__(result, meta=before.meta) if hasattr(before, "meta") else result

    def _changed(self, picture: np.ndarray, items: dict[Hashable, Any]) -> np.ndarray:
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

    def _changed(self, picture: np.ndarray, items: dict[Hashable, Any]) -> np.ndarray:
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

    def _changed(self, picture: np.ndarray, items: dict[Hashable, Any]) -> np.ndarray:
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


class RandObstructionsd(_RandPictured):
    """Put before a picture of skin what dermoscopes and photographers do: corners, stickers, rulers, ink, hairs, glare.

    Each comes with its own probability. A sticker or corners that would hide more than a tenth of the lesion are left
    out; what they hide of the lesion is taken from the label. All of it is drawn, not taken from photographs.

    Args:
        keys: keys of the pictures ``(3, W, H)``, values from 0.
        label_key: key of the lesion's mask, ``(1, W, H)``.
        prob: share of the pictures that are changed.
    """

    def __init__(self, keys: KeysCollection, label_key: str = "label", prob: float = 0.6) -> None:
        super().__init__(keys, prob)
        self.label_key = label_key

    def _changed(self, picture: np.ndarray, items: dict[Hashable, Any]) -> np.ndarray:
        label = items[self.label_key]
        width, height = picture.shape[1:]
        x, y = np.mgrid[:width, :height].astype(np.float32)
        side = max(width, height)
        covered = np.zeros((width, height), dtype=bool)
        lesion = np.asarray(label)[0] > 0

        def free(mask: np.ndarray) -> bool:
            return bool((mask & lesion).sum() <= 0.1 * lesion.sum())

        if self._often(0.5):  # hairs
            for _ in range(self.R.randint(1, 16)):
                picture = self._line(picture, x, y, side, self.R.uniform(0, 0.5), self.R.uniform(0, 0.3, 3))
        if self._often(0.2):  # ruler: short ticks along a line
            picture = self._ruler(picture, x, y, side)
        if self._often(0.2):  # ink
            ink = np.array((0.35, 0.2, 0.55)) + self.R.normal(0, 0.08, 3)
            for _ in range(self.R.randint(1, 4)):
                picture = self._line(picture, x, y, side, self.R.uniform(1, 2.5), ink, length=(0.1, 0.35))
        if self._often(0.2):  # a sticker that reaches in from outside
            angle, reach = self.R.uniform(0, 2 * np.pi), self.R.uniform(0.12, 0.35)
            from_middle = self.R.uniform(0.45, 0.65)
            row, column = (
                width / 2 + from_middle * width * np.cos(angle),
                height / 2 + from_middle * height * np.sin(angle),
            )
            distance = np.hypot(x - row, y - column) / side
            if free(distance < reach):
                colour = self.R.permutation((self.R.uniform(0, 0.3), self.R.uniform(0.2, 0.8), self.R.uniform(0.7, 1)))
                picture = np.where(distance < reach, colour[:, None, None], picture)
                covered |= distance < reach
                if self._often(0.4):
                    hole = distance < 0.6 * reach
                    picture = np.where(hole, self.R.uniform(0.2, 1, 3)[:, None, None], picture)
        if self._often(0.25):  # glare
            for _ in range(self.R.randint(1, 4)):
                place = self.R.uniform(0, 1, 2) * (width, height)
                spot = np.exp(
                    -0.5 * (((x - place[0]) ** 2 + (y - place[1]) ** 2) / (self.R.uniform(0.01, 0.05) * side) ** 2)
                )
                picture = picture + (1.3 - picture) * np.minimum(1, self.R.uniform(0.6, 1.6) * spot)
        if self._often(0.35):  # the dermoscope's round field
            row, column = width * self.R.uniform(0.42, 0.58), height * self.R.uniform(0.42, 0.58)
            radius = np.hypot((x - row) / width, (y - column) / height)
            edge = self.R.uniform(0.42, 0.66)
            light = ((edge - radius) / self.R.uniform(0.005, 0.12) + 1).clip(0, 1)
            if free(light < 0.5):
                picture = picture * light + (1 - light) * self.R.uniform(0, 0.08)
                covered |= light < 0.5
        kept = np.where(covered[None], 0, np.asarray(label)).astype(np.float32)
        items[self.label_key] = self._result(label, kept)
        return picture

    def _line(
        self,
        picture: np.ndarray,
        x: np.ndarray,
        y: np.ndarray,
        side: int,
        thickness: float,
        colour: np.ndarray,
        length: tuple[float, float] = (0.15, 0.8),
    ) -> np.ndarray:
        """A bent stroke of half a thickness in pixels, its length a share of the longer side."""
        turn, half = self.R.uniform(0, np.pi), self.R.uniform(*length) * side / 2
        a, b = x - self.R.uniform(0, x.shape[0]), y - self.R.uniform(0, x.shape[1])
        along, across = a * np.cos(turn) + b * np.sin(turn), b * np.cos(turn) - a * np.sin(turn)
        distance = np.abs(across - self.R.normal(0, 1.2 / side) * along**2)
        opacity = (thickness + 0.5 - distance).clip(0, 1) * (np.abs(along) < half) * self.R.uniform(0.5, 1)
        return picture * (1 - opacity) + colour[:, None, None] * opacity

    def _ruler(self, picture: np.ndarray, x: np.ndarray, y: np.ndarray, side: int) -> np.ndarray:
        turn, shift = self.R.uniform(0, np.pi), self.R.uniform(0.2, 0.5) * side * self.R.choice((-1, 1))
        a, b = x - x.shape[0] / 2, y - x.shape[1] / 2
        along, across = a * np.cos(turn) + b * np.sin(turn), b * np.cos(turn) - a * np.sin(turn) - shift
        step, reach = self.R.uniform(0.025, 0.08) * side, self.R.uniform(0.02, 0.06) * side
        ticks = (np.abs((along + step / 2) % step - step / 2) < self.R.uniform(0.5, 0.9)) & (np.abs(across) < reach)
        ticks |= (np.abs(across) < 0.7) & self._often(0.5)
        opacity = ticks * self.R.uniform(0.4, 1)
        return picture * (1 - opacity) + self.R.uniform(0, 0.25) * opacity
