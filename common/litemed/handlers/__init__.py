# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Handlers for MONAI engines: resuming, best weights, history, scores and pictures."""

from __future__ import annotations

from .averaging import WeightAverage
from .history import TrainingHistory
from .pictures import PictureWriter, overlay
from .scores import ScoreTable
from .training import BestWeights, EpochSeed, TrainingCheckpoint

__all__ = [
    "BestWeights",
    "EpochSeed",
    "PictureWriter",
    "ScoreTable",
    "TrainingCheckpoint",
    "TrainingHistory",
    "WeightAverage",
    "overlay",
]
