# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A data set whose items are slices of volumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import monai.data
import numpy as np
import torch
from monai.data import MetaTensor
from monai.utils import ImageMetaKey, MetaKeys

from litemed.images.volume import Volume, check_same_grid, slice_affine
from litemed.images.volumes import open_volume
from litemed.slices.sampling import sample_slices

__all__ = ["SliceDataset"]


class SliceDataset(monai.data.Dataset):
    """Slices of volumes, decoded when they are asked for.

    Headers are read, and images held against their labels, when the data set is made; with ``label_only`` all label
    slices are read once then. An item is the dictionary of its volume with the paths replaced by a ``MetaTensor``:
    the image float32 with the channel first, the label int64 of one channel. Their metadata, which MONAI's transforms,
    ``DataLoader`` and ``decollate_batch`` carry along:

    - ``filename_or_obj``: the volume's path; ``patch_index``: the slice's index, by which ``SaveImaged`` names files
    - ``slice_axis``, ``slice_index``: where the slice lies
    - ``slice_affine``: 4x4, of the slice as a volume of one layer, RAS in mm
    - ``volume_affine``, ``volume_shape``, ``spacing``: those of the volume, spacing in mm
    - ``affine``: 3x3, the pixel size in mm, for MONAI's two-dimensional transforms

    Example of a configuration::

        {"_target_": "litemed.slices.SliceDataset", "data": "@train_list", "interval": 5, "label_only": true,
         "transform": "@preprocessing"}

    Args:
        data: one dictionary a volume with the path of the image and, where there is one, of the label; more entries
            are passed on to every slice's item.
        transform: MONAI transform, or several, for an item.
        interval: see ``sample_slices``.
        axis: the axis across the slices: 0, 1 or 2.
        label_only: take only slices that bear a label.
        image_key: entry of the image's path.
        label_key: entry of the label's path.

    Raises:
        ValueError: for bad arguments, a volume that cannot be read, a label on another grid than its image or with
            other values than whole numbers, or when no slice is left.
        FileNotFoundError: for a path with nothing there.
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        transform: Sequence[Callable] | Callable | None = None,
        interval: int = 5,
        axis: int = 2,
        label_only: bool = False,
        image_key: str = "image",
        label_key: str = "label",
    ) -> None:
        self._items = [dict(item) for item in data]
        self._axis = axis
        self._volumes: list[dict[str, Volume]] = []
        places = []
        for number, item in enumerate(self._items):
            if image_key not in item:
                raise ValueError(f"expected an entry {image_key!r} in every item, got {sorted(item)} (item {number})")
            volumes = {image_key: open_volume(item[image_key])}
            if label_key in item:
                volumes[label_key] = open_volume(item[label_key], is_label=True)
                check_same_grid(volumes[image_key], volumes[label_key])
            elif label_only:
                raise ValueError(f"label_only needs an entry {label_key!r} in every item, got {sorted(item)}")
            label = volumes[label_key] if label_only else None
            places += [(number, index) for index in sample_slices(volumes[image_key], interval, axis, label=label)]
            self._volumes.append(volumes)
        if not places:
            raise ValueError(f"no slices to take from {len(self._items)} volumes")
        self._label_key = label_key
        super().__init__(places, transform)

    def _transform(self, index: int) -> Any:
        number, place = self.data[index]
        item = dict(self._items[number])
        for key, volume in self._volumes[number].items():
            pixels = volume.read_slice(self._axis, place)
            tensor = _label(pixels, volume, place) if key == self._label_key else torch.from_numpy(_image(pixels))
            item[key] = MetaTensor(tensor, meta=_meta(volume, self._axis, place, pixels.ndim))
        return self.transform(item)


def _image(pixels: np.ndarray) -> np.ndarray:
    channels = np.moveaxis(pixels, 2, 0) if pixels.ndim == 3 else pixels[None]
    return np.ascontiguousarray(channels, dtype=np.float32)


def _label(pixels: np.ndarray, volume: Volume, index: int) -> torch.Tensor:
    labels = pixels.astype(np.int64)
    if pixels.ndim != 2 or not np.array_equal(labels, pixels):
        raise ValueError(f"{volume.path}: expected whole numbers of one channel as labels (slice {index})")
    return torch.from_numpy(labels[None])


def _meta(volume: Volume, axis: int, index: int, stored_dims: int) -> dict[str, Any]:
    shape, spacing = (np.delete(values, axis) for values in (volume.shape, volume.spacing))
    affine = torch.diag(torch.tensor([*spacing, 1.0], dtype=torch.float64))
    return {
        MetaKeys.AFFINE: affine,
        MetaKeys.ORIGINAL_AFFINE: affine.clone(),
        MetaKeys.SPATIAL_SHAPE: shape,
        MetaKeys.ORIGINAL_CHANNEL_DIM: -1 if stored_dims == 3 else float("nan"),
        ImageMetaKey.FILENAME_OR_OBJ: str(volume.path),
        ImageMetaKey.PATCH_INDEX: index,
        "slice_axis": axis,
        "slice_index": index,
        "slice_affine": slice_affine(volume.affine, axis, index),
        "volume_affine": volume.affine,
        "volume_shape": np.array(volume.shape),
        "spacing": np.array(volume.spacing),
    }
