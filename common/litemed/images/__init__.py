# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How is a file read and written? Pictures, volumes and masks of every format, with their geometry."""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "dicom": ["DicomVolume", "Series", "list_series"],
        "dicom_seg": ["write_dicom_seg"],
        "labelme": ["labelme_map", "read_labelme"],
        "names": ["image_stem", "is_picture", "is_volume", "result_name"],
        "nifti": ["NiftiVolume"],
        "npz": ["NpzVolume"],
        "nrrd": ["NrrdVolume", "open_nrrd"],
        "overlay": ["label_overlay", "mask_overlay"],
        "pictures": ["as_jpeg", "count_pages", "picture_size", "read_picture"],
        "segments": ["Segment", "bundle_segments", "write_colour_tables"],
        "volume": ["Volume", "check_same_grid"],
        "volumes": ["open_volume"],
        "writing": ["write_labels", "write_volume"],
    },
)
