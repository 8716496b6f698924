# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""SwiftMedSAM: box-prompted segmentation of any modality with a small network."""

from __future__ import annotations

from pathlib import Path

from litemed.lazy import lazy_names

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "clicks": ["STAGES", "ClickTraining", "ClickValidation"],
        "distillation": ["DistillationInferer", "DistillationLoss", "DistillationOutputs"],
        "network": ["KEPT_BLOCKS", "VARIANTS", "PromptedNetwork", "SwiftMedSAM", "load_network"],
        "stages": ["StageInferer", "StageOutputs", "StageLoss"],
    },
)
