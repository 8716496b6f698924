# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""SwiftMedSAM: box-prompted segmentation of any modality with a small network."""

from __future__ import annotations

from pathlib import Path

from swiftmedsam.inference import LoadWeights, OverlayWriter, PromptInferer, StartFrom, list_prompted
from swiftmedsam.network import VARIANTS, SwiftMedSAM
from swiftmedsam.prompted import PromptedNetwork, PromptedOutput, load_network, prompt_to_boxes
from swiftmedsam.samples import sample_archives, sample_pictures
from swiftmedsam.transforms import LoadImageOrVolumed, NarrowLabelsd, OrientVolumesd, RestoreAxesd, SaveLabelMapd

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__all__ = [
    "BUNDLE_ROOT",
    "VARIANTS",
    "LoadImageOrVolumed",
    "LoadWeights",
    "NarrowLabelsd",
    "OrientVolumesd",
    "OverlayWriter",
    "PromptInferer",
    "PromptedNetwork",
    "PromptedOutput",
    "RestoreAxesd",
    "SaveLabelMapd",
    "StartFrom",
    "SwiftMedSAM",
    "list_prompted",
    "load_network",
    "prompt_to_boxes",
    "sample_archives",
    "sample_pictures",
]
