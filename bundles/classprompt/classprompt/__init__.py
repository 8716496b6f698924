# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Class-prompt TinyViT: box-prompted segmentation that is told the modality."""

from __future__ import annotations

from pathlib import Path

from classprompt.data import UnknownClassd, classes_of, modality_name, with_classes
from classprompt.head_start import ClassHeadStart
from classprompt.inference import ClassPromptInferer, Modality, ToldNetwork
from classprompt.loss import ClassPromptLoss
from classprompt.network import ClassPromptedOutput, ClassPromptMedSAM, PromptedNetwork, load_network, parameter_groups
from classprompt.report import ModalityReport

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__all__ = [
    "BUNDLE_ROOT",
    "ClassHeadStart",
    "ClassPromptInferer",
    "ClassPromptLoss",
    "ClassPromptMedSAM",
    "ClassPromptedOutput",
    "Modality",
    "ModalityReport",
    "PromptedNetwork",
    "ToldNetwork",
    "UnknownClassd",
    "classes_of",
    "load_network",
    "modality_name",
    "parameter_groups",
    "with_classes",
]
