# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Loading archives of the MedSAM challenge, single slices of them, or images with a label file of their own."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Randomizable, RandomizableTransform, Transform

from litemed.datasets.challenge import read_challenge
from litemed.images.boxes import mask_boxes
from litemed.images.names import is_picture
from litemed.slices.open_volumes import OpenVolumes
from litemed.transforms.images_or_volumes import LoadImageOrVolumed, OrientVolumesd
from litemed.transforms.longest_side import LongestSide
from litemed.transforms.pictures import LoadPictured
from litemed.transforms.windows import ScaleModalityd

__all__ = ["LoadChallenged", "LoadSquared", "RandLabelledSliced"]


class LoadChallenged(Transform):
    """Load an archive, or one slice of it, or an image and the file of its label: image, label, boxes and spacing.

    An item's ``image`` is the path; its ``slice``, where there is one of 0 or above, is the index of the slice to load,
    from an archive that stays open for the next.
    Where an item has a ``label``, the path of a label map, the image is a picture or volume of any format instead, as
    MONAI Label hands them to a training: scaled by `ScaleModalityd`, a volume in LPS orientation. Then:

    - ``image``: ``(3, W, H)``, or ``(1 or 3, X, Y, Z)``, float32, x first as MONAI's readers have it.
    - ``label``: of the same axes with one channel, int32; labels are numbered anew from 1, in their order.
    - ``boxes``: of each label in that order: the archive's own where there are as many, else those of the labels.
    - ``spacing``: float64, in mm, in the order of the image's axes; 1 where the archive has none, and for pictures.

    Raises:
        ValueError: when the archive can't be read, or has no label.
    """

    def __init__(self) -> None:
        self._volumes = OpenVolumes()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        path, place = Path(items["image"]), items.get("slice", -1)
        boxes: np.ndarray | None = None
        label: np.ndarray | None
        spacing: tuple[float, ...] | None = None
        if "label" in items:
            image, label, spacing = _labelled_image(path, Path(items["label"]))
        elif place >= 0:
            image, label = (self._volumes.read_slice(path, place, is_label=is_label) for is_label in (False, True))
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


class RandLabelledSliced(RandomizableTransform):
    """Take one of the labelled slices of a volume at random; pictures, and single slices, are left as they are.

    It takes ``image`` ``(C, X, Y, Z)`` and ``label`` ``(1, X, Y, Z)`` and gives them without Z, the image with three
    channels.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        if items["label"].ndim == 4:
            labelled = np.flatnonzero(np.asarray(items["label"]).any(axis=(0, 1, 2)))
            index = int(self.R.choice(labelled))
            items["label"] = items["label"][..., index]
            items["image"] = items["image"][..., index].expand(3, -1, -1)
        return items


class LoadSquared(Randomizable, Transform):
    """Load the picture of an archive, with labels or without, as the networks see it, flipped at random.

    An item's ``image`` is the path; what comes back is ``image`` ``(3, 256, 256)``, values 0 to 1.

    Args:
        flip_probability: of each of the two flips.

    Raises:
        ValueError: for a volume.
    """

    def __init__(self, flip_probability: float = 0.0) -> None:
        self.flip_probability = flip_probability

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        case = read_challenge(data["image"])
        if case.is_volume:
            raise ValueError(f"{case.path} is a volume: expected a picture")
        pixels = case.images.astype(np.float32)
        for axis in (0, 1):
            if self.R.random() < self.flip_probability:
                pixels = np.flip(pixels, axis)
        return {"image": LongestSide(*pixels.shape[:2]).prepare(np.ascontiguousarray(pixels))}


_LOAD_PICTURE = Compose([LoadPictured(["image", "label"]), ScaleModalityd("image")])
_LOAD_VOLUME = Compose(
    [LoadImageOrVolumed(["image", "label"]), OrientVolumesd(["image", "label"]), ScaleModalityd("image")]
)


def _labelled_image(path: Path, label_path: Path) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Image ``(H, W, 3)`` or ``(D, H, W)``, whole-numbered label of its axes, and spacing along x, y and z."""
    loaded = (_LOAD_PICTURE if is_picture(path) else _LOAD_VOLUME)({"image": str(path), "label": str(label_path)})
    image, label = (np.asarray(loaded[key]).T for key in ("image", "label"))
    if image.shape[:-1] != label.shape[:-1]:
        sizes = ["x".join(map(str, array.shape[-2::-1])) for array in (label, image)]
        raise ValueError(f"{label_path} is of {sizes[0]} pixels, its image {path} of {sizes[1]}")
    spacing = np.linalg.norm(np.asarray(loaded["image"].affine)[:3, :3], axis=0).tolist()
    colours = image if image.ndim == 3 else image[..., 0]
    return colours, np.rint(label[..., 0]).astype(np.int32), tuple(spacing)


def _x_first(array: np.ndarray, dtype: type) -> torch.Tensor:
    axes = (0, *range(array.ndim - 1, 0, -1))
    return torch.from_numpy(np.ascontiguousarray(array.transpose(axes), dtype=dtype))
