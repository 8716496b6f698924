# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How does a training run? Handlers for MONAI engines: weights, resuming, history, scores and pictures."""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "autocast": ["AutocastInferer"],
        "averaging": ["WeightAverage"],
        "history": ["TrainingHistory"],
        "modalities": ["ModalityTable"],
        "picture_writer": ["PictureWriter"],
        "record": ["record_run"],
        "scores": ["CaseTable", "ScoreTable"],
        "tracking": ["track_files"],
        "resuming": ["BestWeights", "EpochSeed", "TrainingCheckpoint"],
        "serving": ["ServedTraining"],
        "training": ["Training"],
        "warm_start": ["WarmStartFrom"],
        "weights": ["LoadWeights", "StartFrom"],
    },
)
