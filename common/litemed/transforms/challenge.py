# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Loading archives of the MedSAM challenge, or single slices of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Transform

from litemed.boxes import mask_boxes
from litemed.datasets.challenge import read_challenge
from litemed.slices import NpzVolume

__all__ = ["LoadChallenged"]


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
        boxes: np.ndarray | None = None
        label: np.ndarray | None
        spacing: tuple[float, ...] | None = None
        if place >= 0:
            image, label = (NpzVolume(path, key=key).read_slice(2, place) for key in ("imgs", "gts"))
            image, label = np.swapaxes(image, 0, 1), label.T
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
