# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""SwiftMedSAM: box-prompted segmentation of any modality with a small network."""

from __future__ import annotations

from pathlib import Path

from swiftmedsam.data import list_slices, load_cases, modality_of
from swiftmedsam.inference import OverlayWriter, PromptInferer, list_prompted
from swiftmedsam.loss import DistillationInferer, DistillationLoss, Lesson, MaskLoss
from swiftmedsam.network import VARIANTS, SwiftMedSAM
from swiftmedsam.objects import LoadChallenged, RandObjectd
from swiftmedsam.prompted import PromptedNetwork, PromptedOutput, load_network, prompt_to_boxes
from swiftmedsam.samples import sample_archives, sample_pictures
from swiftmedsam.scores import ChallengeMetric, LabelDiceMetric, ModalityTable
from swiftmedsam.transforms import LoadImageOrVolumed, NarrowLabelsd, OrientVolumesd, RestoreAxesd, SaveLabelMapd
from swiftmedsam.weights import LoadWeights, StartFrom, weights_path

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__all__ = [
    "BUNDLE_ROOT",
    "VARIANTS",
    "ChallengeMetric",
    "DistillationInferer",
    "DistillationLoss",
    "LabelDiceMetric",
    "Lesson",
    "LoadChallenged",
    "LoadImageOrVolumed",
    "LoadWeights",
    "MaskLoss",
    "ModalityTable",
    "NarrowLabelsd",
    "OrientVolumesd",
    "OverlayWriter",
    "PromptInferer",
    "PromptedNetwork",
    "PromptedOutput",
    "RandObjectd",
    "RestoreAxesd",
    "SaveLabelMapd",
    "StartFrom",
    "SwiftMedSAM",
    "list_prompted",
    "list_slices",
    "load_cases",
    "load_network",
    "modality_of",
    "prompt_to_boxes",
    "sample_archives",
    "sample_pictures",
    "weights_path",
]
