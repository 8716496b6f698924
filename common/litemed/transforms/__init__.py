# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Dictionary transforms that several bundles share."""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "challenge": ["LoadChallenged", "LoadSquared", "RandLabelledSliced"],
        "images_or_volumes": ["LoadImageOrVolumed", "OrientVolumesd", "RestoreAxesd"],
        "label_files": ["NarrowLabelsd", "SaveLabelMapd"],
        "label_maps": ["LoadLabelMapd", "LoadLabeld"],
        "longest_side": ["LongestSide"],
        "named_label_files": ["SaveNamedLabelMapd"],
        "objects": ["RandObjectd"],
        "pictures": ["LoadPictured", "to_picture"],
        "prompts": ["LoadBoxesd", "RasterizePromptsd", "boxes_to_channel", "channel_to_boxes", "clicks_to_box"],
        "windows": ["CT_WINDOWS", "IntensityRange", "ScaleModalityd", "ct_range", "intensity_range"],
    },
)
