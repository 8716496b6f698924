# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Reading label maps: mask pictures and LabelMe outlines alike."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from PIL import Image

from litemed.images.labelme import EYE_LABELS, labelme_map
from litemed.transforms.pictures import _LoadWithPIL

__all__ = ["LoadLabelMapd"]


def _values(picture: Image.Image) -> Image.Image:
    """The class values of a mask: a palette's indices, or the one value of all colour channels."""
    pixels = np.asarray(picture)
    if pixels.ndim == 3:
        colours = pixels[..., :3] if picture.mode.startswith("RGB") else pixels[..., :1]
        if (colours != colours[..., :1]).any():
            raise ValueError("a label map must be grey, but its colour channels differ")
        pixels = np.ascontiguousarray(colours[..., 0])
    return Image.fromarray(pixels)


class LoadLabelMapd(_LoadWithPIL):
    """Load label maps as ``(1, W, H)`` float32 tensors of class values.

    A ``.json`` file is painted by :py:func:`litemed.images.labelme_map`; any other file is a picture whose pixels are
    the values, grey or palette index or three equal channels.

    Args:
        keys: keys of the paths.
        labels: value of each region by its name in LabelMe files; by default those of an eye, sclera 1 to caruncle 4.
            Pictures may hold 0 and these values.
        allow_missing_keys: skip keys that an item lacks.

    Raises:
        ValueError: naming the file, when it can't be read or holds other labels.
    """

    def __init__(
        self, keys: KeysCollection, labels: Mapping[str, int] = EYE_LABELS, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, _values, allow_missing_keys)
        self.labels = dict(labels)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            path = str(items[key])
            if path.lower().endswith(".json"):
                values = torch.from_numpy(np.ascontiguousarray(labelme_map(path, self.labels).T))[None]
                items[key] = MetaTensor(values.float(), meta={"filename_or_obj": path})
            else:
                items[key] = self._checked(self._picture(path), path)
        return items

    def _picture(self, path: str) -> MetaTensor:
        try:
            return self._read(path)
        except ValueError as error:
            raise error if path in str(error) else ValueError(f"{path}: {error}") from error

    def _checked(self, labels: MetaTensor, path: str) -> MetaTensor:
        unknown = sorted(set(torch.unique(labels).tolist()) - {0, *self.labels.values()})
        if unknown:
            shown = ", ".join(f"{value:g}" for value in unknown[:6])
            raise ValueError(f"{path} has the values {shown}, expected 0 and {sorted(set(self.labels.values()))}")
        return labels
