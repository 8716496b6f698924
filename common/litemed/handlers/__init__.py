# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Handlers for MONAI engines: weights, resuming, history, scores and pictures."""

from __future__ import annotations

from litemed.handlers.averaging import WeightAverage
from litemed.handlers.history import TrainingHistory
from litemed.handlers.modalities import ModalityTable
from litemed.handlers.pictures import PictureWriter, overlay
from litemed.handlers.record import record_run
from litemed.handlers.scores import CaseTable, ScoreTable
from litemed.handlers.tracking import track_files
from litemed.handlers.training import BestWeights, EpochSeed, TrainingCheckpoint
from litemed.handlers.weights import LoadWeights, StartFrom

__all__ = [
    "BestWeights",
    "CaseTable",
    "EpochSeed",
    "LoadWeights",
    "ModalityTable",
    "PictureWriter",
    "ScoreTable",
    "StartFrom",
    "TrainingCheckpoint",
    "TrainingHistory",
    "WeightAverage",
    "overlay",
    "record_run",
    "track_files",
]
