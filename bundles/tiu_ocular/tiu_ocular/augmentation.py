# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Augmentation against a change of camera, light and framing: what differs between one clinic's eyes and another's."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_tensor, ensure_tuple
from torch.nn import functional as F

__all__ = ["RandFramingd", "RandPhotometryd"]


class RandFramingd(RandomizableTransform, MapTransform):
    """Show the eye closer or farther, turned, shifted and mirrored, in one interpolation.

    Proportions are kept. Edges of pictures are repeated where the frame reaches beyond them; there, labels are
    background.

    Args:
        keys: keys of the pictures ``(C, W, H)``.
        label_keys: keys of the label maps ``(1, W, H)`` of the same size; those that an item lacks are skipped.
        prob: probability of a change of frame; that of a mirror image is one half in any case.
        zoom: smallest and largest magnification, drawn evenly in its logarithm.
        rotation: largest turn either way, in degrees.
        shift: largest shift along each axis, as a share of its side.

    Raises:
        ValueError: when ``zoom`` isn't two rising positive numbers.
    """

    def __init__(
        self,
        keys: KeysCollection,
        label_keys: KeysCollection = "label",
        prob: float = 0.9,
        zoom: tuple[float, float] = (0.5, 1.6),
        rotation: float = 30.0,
        shift: float = 0.2,
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        if not 0 < zoom[0] <= zoom[1]:
            raise ValueError(f"expected zoom as two rising positive numbers, got {tuple(zoom)}")
        self.label_keys = ensure_tuple(label_keys)
        self.zoom = (float(zoom[0]), float(zoom[1]))
        self.rotation = rotation
        self.shift = shift
        self._mirrored = False
        self._draw = (1.0, 0.0, 0.0, 0.0)

    def randomize(self, data: Any = None) -> None:
        """Draw the mirroring, and magnification, angle and shifts."""
        super().randomize(None)
        self._mirrored = bool(self.R.rand() < 0.5)
        self._draw = (
            math.exp(self.R.uniform(math.log(self.zoom[0]), math.log(self.zoom[1]))),
            math.radians(self.R.uniform(-self.rotation, self.rotation)),
            self.R.uniform(-self.shift, self.shift),
            self.R.uniform(-self.shift, self.shift),
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        self.randomize()
        for key in self.key_iterator(items):
            picture = convert_to_tensor(items[key], dtype=torch.float32, track_meta=False)
            items[key] = self._apply(picture, "bilinear", "border")
        for key in items.keys() & set(self.label_keys):
            labels = convert_to_tensor(items[key], dtype=torch.float32, track_meta=False)
            items[key] = self._apply(labels, "nearest", "zeros")
        return items

    def _apply(self, picture: torch.Tensor, mode: str, padding: str) -> torch.Tensor:
        if self._mirrored:
            picture = picture.flip(-2)
        if not self._do_transform:
            return picture
        width, height = picture.shape[-2:]
        zoom, angle, along_width, along_height = self._draw
        cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
        # grid_sample counts the last axis first, and each axis from -1 to 1
        matrix = torch.tensor(
            [[cos, -sin * width / height, 2 * along_height], [sin * height / width, cos, 2 * along_width]]
        )
        grid = F.affine_grid(matrix[None], [1, 1, width, height], align_corners=False)
        return F.grid_sample(picture[None], grid, mode=mode, padding_mode=padding, align_corners=False)[0]


class RandPhotometryd(RandomizableTransform, MapTransform):
    """Change light, colour, exposure, sharpness and noise as other cameras and rooms do.

    In this order, each with its own probability of one half: saturation down to grey or up by a third; a colour cast;
    a spot of light that leaves the rest dim; exposure, with burnt-out highlights; gamma; blur; noise. A picture keeps
    its range: black stays 0 and the brightest value it had stays the upper limit.

    Args:
        keys: keys of the pictures ``(3, W, H)``, values from 0.
        prob: probability that a picture is changed at all.
        strength: 0 changes nothing; 1 is the full range.

    Raises:
        ValueError: when ``strength`` is negative.
    """

    def __init__(self, keys: KeysCollection, prob: float = 0.9, strength: float = 1.0) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        if strength < 0:
            raise ValueError(f"expected a strength of at least 0, got {strength}")
        self.strength = strength

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        self.randomize(None)
        if not self._do_transform or not self.strength:
            return items
        for key in self.key_iterator(items):
            picture = convert_to_tensor(items[key], dtype=torch.float32, track_meta=False)
            limit = picture.amax().clamp_min(1e-6)
            items[key] = self._change((picture / limit).clamp(0, 1)) * limit
        return items

    def _often(self) -> bool:
        return bool(self.R.rand() < 0.5)

    def _change(self, picture: torch.Tensor) -> torch.Tensor:
        """Values in [0, 1]."""
        full = self.strength
        if self._often():
            grey = picture.mean(0, keepdim=True)
            picture = grey + max(0.0, 1 + full * self.R.uniform(-1, 0.35)) * (picture - grey)
        if self._often():
            picture = picture * torch.tensor(self.R.normal(0, 0.25 * full, 3)).float().exp()[:, None, None]
        if self._often():
            picture = picture * self._spot(picture)
        if self._often():
            picture = picture * math.exp(full * self.R.uniform(-0.8, 0.6))
        picture = picture.clamp(0, 1)
        if self._often():
            picture = picture ** math.exp(full * self.R.uniform(-0.6, 0.6))
        if self._often():
            picture = _blur(picture, full * self.R.uniform(0.2, 0.008 * picture.shape[-2]))
        if self._often():
            seed = int(self.R.randint(2**31))
            noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed))
            picture = picture + full * self.R.uniform(0, 0.08) * noise
        return picture.clamp(0, 1)

    def _spot(self, picture: torch.Tensor) -> torch.Tensor:
        """Light that falls off from a random point to a random share, (1, W, H)."""
        rest = 1 - min(1.0, self.strength) * self.R.uniform(0.3, 0.9)
        reach = self.R.uniform(0.25, 0.7)
        x, y = (torch.linspace(0, 1, side) - self.R.uniform(0.1, 0.9) for side in picture.shape[-2:])
        aspect = picture.shape[-1] / picture.shape[-2]
        square = x[:, None] ** 2 + (aspect * y[None]) ** 2
        return rest + (1 - rest) * torch.exp(-square / (2 * reach**2))[None]


def _blur(picture: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur of (C, W, H), edges repeated."""
    reach = max(1, math.ceil(2.5 * sigma))
    line = torch.exp(-(torch.arange(-reach, reach + 1) ** 2) / (2 * max(sigma, 1e-3) ** 2))
    line = line / line.sum()
    reach_w, reach_h = (min(reach, side - 1) for side in picture.shape[-2:])
    padded = F.pad(picture[:, None], (reach_h, reach_h, reach_w, reach_w), mode="replicate")
    across = line[reach - reach_w : reach + reach_w + 1]
    along = line[reach - reach_h : reach + reach_h + 1]
    return F.conv2d(F.conv2d(padded, across.view(1, 1, -1, 1)), along.view(1, 1, 1, -1))[:, 0]
