# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""SwiftMedSAM: box-prompted segmentation of any modality with a small network."""

from __future__ import annotations

from pathlib import Path

from swiftmedsam.clicks import STAGES, ClickTraining, ClickValidation
from swiftmedsam.distillation import DistillationInferer, DistillationLoss, Lesson
from swiftmedsam.network import KEPT_BLOCKS, VARIANTS, PromptedNetwork, SwiftMedSAM, load_network
from swiftmedsam.stages import StageInferer, StageLesson, StageLoss

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__all__ = [
    "BUNDLE_ROOT",
    "KEPT_BLOCKS",
    "STAGES",
    "VARIANTS",
    "ClickTraining",
    "ClickValidation",
    "DistillationInferer",
    "DistillationLoss",
    "Lesson",
    "PromptedNetwork",
    "StageInferer",
    "StageLesson",
    "StageLoss",
    "SwiftMedSAM",
    "load_network",
]
