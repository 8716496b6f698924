# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Reading pictures of every kind."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from litemed.images.names import is_picture, is_volume
from litemed.images.pictures import read_picture
from litemed.images.volumes import open_volume

__all__ = ["LoadPictured"]


class LoadPictured(MapTransform):
    """Load pictures as three-channel float32 tensors ``(3, W, H)``, upright, values as stored.

    A grey picture, of any depth or float, gets three equal channels; see `litemed.images.pictures.read_picture`. A
    volume of a single slice, DICOM too, is a picture as well. Values are not rescaled: normalise afterwards.

    Args:
        keys: keys of the picture paths.
        allow_missing_keys: skip keys that an item lacks.
        min_side: width and height in pixels that a picture must have at least.
        page_key: entry, where an item has it, of the page to take of a picture of several, from 1. It goes into the
            metadata, and by it into the names of results.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when a file isn't a readable picture, has several pages and none is chosen, holds NaN or infinite
            values, or is smaller than ``min_side``.
    """

    def __init__(
        self, keys: KeysCollection, allow_missing_keys: bool = False, min_side: int = 1, page_key: str = "page"
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.min_side = min_side
        self.page_key = page_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        page = items.get(self.page_key)
        for key in self.key_iterator(items):
            path = items[key]
            pixels = _read_plane(Path(path), page).astype(np.float32)
            height, width = pixels.shape[:2]
            if min(width, height) < self.min_side:
                raise ValueError(
                    f"picture {path} is {width}x{height} pixels, expected at least {self.min_side} on each side"
                )
            if not np.isfinite(pixels).all():
                raise ValueError(f"picture {path} holds NaN or infinite values")
            channels = pixels.transpose(2, 1, 0) if pixels.ndim == 3 else np.repeat(pixels.T[None], 3, axis=0)
            meta = {"filename_or_obj": str(path), "spatial_shape": np.array([width, height])}
            meta |= {} if page is None else {"page": page}
            items[key] = MetaTensor(torch.from_numpy(np.ascontiguousarray(channels)), meta=meta)
        return items


def _read_plane(path: Path, page: int | None) -> np.ndarray:
    """Rows and columns, and colours last."""
    if is_picture(path) or not is_volume(path):
        return read_picture(path, page)
    volume = open_volume(path)
    if 1 not in volume.shape:
        raise ValueError(f"expected a picture, or a volume of a single slice, got {path} of {volume.shape} voxels")
    across = max(axis for axis in range(3) if volume.shape[axis] == 1)
    return volume.read_slice(across, 0).swapaxes(0, 1)


def to_picture(image: np.ndarray | torch.Tensor) -> np.ndarray:
    """Turn a channel-first image into an 8-bit RGB picture for people to look at.

    Args:
        image: ``(1 or 3, W, H)``. Colours from 0 to 255 are shown as they are. Anything else, grey pictures of any bit
            depth too, is stretched: its half percentiles at both ends become black and white.

    Returns:
        uint8 array ``(H, W, 3)``.
    """
    array = np.asarray(image, dtype=np.float32)
    is_grey = array.shape[0] == 1 or ((array[0] == array[1]) & (array[1] == array[2])).all()
    is_8_bit = array.min() >= 0 and 1 < array.max() <= 255
    low, high = (0, 255) if is_8_bit and not is_grey else np.percentile(array, (0.5, 99.5))
    scaled = np.clip((array - low) / max(high - low, 1e-6), 0, 1)
    picture = np.rint(scaled * 255).astype(np.uint8).transpose(2, 1, 0)
    return np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture
