# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TF-Net and TF-Collab: tear-film break-up, from a frame's mask to a video's break-up time."""

from __future__ import annotations

from pathlib import Path

from litemed.lazy import lazy_names

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "augmentation": ["RandWindowd", "RingTargetd"],
        "classifier": ["CLASSES", "FrameClassifier"],
        "data": ["break_up_weights", "frame_weights", "load_cases", "require_batches", "subject_of"],
        "detector": ["RINGS", "RingDetectionLoss", "RingDetector", "decode_rings", "encode_rings", "ring_window"],
        "network": ["TFNet"],
        "resizing": ["FitPictured", "FixedSizeInferer", "RingWindowd", "StretchPictured", "UnitRanged", "stretch"],
        "frame_metrics": ["BoxIoUMetric", "BreakUpMetric", "FrameClassMetric"],
    },
)
