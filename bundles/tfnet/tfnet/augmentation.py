# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What the ring detector learns from: its target for a frame, and windows of the frame at random."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, RandomizableTransform
from torch.nn import functional as F

from tfnet.detector import RINGS, encode_rings
from tfnet.resizing import stretch

__all__ = ["RandWindowd", "RingTargetd"]

_TRIES = 5


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
    """Take a window of the frame at random, mirrored in half of the cases, and scale it to the network's size.

    A window holds the whole outside box, whose share of it is drawn first: rings are then seen small and large, and
    anywhere, whatever devices there are to learn from. What lies beyond the frame is black. Now and then the window
    lies beside the rings, if there is room, and shows none.

    Args:
        keys: key of the frame, ``(C, W, H)``, of any floating type: half precision saves memory where it is cached.
        spatial_size: width and height of what it becomes.
        target_key: key of its target, as of :class:`RingTargetd`.
        prob: share of the frames that are changed; the others are only scaled.
        shares: least and largest larger side of the outside box, relative to the window's.
        sides: least and largest side of a window, relative to the frame's.
        beside: share of the changed windows that are looked for beside the rings.
    """

    def __init__(
        self,
        keys: KeysCollection,
        spatial_size: Sequence[int],
        target_key: str = "label",
        prob: float = 0.8,
        shares: tuple[float, float] = (0.12, 0.95),
        sides: tuple[float, float] = (0.25, 1.8),
        beside: float = 0.06,
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.spatial_size = tuple(spatial_size)
        self.target_key = target_key
        self.shares = shares
        self.sides = sides
        self.beside = beside
        self._window = (0.0, 0.0, 1.0)
        self._mirror = False
        self._is_bare = False

    def randomize(self, target: torch.Tensor) -> None:
        """Draw a window for a target: its left and top edge and its side, as shares of the frame's."""
        super().randomize(None)
        low, high = [0.5, 0.5], [0.5, 0.5]
        is_shown = bool(target[0] > 0)
        if is_shown:
            x, y, width, height = target[-4:].tolist()
            low, high = [x - width / 2, y - height / 2], [x + width / 2, y + height / 2]
        self._mirror = bool(self.R.random() < 0.5)
        self._is_bare = not is_shown
        if is_shown and self.R.random() < self.beside:
            for _ in range(_TRIES):
                side = self.R.uniform(self.sides[0], 0.7)
                left, top = (self.R.uniform(0, 1 - side) for _ in range(2))
                if left > high[0] or top > high[1] or left + side < low[0] or top + side < low[1]:
                    self._window, self._is_bare = (left, top, side), True
                    return
        largest = max(high[0] - low[0], high[1] - low[1])
        side = largest / self._log_uniform(*self.shares) if is_shown else self._log_uniform(*self.sides)
        side = max(min(max(side, self.sides[0]), self.sides[1]), largest)
        # within the frame as far as it goes there, and around the rings
        starts = [
            self.R.uniform(max(end - side, min(0, 1 - side)), max(min(start, max(0, 1 - side)), end - side))
            for start, end in zip(low, high, strict=True)
        ]
        self._window = (starts[0], starts[1], side)

    def _log_uniform(self, low: float, high: float) -> float:
        return float(low * (high / low) ** self.R.random())

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        target = items[self.target_key].clone()
        self.randomize(target)
        left, top, side = self._window if self._do_transform else (0.0, 0.0, 1.0)
        for key in self.key_iterator(items):
            frame = items[key]
            plain = torch.as_tensor(frame).as_subclass(torch.Tensor)
            # whole pixels, from which the target is counted
            corner = [round(start * length) for start, length in zip((left, top), plain.shape[1:], strict=True)]
            sizes = [max(1, round(side * length)) for length in plain.shape[1:]]
            taken = stretch(_cut(plain, corner, sizes)[None].float(), self.spatial_size)[0]
            if self._do_transform:
                target = self._seen(target, corner, sizes, plain.shape[1:])
                taken = taken.flip(1) if self._mirror else taken
            items[key] = MetaTensor(taken, meta=frame.meta) if isinstance(frame, MetaTensor) else taken
        items[self.target_key] = target
        return items

    def _seen(
        self, target: torch.Tensor, corner: Sequence[int], sizes: Sequence[int], lengths: Sequence[int]
    ) -> torch.Tensor:
        """The target of a frame for a window of it."""
        if self._is_bare:
            return torch.zeros_like(target)
        boxes = target[1:].view(len(RINGS), 2, 2) * target.new_tensor(lengths)
        boxes[:, 0] -= target.new_tensor(corner)
        boxes /= target.new_tensor(sizes)
        if self._mirror:
            boxes[:, 0, 0] = 1 - boxes[:, 0, 0]
        return torch.cat([target[:1], boxes.flatten()])


def _cut(picture: torch.Tensor, corner: Sequence[int], sizes: Sequence[int]) -> torch.Tensor:
    """Part of a picture ``(C, W, H)`` from a corner on; black where it lies beyond."""
    ends = [start + size for start, size in zip(corner, sizes, strict=True)]
    kept = picture[:, max(corner[0], 0) : max(ends[0], 0), max(corner[1], 0) : max(ends[1], 0)]
    before = [max(-start, 0) for start in corner]
    after = [max(end - length, 0) for end, length in zip(ends, picture.shape[1:], strict=True)]
    return F.pad(kept, (before[1], after[1], before[0], after[0]))
