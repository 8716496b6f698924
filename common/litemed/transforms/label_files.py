# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Label maps of pictures and volumes to files, and as whole numbers."""

from __future__ import annotations

import os
import warnings
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, SaveImaged

from litemed.bundles import metadata_of
from litemed.images.dicom_seg import write_dicom_seg
from litemed.images.names import image_part, is_dicom, is_volume, stem_of
from litemed.images.segments import bundle_segments, write_colour_tables
from litemed.images.writing import write_labels
from litemed.notices import Notice

__all__ = ["NarrowLabelsd", "SaveLabelMapd"]


class SaveLabelMapd(SaveImaged):
    """Write label maps as `litemed.images.writing.write_labels` does, in the image's own format.

    Those of volumes get names and colours beside them, and those of DICOM also ``<stem>_segments.dcm``, a DICOM SEG;
    see `litemed.images.segments` and `litemed.images.dicom_seg`.

    It is a `SaveImaged`, so MONAI Label leaves it out and writes the file itself.

    Args:
        keys: keys of label maps ``(1, W, H)`` or ``(1, X, Y, Z)`` with the metadata of their image.
        output_dir: folder for the files.
        bundle_root: of the bundle whose metadata name the labels of volumes; None leaves them without names.
    """

    def __init__(
        self, keys: KeysCollection, output_dir: str | Path, bundle_root: str | os.PathLike[str] | None = None
    ) -> None:
        super().__init__(keys, output_dir=output_dir)
        self.output_dir = output_dir
        self.bundle_root = bundle_root

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            meta = items[key].meta
            labels = np.asarray(items[key][0].cpu())
            labels = labels.astype(np.min_scalar_type(int(labels.max())))
            place = meta.get("original_affine")
            path = write_labels(
                self.output_dir,
                labels,
                meta["filename_or_obj"],
                image_part(meta),
                None if place is None else np.asarray(place),
            )
            if self.bundle_root is not None and is_volume(meta["filename_or_obj"]):
                self._write_names(path, labels, meta)
        return items

    def _write_names(self, path: Path, labels: np.ndarray, meta: Mapping[str, Any]) -> None:
        """Write what belongs to the label map of a volume."""
        assert self.bundle_root is not None
        source, series = Path(meta["filename_or_obj"]), meta.get("series")
        segments = bundle_segments(self.bundle_root, np.unique(labels))
        write_colour_tables(path, segments)
        if not segments or not (source.is_dir() or is_dicom(source)):
            return
        target = path.with_name(f"{stem_of(meta)}_segments.dcm")
        bundle, version = Path(self.bundle_root).name, metadata_of(self.bundle_root)["version"]
        try:
            write_dicom_seg(target, labels, source, segments, series=series, algorithm=bundle, version=version)
        except (ImportError, ValueError) as error:  # the label map is there all the same
            warnings.warn(str(error), Notice, stacklevel=2)


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
