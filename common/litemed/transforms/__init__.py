# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Dictionary transforms that several bundles share."""

from __future__ import annotations

from litemed.transforms.label_maps import LoadLabelMapd
from litemed.transforms.longest_side import LongestSide, ResizeLongestSided
from litemed.transforms.pictures import LoadLabeld, LoadPictured, to_picture
from litemed.transforms.prompts import RasterizePromptsd, boxes_to_channel, channel_to_boxes, clicks_to_box
from litemed.transforms.windows import CT_WINDOWS, IntensityRange, ScaleModalityd, ct_range, intensity_range

__all__ = [
    "CT_WINDOWS",
    "IntensityRange",
    "LoadLabelMapd",
    "LoadLabeld",
    "LoadPictured",
    "LongestSide",
    "RasterizePromptsd",
    "ResizeLongestSided",
    "ScaleModalityd",
    "boxes_to_channel",
    "channel_to_boxes",
    "clicks_to_box",
    "ct_range",
    "intensity_range",
    "to_picture",
]
