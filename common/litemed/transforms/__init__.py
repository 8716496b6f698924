# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Dictionary transforms that several bundles share."""

from __future__ import annotations

from litemed.transforms.challenge import LoadChallenged, RandLabelledSliced
from litemed.transforms.images_or_volumes import LoadImageOrVolumed, OrientVolumesd, RestoreAxesd, is_picture
from litemed.transforms.label_files import NarrowLabelsd, SaveLabelMapd
from litemed.transforms.label_maps import LoadLabelMapd
from litemed.transforms.longest_side import LongestSide, ResizeLongestSided
from litemed.transforms.objects import RandObjectd
from litemed.transforms.pictures import LoadLabeld, LoadPictured, to_picture
from litemed.transforms.prompts import RasterizePromptsd, boxes_to_channel, channel_to_boxes, clicks_to_box
from litemed.transforms.windows import CT_WINDOWS, IntensityRange, ScaleModalityd, ct_range, intensity_range

__all__ = [
    "CT_WINDOWS",
    "IntensityRange",
    "LoadChallenged",
    "LoadImageOrVolumed",
    "LoadLabelMapd",
    "LoadLabeld",
    "LoadPictured",
    "LongestSide",
    "NarrowLabelsd",
    "OrientVolumesd",
    "RandLabelledSliced",
    "RandObjectd",
    "RasterizePromptsd",
    "ResizeLongestSided",
    "RestoreAxesd",
    "SaveLabelMapd",
    "ScaleModalityd",
    "boxes_to_channel",
    "channel_to_boxes",
    "clicks_to_box",
    "ct_range",
    "intensity_range",
    "is_picture",
    "to_picture",
]
