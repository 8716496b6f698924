# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""One object of a labelled picture as a training sample."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.transforms import RandomizableTransform
from monai.utils import ensure_tuple

from litemed.images.boxes import mask_boxes
from litemed.transforms.longest_side import LongestSide, resize_area

__all__ = ["RandObjectd"]


class RandObjectd(RandomizableTransform):
    """Make a training sample of a picture: one of its objects at random, in a box that is a little too large.

    As upstream and in the papers: one label a sample, its box grown by 0 to 5 pixels of the 256x256 square on each
    side, each side on its own. Flips come before, since inference pads on the right and below alone. A label that is
    lost when the picture is made smaller keeps the pixels that it covers most.

    It takes ``image`` ``(3, W, H)`` and ``label`` ``(1, W, H)`` and gives, rows first as the networks see them,

    - ``image``: ``(4, 256, 256)`` float32, the picture as `LongestSide.prepare` has it, and the box, 1 inside.
    - ``label``: ``(1, 256, 256)`` float32, 1 on the object.

    Args:
        grow: most pixels that a side of the box moves outwards.
        keep: further keys to keep.
    """

    def __init__(self, grow: int = 5, keep: str | Sequence[str] = ()) -> None:
        super().__init__()
        if grow < 0:
            raise ValueError(f"expected grow from 0 pixels, got {grow}")
        self.grow = grow
        self.keep = ensure_tuple(keep)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        image = np.asarray(items["image"]).transpose(2, 1, 0)
        labels = np.asarray(items["label"])[0].T
        present = np.unique(labels[labels > 0])
        if not len(present):
            raise ValueError(f"{items['image'].meta['filename_or_obj']}: no object to prompt for")
        chosen = present[self.R.randint(len(present))]
        geometry = LongestSide(*labels.shape)
        height, width = geometry.resized
        cover = resize_area((labels == chosen).astype(np.float32), (height, width))
        mask = cover >= min(0.5, float(cover.max()))
        x0, y0, x1, y1 = mask_boxes(mask.astype(np.uint8))[0][0].astype(int)
        left, top, right, bottom = self.R.randint(self.grow + 1, size=4)
        square = np.zeros((2, geometry.size, geometry.size), dtype=np.float32)
        square[0, max(y0 - top, 0) : min(y1 + bottom + 1, height), max(x0 - left, 0) : min(x1 + right + 1, width)] = 1
        square[1, :height, :width] = mask
        prompt, label = torch.from_numpy(square).split(1)
        kept = {key: items[key] for key in self.keep}
        return {**kept, "image": torch.cat([geometry.prepare(image), prompt]), "label": label}
