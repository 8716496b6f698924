# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Augmentation against a change of camera, light and framing: what differs between one clinic's eyes and another's."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_tensor, ensure_tuple
from torch.nn import functional as F

from tiu_ocular.framing import check_frame

__all__ = ["RandFramingd", "RandPhotometryd"]


class RandFramingd(RandomizableTransform, MapTransform):
    """Show the eye closer or farther, turned, shifted and mirrored, in a frame of one size, by one interpolation.

    A share of the pictures shows the eye as the second look of :class:`tiu_ocular.FrameInferer` does: centred, and
    filling the frame. Proportions are kept. Edges of pictures are repeated where the frame reaches beyond them; there,
    labels are background.

    Args:
        keys: keys of the pictures ``(C, W, H)``.
        size: width and height of the frame, in pixels; None keeps the picture's own.
        label_keys: keys of the label maps ``(1, W, H)`` of the same size; those that an item lacks are skipped.
        prob: probability of a change of frame; that of a mirror image is one half in any case.
        zoom: smallest and largest magnification, drawn evenly in its logarithm; 1 fits the picture into the frame.
        rotation: largest turn either way, in degrees.
        shift: largest shift along each axis, as a share of the frame's side.
        close: share of the changed pictures that show the eye close; needs a label map with something in it.
        filling: smallest and largest share of the frame that an eye shown close takes, along the axis that it fills
            more.

    Raises:
        ValueError: when ``zoom`` or ``filling`` isn't two rising positive numbers, or ``close`` is no share.
    """

    def __init__(
        self,
        keys: KeysCollection,
        size: Sequence[int] | None = None,
        label_keys: KeysCollection = "label",
        prob: float = 0.9,
        zoom: tuple[float, float] = (0.5, 1.6),
        rotation: float = 30.0,
        shift: float = 0.2,
        close: float = 0.0,
        filling: tuple[float, float] = (0.5, 1.0),
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        for name, ends in (("zoom", zoom), ("filling", filling)):
            if not 0 < ends[0] <= ends[1]:
                raise ValueError(f"expected {name} as two rising positive numbers, got {tuple(ends)}")
        if not 0 <= close <= 1:
            raise ValueError(f"expected close between 0 and 1, got {close}")
        self.size = None if size is None else check_frame(size)
        self.label_keys = ensure_tuple(label_keys)
        self.zoom = (float(zoom[0]), float(zoom[1]))
        self.rotation = rotation
        self.shift = shift
        self.close = close
        self.filling = (float(filling[0]), float(filling[1]))
        self._mirrored = self._close = False
        self._zoom, self._angle, self._filling = 1.0, 0.0, 1.0
        self._shift = (0.0, 0.0)

    def randomize(self, data: Any = None) -> None:
        """Draw the mirroring, and magnification, angle and shifts."""
        super().randomize(None)
        self._mirrored = bool(self.R.rand() < 0.5)
        self._close = bool(self.R.rand() < self.close)
        self._zoom = math.exp(self.R.uniform(math.log(self.zoom[0]), math.log(self.zoom[1])))
        self._filling = self.R.uniform(*self.filling)
        self._angle = math.radians(self.R.uniform(-self.rotation, self.rotation))
        self._shift = (self.R.uniform(-self.shift, self.shift), self.R.uniform(-self.shift, self.shift))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        self.randomize()
        labels = {key: _plain(items[key]) for key in sorted(items.keys() & set(self.label_keys), key=str)}
        for key in self.key_iterator(items):
            picture = _plain(items[key])
            eye = _extent(next(iter(labels.values()))) if self._close and labels else None
            items[key] = self._apply(picture, eye, "bilinear", "border")
        for key, label in labels.items():
            items[key] = self._apply(label, _extent(label) if self._close else None, "nearest", "zeros")
        return items

    def _apply(self, picture: torch.Tensor, eye: _Extent | None, mode: str, padding: str) -> torch.Tensor:
        sides = (picture.shape[-2], picture.shape[-1])
        frame = self.size or sides
        factor, angle = min(frame[0] / sides[0], frame[1] / sides[1]), 0.0
        centre = [side / 2 for side in sides]
        if self._do_transform:
            angle = self._angle
            room: list[float] = list(frame)
            if eye is None:
                factor *= self._zoom
            else:
                factor = self._filling * min(f / extent for f, extent in zip(frame, eye.sides, strict=True))
                centre = list(eye.centre)
                room = [side * (1 - self._filling) for side in frame]
            centre = [c - s * r / factor for c, s, r in zip(centre, self._shift, room, strict=True)]
        if mode == "bilinear" and factor < 1:  # one that is much smaller needs the mean of the pixels, not every other
            step = math.floor(1 / factor)
            picture = F.interpolate(picture[None], tuple(max(1, side // step) for side in sides), mode="area")[0]
        grid = F.affine_grid(_matrix(sides, frame, centre, factor, angle), [1, 1, *frame], align_corners=False)
        framed = F.grid_sample(picture[None], grid, mode=mode, padding_mode=padding, align_corners=False)[0]
        return framed.flip(-2) if self._mirrored else framed


class _Extent(NamedTuple):
    """Where the labels of a map lie, in pixels of width and height."""

    centre: tuple[float, float]
    sides: tuple[float, float]


def _extent(labels: torch.Tensor) -> _Extent | None:
    """Of all labels of a map (1, W, H); None where it is empty."""
    found = [torch.nonzero(labels[0].any(axis)).flatten().tolist() for axis in (1, 0)]
    if not found[0]:
        return None
    (left, right), (top, bottom) = ((places[0], places[-1] + 1) for places in found)
    return _Extent(((left + right) / 2, (top + bottom) / 2), (right - left, bottom - top))


def _plain(value: Any) -> torch.Tensor:
    return convert_to_tensor(value, dtype=torch.float32, track_meta=False)


def _matrix(
    sides: Sequence[int], frame: Sequence[int], centre: Sequence[float], factor: float, angle: float
) -> torch.Tensor:
    """Matrix (1, 2, 3) for ``affine_grid``: where in the picture each point of the frame comes from.

    The frame's middle shows the picture's ``centre``, in pixels, magnified by ``factor`` and turned by ``angle``.
    """
    cos, sin = math.cos(angle) / factor, math.sin(angle) / factor
    (width, height), (across, along) = sides, frame
    # grid_sample counts the last axis first, and each axis from -1 to 1
    return torch.tensor(
        [
            [
                [cos * along / height, -sin * across / height, 2 * centre[1] / height - 1],
                [sin * along / width, cos * across / width, 2 * centre[0] / width - 1],
            ]
        ]
    )


class RandPhotometryd(RandomizableTransform, MapTransform):
    """Change light, colour, exposure, sharpness and noise as other cameras and rooms do.

    In this order, each with its own probability of one half: saturation down to grey or up by a third; a colour cast;
    a spot of light that leaves the rest dim; exposure, with burnt-out highlights; gamma; blur; noise. With a
    probability of one quarter each: a random mixture of colours and of neighbouring pixels (random convolution, Xu et
    al. 2021), a tone curve for each colour, halos at edges, and the loss of detail of a picture made small. A picture
    keeps its range: black stays 0 and the brightest value it had stays the upper limit.

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

    def _often(self, share: float = 0.5) -> bool:
        return bool(self.R.rand() < share)

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
        if self._often(0.25):
            picture = self._mixed(picture)
        if self._often(0.25):
            picture = self._toned(picture)
        if self._often(0.25):
            sigma = self.R.uniform(0.5, 0.05 * picture.shape[-2])
            picture = (picture + full * self.R.uniform(0.2, 1.5) * (picture - _blur(picture, sigma))).clamp(0, 1)
        if self._often(0.25):
            sides = picture.shape[-2:]
            factor = 1 + full * self.R.uniform(0, 3)
            small = F.interpolate(picture[None], tuple(max(8, round(side / factor)) for side in sides), mode="area")
            picture = F.interpolate(small, sides, mode="bilinear")[0]
        if self._often():
            picture = _blur(picture, full * self.R.uniform(0.2, 0.008 * picture.shape[-2]))
        if self._often():
            seed = int(self.R.randint(2**31))
            noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed))
            picture = picture + full * self.R.uniform(0, 0.08) * noise
        return picture.clamp(0, 1)

    def _mixed(self, picture: torch.Tensor) -> torch.Tensor:
        """In part the picture after a random convolution, of one pixel or three, brought to the picture's range."""
        side = int(self.R.choice((1, 3)))
        weights = torch.from_numpy(self.R.normal(0, 1, (3, 3, side, side))).float() / (3 * side)
        mixed = F.conv2d(F.pad(picture[None], (side // 2,) * 4, mode="replicate"), weights)[0]
        low, high = mixed.amin((1, 2), keepdim=True), mixed.amax((1, 2), keepdim=True)
        share = min(1.0, self.strength) * self.R.uniform(0.1, 0.7)
        return (1 - share) * picture + share * (mixed - low) / (high - low).clamp_min(1e-6) * picture.amax()

    def _toned(self, picture: torch.Tensor) -> torch.Tensor:
        """Through a rising curve for each colour, of four random steps."""
        steps = np.cumsum(np.exp(self.R.normal(0, 0.6 * self.strength, (3, 4))), axis=1)
        knots = np.concatenate([np.zeros((3, 1)), steps / steps[:, -1:]], axis=1)
        places = np.linspace(0, 1, 5)
        curves = [np.interp(channel, places, curve) for channel, curve in zip(picture.numpy(), knots, strict=True)]
        return torch.from_numpy(np.stack(curves)).float()

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
