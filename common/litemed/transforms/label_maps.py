# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Reading masks and label maps of pictures: mask pictures, volumes of one slice and LabelMe outlines alike."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from litemed.images.labelme import EYE_LABELS
from litemed.images.masks import read_labels

__all__ = ["LoadLabelMapd", "LoadLabeld"]


class LoadLabeld(MapTransform):
    """Load masks or instance labels of pictures as ``(1, W, H)`` float32, 1 where the stored value is above 0.

    Args:
        keys: keys of the mask paths, see `litemed.images.masks.read_mask`.
        threshold: stored values above it are foreground; masks kept as JPEG need one, such as 127.
        allow_missing_keys: skip keys that an item lacks.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file, when it holds no labels of a picture.
    """

    def __init__(self, keys: KeysCollection, threshold: float | None = None, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            items[key] = _as_tensor(_plane(items[key], self.threshold) > 0, items[key])
        return items


class LoadLabelMapd(MapTransform):
    """Load label maps of pictures as ``(1, W, H)`` float32 tensors of class values.

    Args:
        keys: keys of the paths, see `litemed.images.masks.read_mask`.
        labels: value of each region by its name in LabelMe files; by default those of an eye, sclera 1 to caruncle 4.
            Pictures may hold 0 and these values.
        allow_missing_keys: skip keys that an item lacks.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file, when it can't be read or holds other labels.
    """

    def __init__(
        self, keys: KeysCollection, labels: Mapping[str, int] = EYE_LABELS, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.labels = dict(labels)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        known = {0, *self.labels.values()}
        for key in self.key_iterator(items):
            values = _plane(items[key], regions=self.labels)
            if unknown := sorted(set(np.unique(values).tolist()) - known):
                shown = ", ".join(str(value) for value in unknown[:6])
                raise ValueError(f"{items[key]} has the values {shown}, expected 0 and {sorted(known - {0})}")
            items[key] = _as_tensor(values, items[key])
        return items


def _plane(path: Any, threshold: float | None = None, regions: Mapping[str, int] | None = None) -> np.ndarray:
    values = read_labels(path, threshold, regions)
    if values.ndim != 2:
        raise ValueError(f"expected a picture, or a volume of a single slice, got {path} of {values.shape} voxels")
    return values


def _as_tensor(values: np.ndarray, path: Any) -> MetaTensor:
    tensor = torch.from_numpy(np.ascontiguousarray(values.T, dtype=np.float32))[None]
    return MetaTensor(tensor, meta={"filename_or_obj": str(path)})
