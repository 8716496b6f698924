# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Label maps to files, with what their numbers mean beside them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import KeysCollection

from litemed.bundles import metadata_of
from litemed.images.dicom_seg import write_dicom_seg
from litemed.images.names import is_dicom, is_volume, stem_of
from litemed.images.segments import bundle_segments, write_colour_tables
from litemed.notices import Notice
from litemed.transforms.label_files import SaveLabelMapd

__all__ = ["SaveNamedLabelMapd"]


class SaveNamedLabelMapd(SaveLabelMapd):
    """A `SaveLabelMapd` that writes names and colours beside the label maps of volumes.

    Those of DICOM also get ``<stem>_segments.dcm``, a DICOM SEG; see `litemed.images.segments` and
    `litemed.images.dicom_seg`.

    Args:
        keys, output_dir: see `SaveLabelMapd`.
        bundle_root: of the bundle whose metadata name the labels.
    """

    def __init__(self, keys: KeysCollection, output_dir: str | Path, bundle_root: str | os.PathLike[str]) -> None:
        super().__init__(keys, output_dir)
        self.bundle_root = bundle_root

    def write(self, labels: np.ndarray, meta: Mapping[str, Any]) -> Path:
        """Write a label map, and what belongs to it."""
        path, source = super().write(labels, meta), Path(meta["filename_or_obj"])
        if not is_volume(source):
            return path
        segments = bundle_segments(self.bundle_root, np.unique(labels))
        write_colour_tables(path, segments)
        if not segments or not (source.is_dir() or is_dicom(source)):
            return path
        target, series = path.with_name(f"{stem_of(meta)}_segments.dcm"), meta.get("series")
        bundle, version = Path(self.bundle_root).name, metadata_of(self.bundle_root)["version"]
        try:
            write_dicom_seg(target, labels, source, segments, series=series, algorithm=bundle, version=version)
        except (ImportError, ValueError) as error:  # the label map is there all the same
            warnings.warn(str(error), Notice, stacklevel=2)
        return path
