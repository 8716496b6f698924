# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures cut, scaled and valued as the networks take them; the same in training, inference and the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.transforms import MapTransform
from monai.utils import ensure_tuple
from torch.nn import functional as F

from tfnet.detector import ring_window

__all__ = ["FitPictured", "FixedSizeInferer", "RingWindowd", "StretchPictured", "UnitRanged", "placement", "stretch"]

_LUMA = (0.299, 0.587, 0.114)


def stretch(picture: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Bring pictures to a fixed size, whatever their aspect: bilinear, antialiased where they shrink.

    Args:
        picture: ``(B, C, first, second)``, floating point.
        size: of the two spatial axes.
    """
    if tuple(picture.shape[2:]) == tuple(size):
        return picture
    return F.interpolate(picture, size=tuple(size), mode="bilinear", align_corners=False, antialias=True)


def placement(width: int, height: int, size: Sequence[int]) -> tuple[int, int, int, int]:
    """Width, height, left and top, in pixels, of a frame in the middle of a canvas of ``size``, its aspect kept."""
    factor = min(size[0] / width, size[1] / height)
    inner = max(1, round(width * factor)), max(1, round(height * factor))
    return *inner, (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2


class FitPictured(MapTransform):
    """Scale frames, with their boxes, into one size between black bars: they keep their aspect, as the pipeline does.

    Args:
        keys: keys of the frames, ``(C, W, H)``.
        spatial_size: width and height.
        boxes_key: key of boxes in pixels, or of None.
    """

    def __init__(self, keys: KeysCollection, spatial_size: Sequence[int], boxes_key: str = "boxes") -> None:
        super().__init__(keys)
        self.spatial_size = tuple(spatial_size)
        self.boxes_key = boxes_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            picture = items[key]
            old = picture.shape[1:]
            width, height, left, top = placement(old[0], old[1], self.spatial_size)
            scaled = stretch(torch.as_tensor(picture)[None], (width, height))[0]
            rest = self.spatial_size[0] - width - left, self.spatial_size[1] - height - top
            fitted = F.pad(scaled.as_subclass(torch.Tensor), (top, rest[1], left, rest[0]))
            items[key] = MetaTensor(fitted, meta=picture.meta) if isinstance(picture, MetaTensor) else fitted
            if items[self.boxes_key] is not None:
                factors = torch.tensor([width / old[0], height / old[1]] * 2)
                corner = torch.tensor([left, top] * 2)
                items[self.boxes_key] = (torch.as_tensor(items[self.boxes_key]) * factors + corner).tolist()
        return items


class RingWindowd(MapTransform):
    """Cut the part of a frame in which it is classified, see :func:`ring_window`.

    Args:
        keys: key of the frame, ``(C, W, H)``.
        boxes_key: key of its inside, middle and outside box in pixels, or of None; it is removed.
    """

    def __init__(self, keys: KeysCollection, boxes_key: str = "boxes") -> None:
        super().__init__(keys)
        self.boxes_key = boxes_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        boxes = items.pop(self.boxes_key)
        for key in self.key_iterator(items):
            _, width, height = items[key].shape
            x0, y0, x1, y1 = ring_window(None if boxes is None else boxes[-1], width, height)
            items[key] = items[key][:, x0:x1, y0:y1]
        return items


class UnitRanged(MapTransform):
    """Bring stored values to 0 to 1: by 255, or by 65535 where a value is above 255.

    Args:
        keys: keys of the pictures, ``(C, W, H)``.
        grey: bring colours to their luma (ITU-R BT.601), as the pipeline reads films; the frame classifier and the ring
            detector take it.
    """

    def __init__(self, keys: KeysCollection, grey: bool = False) -> None:
        super().__init__(keys)
        self.grey = grey

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            picture = items[key]
            if self.grey and picture.shape[0] == len(_LUMA):
                picture = (picture * picture.new_tensor(_LUMA).view(-1, 1, 1)).sum(dim=0, keepdim=True)
            items[key] = picture / (65535 if picture.max() > 255 else 255)
        return items


class StretchPictured(MapTransform):
    """:func:`stretch` pictures, and masks, to one size for a batch.

    Args:
        keys: keys of the pictures, ``(C, W, H)``.
        spatial_size: width and height.
        mask_keys: those among the keys that hold masks: a pixel stays 1 where at least half of it was.
    """

    def __init__(self, keys: KeysCollection, spatial_size: Sequence[int], mask_keys: KeysCollection = ()) -> None:
        super().__init__(keys)
        self.spatial_size = tuple(spatial_size)
        self.mask_keys = ensure_tuple(mask_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            picture = stretch(torch.as_tensor(items[key])[None], self.spatial_size)[0]
            picture = (picture >= 0.5).to(picture.dtype) if key in self.mask_keys else picture
            meta = items[key].meta if isinstance(items[key], MetaTensor) else None
            items[key] = MetaTensor(torch.Tensor(picture), meta=meta)
        return items


class FixedSizeInferer(Inferer):
    """Run a network at one size over pictures of any size, and return logits of the picture's size.

    Args:
        spatial_size: width and height that the network works at.
    """

    def __init__(self, spatial_size: Sequence[int]) -> None:
        self.spatial_size = tuple(spatial_size)

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        logits = network(stretch(inputs, self.spatial_size), *args, **kwargs)
        size = inputs.shape[2:]
        # not antialiased: where a small crop was enlarged, the mask is sampled, not smoothed
        same = logits.shape[2:] == size
        return logits if same else F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
