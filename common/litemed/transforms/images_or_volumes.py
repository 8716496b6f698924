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

from litemed.datasets.challenge import read_challenge
from litemed.images.names import is_archive, is_picture
from litemed.images.volume import LPS_TO_RAS
from litemed.images.volumes import open_volume
from litemed.transforms.pictures import LoadPictured

__all__ = ["PLANES", "LoadImageOrVolumed", "OrientVolumesd", "RestoreAxesd"]

RAS_LABELS = (("L", "R"), ("P", "A"), ("I", "S"))
"""Letters of the two ends of each axis, in millimetres as NIfTI counts them."""


PLANES = {"axial": "LPS", "coronal": "LIP", "sagittal": "PIL"}
"""Where the three axes of a volume run to: to the right of a slice, down it, and from slice to slice."""


class LoadImageOrVolumed(MapTransform):
    """Load a picture as ``(3, W, H)``, or a volume as ``(C, X, Y, Z)``, float32 with values as stored.

    Pictures are read by `litemed.transforms.LoadPictured`, archives of the MedSAM challenge by
    `litemed.datasets.challenge.read_challenge`, and volumes by `litemed.images.open_volume`, whose affine goes into the
    metadata. There ``has_spacing`` says whether the file tells the size of its voxels, ``is_sheared`` whether its
    axes are at other than right angles, and ``stored_dtype`` the type of its values; ``series`` names the one that was
    taken of a DICOM study of several, also in the names of results.

    Args:
        keys: keys of the paths.
        series: of DICOM studies, see `litemed.images.open_volume`.

    Raises:
        FileNotFoundError: when there is nothing at a path.
        ValueError: when it can't be read, or has other than two (three) dimensions.
    """

    def __init__(self, keys: KeysCollection, series: str | int | None = None) -> None:
        super().__init__(keys)
        self.series = series
        self._load_picture = LoadPictured("image")

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            path = Path(items[key])
            if not path.exists():
                raise FileNotFoundError(f"{path} doesn't exist")
            if path.is_file() and is_picture(path):
                items[key] = self._load_picture({"image": str(path)})["image"]
            elif path.is_file() and is_archive(path):
                items[key] = _load_archive(path)
            else:
                items[key] = _load_volume(path, self.series)
        return items


def _load_volume(path: Path, series: str | int | None) -> MetaTensor:
    volume = open_volume(path, series=series)
    axis = volume.slowest_axis
    voxels = np.stack([volume.read_slice(axis, index) for index in range(volume.shape[axis])], axis)
    channels = np.moveaxis(voxels, 3, 0) if voxels.ndim == 4 else voxels[None]
    tensor = _as_tensor(channels, path, volume.affine, volume.has_spacing, volume.is_sheared)
    tensor.meta |= {} if volume.series is None else {"series": volume.series}
    return tensor


def _load_archive(path: Path) -> MetaTensor:
    """Slices and rows as the challenge keeps them: columns run to the patient's left, rows to the back."""
    case = read_challenge(path)
    spacing = (1.0, 1.0, 1.0) if case.spacing is None else (*case.spacing, 1.0)[:3]
    channels = case.images.T if case.images.ndim > len(case.sides) else case.images.T[None]
    if not case.is_volume and len(channels) == 1:
        channels = np.repeat(channels, 3, axis=0)
    return _as_tensor(channels, path, LPS_TO_RAS @ np.diag([*spacing, 1.0]), case.spacing is not None)


def _as_tensor(
    channels: np.ndarray, path: Path, affine: np.ndarray, has_spacing: bool, is_sheared: bool = False
) -> MetaTensor:
    place = torch.from_numpy(np.array(affine, dtype=np.float64))
    meta = {
        "filename_or_obj": str(path),
        "original_affine": place.clone(),
        "spatial_shape": np.array(channels.shape[1:]),
        "has_spacing": has_spacing,
        "is_sheared": is_sheared,
        "stored_dtype": str(channels.dtype),
    }
    return MetaTensor(torch.from_numpy(np.ascontiguousarray(channels, dtype=np.float32)), affine=place, meta=meta)


class OrientVolumesd(Orientationd):
    """`monai.transforms.Orientationd` that leaves pictures as they are.

    Oblique volumes are not resampled: each axis counts for the direction that it is nearest to.

    Args:
        keys: keys of the images; one that an item lacks is passed over.
        plane: of the slices across the last axis, one of `PLANES`, seen as by radiologists; or ``"stored"``, which
            leaves the axes as they are.
        box_key: key of boxes in pixels of the first of the images, ``(N, 6)``, that turn with it.

    Raises:
        ValueError: for another plane.
    """

    def __init__(self, keys: KeysCollection, plane: str = "axial", box_key: str = "exact_boxes") -> None:
        if plane != "stored" and plane not in PLANES:
            raise ValueError(f"expected a plane of {', '.join(PLANES)} or stored, got {plane!r}")
        axcodes = PLANES.get(plane, PLANES["axial"])
        super().__init__(keys, axcodes=axcodes, labels=RAS_LABELS, allow_missing_keys=True)
        self.plane = plane
        self.axcodes = axcodes
        self.box_key = box_key

    def __call__(self, data: Mapping[Hashable, torch.Tensor], lazy: bool | None = None) -> dict[Hashable, torch.Tensor]:
        volume: Any = next((data[key] for key in self.keys if key in data and data[key].ndim == 4), None)
        if volume is None or self.plane == "stored":
            return dict(data)
        items: dict[Hashable, Any] = super().__call__(data, lazy)
        if self.box_key in items:
            items[self.box_key] = self._turned(items[self.box_key], volume)
        return items

    def _turned(self, boxes: np.ndarray, volume: MetaTensor) -> np.ndarray:
        stored = nibabel.io_orientation(np.asarray(volume.affine))
        wanted = nibabel.orientations.axcodes2ornt(self.axcodes, RAS_LABELS)
        found = np.empty_like(boxes)
        for axis, (place, direction) in enumerate(nibabel.orientations.ornt_transform(stored, wanted)):
            low, high = boxes[:, axis], boxes[:, axis + 3]
            if direction < 0:
                low, high = volume.shape[axis + 1] - 1 - high, volume.shape[axis + 1] - 1 - low
            found[:, int(place)], found[:, int(place) + 3] = low, high
        return found


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
