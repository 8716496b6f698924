# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Reading ordinary 2D pictures: 8 and 16 bit, grey, palette, RGB and RGBA alike."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor, PILReader
from monai.transforms import LoadImage, MapTransform
from PIL import Image, UnidentifiedImageError

from litemed.images.volumes import open_volume

__all__ = ["LoadPictured"]

_VOLUME_SUFFIXES = (".nii", ".nii.gz", ".nrrd")
_GREY_MODES = ("L", "I", "F", "I;16", "I;16L", "I;16B")


def _grey_or_rgb(picture: Image.Image) -> Image.Image:
    """Decode a picture, keeping the bit depth of a grey one and turning any other mode into RGB."""
    return picture.copy() if picture.mode in _GREY_MODES else picture.convert("RGB")


class _LoadWithPIL(MapTransform):
    """Read the pictures that ``keys`` name with PIL: channel-first float32, axes (width, height) as in MONAI.

    A volume of a single slice is a picture too: viewers of volumes such as 3D Slicer save a picture's labels so.
    """

    def __init__(self, keys: KeysCollection, converter: Any, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self._reader = PILReader(converter=converter)
        self._load = LoadImage(reader=self._reader, image_only=True, ensure_channel_first=True)

    def _read(self, path: Any) -> MetaTensor:
        if str(path).lower().endswith(_VOLUME_SUFFIXES):
            return _read_single_slice(path)
        try:
            # a reader given here, unlike one given to the constructor, lets its errors through
            return self._load(path, reader=self._reader)
        except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise ValueError(f"cannot read picture {path}: {error}") from error


def _read_single_slice(path: Any) -> MetaTensor:
    volume = open_volume(path)
    if volume.shape[2] != 1:
        raise ValueError(f"expected a picture, or a volume of a single slice, got {path} of {volume.shape} voxels")
    pixels = volume.read_slice(2, 0).astype(np.float32)
    channels = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
    return MetaTensor(torch.from_numpy(np.ascontiguousarray(channels)), meta={"filename_or_obj": str(path)})


class LoadPictured(_LoadWithPIL):
    """Load pictures as three-channel float32 tensors ``(3, W, H)``, values as stored.

    A grey picture, 8 or 16 bit or float, gets three equal channels; palette, CMYK and RGBA pictures become RGB, without
    alpha. Values are not rescaled: normalise afterwards.

    Args:
        keys: keys of the picture paths.
        allow_missing_keys: skip keys that an item lacks.
        min_side: width and height in pixels that a picture must have at least.

    Raises:
        ValueError: when a file isn't a readable picture (truncated, not an image), holds NaN or infinite values, or is
            smaller than ``min_side``.
    """

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False, min_side: int = 1) -> None:
        super().__init__(keys, _grey_or_rgb, allow_missing_keys)
        self.min_side = min_side

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            picture = self._read(items[key])
            width, height = picture.shape[1:]
            if min(width, height) < self.min_side:
                raise ValueError(
                    f"picture {items[key]} is {width}x{height} pixels, expected at least {self.min_side} on each side"
                )
            if not torch.isfinite(picture).all():
                raise ValueError(f"picture {items[key]} holds NaN or infinite values")
            items[key] = picture.expand(3, -1, -1).contiguous() if picture.shape[0] == 1 else picture
        return items


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
