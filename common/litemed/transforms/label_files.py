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
from monai.transforms import MapTransform, SaveImage, SaveImaged

__all__ = ["NarrowLabelsd", "SaveLabelMapd"]


class SaveLabelMapd(SaveImaged):
    """Write label maps: ``<stem>_<postfix>.png`` of a picture, ``<stem>_<postfix>.nii.gz`` of a volume.

    The type is the smallest that holds the labels. It is a `SaveImaged`, so MONAI Label leaves it out and writes the
    file itself.

    Args:
        keys: keys of label maps ``(1, W, H)`` or ``(1, X, Y, Z)`` with the metadata of their image.
        output_dir: folder for the files.
        output_postfix: end of their names.
    """

    def __init__(self, keys: KeysCollection, output_dir: str | Path, output_postfix: str = "labels") -> None:
        super().__init__(keys, output_dir=output_dir, output_postfix=output_postfix)
        self._options: dict[str, Any] = {
            "output_dir": output_dir,
            "output_postfix": output_postfix,
            "resample": False,
            "separate_folder": False,
            "print_log": False,
        }

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            labels = items[key]
            kind = (".png", "PILWriter") if labels.ndim == 3 else (".nii.gz", "NibabelWriter")
            dtype = np.min_scalar_type(int(labels.max()))
            SaveImage(output_ext=kind[0], writer=kind[1], output_dtype=dtype, **self._options)(labels)
        return items


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
