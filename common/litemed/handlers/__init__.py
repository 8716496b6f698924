# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Handlers for MONAI engines: resuming, best weights, history, scores and pictures."""

from __future__ import annotations

from litemed.handlers.averaging import WeightAverage
from litemed.handlers.history import TrainingHistory
from litemed.handlers.pictures import PictureWriter, overlay
from litemed.handlers.scores import CaseTable, ScoreTable
from litemed.handlers.training import BestWeights, EpochSeed, TrainingCheckpoint

__all__ = [
    "BestWeights",
    "CaseTable",
    "EpochSeed",
    "PictureWriter",
    "ScoreTable",
    "TrainingCheckpoint",
    "TrainingHistory",
    "WeightAverage",
    "overlay",
]
