# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TF-Net and TF-Collab: tear-film break-up, from a frame's mask to a video's break-up time."""

from __future__ import annotations

from pathlib import Path

from tfnet.augmentation import RandWindowd, RingTargetd
from tfnet.classifier import CLASSES, FrameClassifier, FrameClassMetric
from tfnet.data import break_up_weights, frame_weights, load_cases, require_batches, subject_of
from tfnet.detector import RINGS, BoxIoUMetric, RingDetectionLoss, RingDetector, decode_rings, encode_rings
from tfnet.network import TFNet
from tfnet.resizing import FixedSizeInferer, RingWindowd, StretchPictured, UnitRanged, ring_window, stretch
from tfnet.scores import BreakUpMetric

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__all__ = [
    "BUNDLE_ROOT",
    "CLASSES",
    "RINGS",
    "BoxIoUMetric",
    "BreakUpMetric",
    "FixedSizeInferer",
    "FrameClassMetric",
    "FrameClassifier",
    "RandWindowd",
    "RingDetectionLoss",
    "RingDetector",
    "RingTargetd",
    "RingWindowd",
    "StretchPictured",
    "TFNet",
    "UnitRanged",
    "break_up_weights",
    "decode_rings",
    "encode_rings",
    "frame_weights",
    "load_cases",
    "require_batches",
    "ring_window",
    "stretch",
    "subject_of",
]
