# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Losses of the bundles' papers, in MONAI's argument vocabulary."""

from __future__ import annotations

from litemed.losses.alpha_compound import AlphaCompoundLoss
from litemed.losses.class_weighted_cross_entropy import ClassWeightedCrossEntropyLoss, class_weights
from litemed.losses.dice_focal import DiceFocalLoss
from litemed.losses.mask import MaskLoss, MaskOutput, mask_iou
from litemed.losses.tiu import TIULoss

__all__ = [
    "AlphaCompoundLoss",
    "ClassWeightedCrossEntropyLoss",
    "DiceFocalLoss",
    "MaskLoss",
    "MaskOutput",
    "TIULoss",
    "class_weights",
    "mask_iou",
]
