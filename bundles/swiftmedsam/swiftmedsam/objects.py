# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Archives of the challenge as images, and one object of them as a training sample."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from litemed.boxes import mask_boxes
from litemed.datasets.challenge import read_challenge
from litemed.slices import NpzVolume
from litemed.transforms import LongestSide
from litemed.transforms.longest_side import resize_area
from monai.data import MetaTensor
from monai.transforms import RandomizableTransform, Transform

__all__ = ["LoadChallenged", "RandObjectd"]


class LoadChallenged(Transform):
    """Load an archive, or one slice of it: image, label, boxes and spacing.

    An item's ``image`` is the path; its ``slice``, where there is one of 0 or above, is the index of the slice to load.
    Then:

    - ``image``: ``(3, W, H)``, or ``(1 or 3, X, Y, Z)``, float32, x first as MONAI's readers have it.
    - ``label``: of the same axes with one channel, int32; labels are numbered anew from 1, in their order.
    - ``boxes``: of each label in that order: the archive's own where there are as many, else those of the labels.
    - ``spacing``: float64, in mm, in the order of the image's axes; 1 where the archive has none, and for pictures.

    Raises:
        ValueError: when the archive can't be read, or has no label.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        path, place = Path(items["image"]), items.get("slice", -1)
        boxes = None
        if place >= 0:
            image, label = (NpzVolume(path, key=key).read_slice(2, place) for key in ("imgs", "gts"))
            image, label = np.swapaxes(image, 0, 1), label.T
            spacing: tuple[float, ...] | None = None
        else:
            case = read_challenge(path)
            image, label, boxes, spacing = case.images, case.labels, case.boxes, case.spacing
        if label is None or not label.any():
            raise ValueError(f"{path} has no labels" + (f" in slice {place}" if place >= 0 else ""))
        values, numbers = np.unique(label, return_inverse=True)
        numbers = numbers.reshape(label.shape) + (values[0] != 0)
        if boxes is None or len(boxes) != numbers.max():
            boxes, _ = mask_boxes(numbers)
        channels = image[None] if image.ndim == label.ndim else np.moveaxis(image, -1, 0)
        if label.ndim == 2 and len(channels) == 1:
            channels = np.repeat(channels, 3, axis=0)
        meta = {"filename_or_obj": str(path)}
        items["image"] = MetaTensor(_x_first(channels, np.float32), meta=meta)
        items["label"] = MetaTensor(_x_first(numbers[None], np.int32), meta=meta)
        items["boxes"] = boxes
        items["spacing"] = np.array(spacing if spacing is not None and label.ndim == 3 else (1.0,) * label.ndim)
        return items


def _x_first(array: np.ndarray, dtype: type) -> torch.Tensor:
    axes = (0, *range(array.ndim - 1, 0, -1))
    return torch.from_numpy(np.ascontiguousarray(array.transpose(axes), dtype=dtype))


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
    """

    def __init__(self, grow: int = 5) -> None:
        super().__init__()
        if grow < 0:
            raise ValueError(f"expected grow from 0 pixels, got {grow}")
        self.grow = grow

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
        return {"image": torch.cat([geometry.prepare(image), prompt]), "label": label}
