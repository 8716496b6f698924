# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TF-Net and TF-Collab: tear-film break-up, from a frame's mask to a video's break-up time."""

from __future__ import annotations

from pathlib import Path

from tfnet.classifier import CLASSES, FrameClassifier, FrameClassMetric
from tfnet.detector import RINGS, BoxIoUMetric, RingDetectionLoss, RingDetector, decode_rings, encode_rings
from tfnet.network import TFNet

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__all__ = [
    "BUNDLE_ROOT",
    "CLASSES",
    "RINGS",
    "BoxIoUMetric",
    "FrameClassMetric",
    "FrameClassifier",
    "RingDetectionLoss",
    "RingDetector",
    "TFNet",
    "decode_rings",
    "encode_rings",
]
