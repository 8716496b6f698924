# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Label maps of pictures and volumes to files, and as whole numbers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, SaveImaged

from litemed.images.names import image_part
from litemed.images.writing import write_labels

__all__ = ["NarrowLabelsd", "SaveLabelMapd"]


class SaveLabelMapd(SaveImaged):
    """Write label maps as `litemed.images.writing.write_labels` does, in the image's own format.

    It is a `SaveImaged`, so MONAI Label leaves it out and writes the file itself.

    Args:
        keys: keys of label maps ``(1, W, H)`` or ``(1, X, Y, Z)`` with the metadata of their image.
        output_dir: folder for the files.
    """

    def __init__(self, keys: KeysCollection, output_dir: str | Path) -> None:
        super().__init__(keys, output_dir=output_dir)
        self.output_dir = output_dir

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            labels = np.asarray(items[key][0].cpu())
            self.write(labels.astype(np.min_scalar_type(int(labels.max()))), items[key].meta)
        return items

    def write(self, labels: np.ndarray, meta: Mapping[str, Any]) -> Path:
        """Write a label map ``(W, H)`` or ``(X, Y, Z)``, by the metadata of its image."""
        place = meta.get("original_affine")
        affine = None if place is None else np.asarray(place)
        return write_labels(self.output_dir, labels, meta["filename_or_obj"], image_part(meta), affine)


class NarrowLabelsd(MapTransform):
    """Drop the channel of label maps and give them a whole-number type: uint8, or int32 beyond 255 objects.

    Args:
        keys: keys of label maps ``(1, ...)``.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            labels = items[key].squeeze(0)
            items[key] = labels.to(torch.uint8 if labels.max() <= 255 else torch.int32)
        return items
