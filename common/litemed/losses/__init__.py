# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What is punished? The losses of the bundles' papers, in MONAI's argument vocabulary."""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "alpha_compound": ["AlphaCompoundLoss"],
        "class_weighted_cross_entropy": ["ClassWeightedCrossEntropyLoss", "class_weights"],
        "dice_focal": ["DiceFocalLoss"],
        "mask": ["MaskLoss", "MaskOutput", "mask_iou"],
        "tiu": ["TIULoss"],
    },
)
