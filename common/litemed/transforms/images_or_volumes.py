# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and volumes by the same transforms: loading, one orientation of volumes, and back to the file's axes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import Invertd, InvertibleTransform, MapTransform, Orientation, Orientationd

from litemed.images.names import is_picture
from litemed.images.volumes import open_volume
from litemed.transforms.pictures import LoadPictured

__all__ = ["LoadImageOrVolumed", "OrientVolumesd", "RestoreAxesd", "is_picture"]

RAS_LABELS = (("L", "R"), ("P", "A"), ("I", "S"))
"""Letters of the two ends of each axis, in millimetres as NIfTI counts them."""


class LoadImageOrVolumed(MapTransform):
    """Load a picture as ``(3, W, H)``, or a volume as ``(C, X, Y, Z)``, float32 with values as stored.

    Pictures are read by `litemed.transforms.LoadPictured`; NIfTI, NRRD, folders of a DICOM series and archives of the
    MedSAM challenge by `litemed.images.open_volume`, whose affine goes into the metadata.

    Args:
        keys: keys of the paths.

    Raises:
        FileNotFoundError: when there is nothing at a path.
        ValueError: when it can't be read, or has other than two (three) dimensions.
    """

    def __init__(self, keys: KeysCollection) -> None:
        super().__init__(keys)
        self._load_picture = LoadPictured("image")

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            path = Path(items[key])
            if not path.exists():
                raise FileNotFoundError(f"{path} doesn't exist")
            if path.is_file() and is_picture(path):
                items[key] = self._load_picture({"image": str(path)})["image"]
            else:
                items[key] = _load_volume(path)
        return items


def _load_volume(path: Path) -> MetaTensor:
    volume = open_volume(path)
    axis = volume.slowest_axis
    voxels = np.stack([volume.read_slice(axis, index) for index in range(volume.shape[axis])], axis)
    channels = np.moveaxis(voxels, 3, 0) if voxels.ndim == 4 else voxels[None]
    affine = torch.from_numpy(np.array(volume.affine, dtype=np.float64))
    meta = {"filename_or_obj": str(path), "original_affine": affine.clone(), "spatial_shape": np.array(volume.shape)}
    return MetaTensor(torch.from_numpy(np.ascontiguousarray(channels, dtype=np.float32)), affine=affine, meta=meta)


class OrientVolumesd(Orientationd):
    """`monai.transforms.Orientationd` that leaves pictures as they are.

    Args:
        keys: keys of the images.
        axcodes: orientation of volumes; with LPS the slices across the last axis are axial, seen as by radiologists.
    """

    def __init__(self, keys: KeysCollection, axcodes: str = "LPS") -> None:
        super().__init__(keys, axcodes=axcodes, labels=RAS_LABELS)

    def __call__(self, data: Mapping[Hashable, torch.Tensor], lazy: bool | None = None) -> dict[Hashable, torch.Tensor]:
        return super().__call__(data, lazy) if self._has_volume(data) else dict(data)

    def _has_volume(self, data: Mapping[Hashable, torch.Tensor]) -> bool:
        return any(key in data and data[key].ndim == 4 for key in self.keys)


class RestoreAxesd(Invertd):
    """Turn label maps of volumes back to the axes of the file, and give all of them their image's metadata.

    It does the part of an `Invertd`, and is one, so that MONAI Label restores nothing a second time.

    Args:
        keys: keys of label maps ``(1, W, H)`` or ``(1, X, Y, Z)``.
        transform: what holds the `OrientVolumesd`.
        orig_keys: key of the image that went through it.
    """

    def __init__(self, keys: KeysCollection, transform: InvertibleTransform, orig_keys: KeysCollection) -> None:
        super().__init__(keys, transform, orig_keys, nearest_interp=True)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key, orig_key in self.key_iterator(items, self.orig_keys):
            labels, meta = items[key], items[orig_key].meta
            items[key] = MetaTensor(torch.as_tensor(labels), meta=meta)
            if labels.ndim == 4:
                stored = "".join(nibabel.orientations.aff2axcodes(np.asarray(meta["original_affine"])))
                items[key] = Orientation(axcodes=stored, labels=RAS_LABELS)(items[key])
        return items
