# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Class-prompt TinyViT: box-prompted segmentation that is told the modality."""

from __future__ import annotations

from pathlib import Path

from litemed.lazy import lazy_names

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "data": ["RandUntoldClassd", "UnknownClassd", "classes_of", "modality_name", "with_classes"],
        "head_start": ["ClassHeadStart", "fit_class_head"],
        "inference": ["ClassPromptInferer", "Modality", "ConditionedNetwork"],
        "loss": ["ClassPromptLoss"],
        "network": [
            "SURE",
            "UNKNOWN",
            "UNTOLD",
            "ClassPromptMedSAM",
            "ClassPromptedOutput",
            "PromptedNetwork",
            "load_network",
            "parameter_groups",
        ],
        "modality_report": ["ModalityReport"],
    },
)
