# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What the ring detector learns from: its target for a frame, and windows of the frame at random."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, RandomizableTransform
from torch.nn import functional as F

from tfnet.detector import RINGS, encode_rings

__all__ = ["RandWindowd", "RingTargetd"]


class RingTargetd(MapTransform):
    """Add the 13 numbers that :class:`tfnet.RingDetector` is to give, from a frame and its boxes.

    Args:
        keys: key of the frame at its own size, ``(C, W, H)``.
        boxes_key: key of the boxes in pixels, or of None; it is removed.
        target_key: key for the target.
    """

    def __init__(self, keys: KeysCollection, boxes_key: str = "boxes", target_key: str = "label") -> None:
        super().__init__(keys)
        self.boxes_key = boxes_key
        self.target_key = target_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        boxes = items.pop(self.boxes_key)
        for key in self.key_iterator(items):
            items[self.target_key] = encode_rings(boxes, items[key].shape[1:])
        return items


class RandWindowd(RandomizableTransform, MapTransform):
    """Take a window of the frame at random, mirrored in half of the cases, at the frame's own size.

    A window holds the whole outside box. Rings then stand anywhere, and in more than one size, however well the camera
    was centred.

    Args:
        keys: key of the frame, ``(C, W, H)``.
        target_key: key of its target, as of :class:`RingTargetd`.
        prob: share of the frames that are changed.
        smallest: least side of a window, as a share of the frame's.
    """

    def __init__(
        self, keys: KeysCollection, target_key: str = "label", prob: float = 0.8, smallest: float = 0.7
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.target_key = target_key
        self.smallest = smallest
        self._window = (0.0, 0.0, 1.0)
        self._mirror = False

    def randomize(self, target: torch.Tensor) -> None:
        """Draw a window that holds the outside box of a target."""
        super().randomize(None)
        low, high = [0.5, 0.5], [0.5, 0.5]
        if target[0] > 0:
            x, y, width, height = target[-4:].tolist()
            low = [max(x - width / 2, 0), max(y - height / 2, 0)]
            high = [min(x + width / 2, 1), min(y + height / 2, 1)]
        least = max(self.smallest, high[0] - low[0], high[1] - low[1])
        side = self.R.uniform(least, 1) if least < 1 else 1.0
        starts = [
            self.R.uniform(max(end - side, 0), max(min(start, 1 - side), end - side, 0))
            for start, end in zip(low, high, strict=True)
        ]
        self._window = (starts[0], starts[1], side)
        self._mirror = bool(self.R.random() < 0.5)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        target = items[self.target_key].clone()
        self.randomize(target)
        if not self._do_transform:
            return items
        left, top, side = self._window
        if target[0] > 0:
            boxes = target[1:].view(len(RINGS), 4)
            boxes[:, 0] -= left
            boxes[:, 1] -= top
            boxes /= side
            if self._mirror:
                boxes[:, 0] = 1 - boxes[:, 0]
        items[self.target_key] = target
        # grid_sample counts from -1 to 1, and the last axis first
        across = -side if self._mirror else side
        place = torch.tensor([[[side, 0, 2 * top + side - 1], [0, across, 2 * left + side - 1]]])
        for key in self.key_iterator(items):
            frame = items[key]
            plain = torch.as_tensor(frame)[None].as_subclass(torch.Tensor)
            grid = F.affine_grid(place.to(plain), list(plain.shape), align_corners=False)
            taken = F.grid_sample(plain, grid, mode="bilinear", padding_mode="border", align_corners=False)[0]
            items[key] = MetaTensor(taken, meta=frame.meta) if isinstance(frame, MetaTensor) else taken
        return items
