# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How is a file read and written? Pictures, volumes and masks of every format, with their geometry."""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "dicom": ["DicomVolume"],
        "formats": ["open_volume"],
        "labelme": ["labelme_map", "read_labelme"],
        "nifti": ["NiftiVolume"],
        "npz": ["NpzVolume"],
        "nrrd": ["ItkVolume", "NrrdVolume", "open_nrrd"],
        "overlay": ["label_overlay"],
        "volume": ["Volume", "check_same_grid", "slice_affine"],
    },
)
