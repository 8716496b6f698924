# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics: surface distances, overlap and ROC scores, bootstrap intervals; functions and MONAI metrics over them."""

from __future__ import annotations

from litemed.metrics.anatomy import (
    TopologyMetric,
    TopologyScores,
    ViolationMetric,
    betti_numbers,
    broken_pixels,
    topology_scores,
)
from litemed.metrics.bootstrap import BootstrapInterval, bootstrap_mean
from litemed.metrics.cases import CaseMetric, RegionMetric
from litemed.metrics.challenge import ChallengeScores, challenge_compat
from litemed.metrics.handler import ScoreHandler
from litemed.metrics.label_maps import ChallengeMetric, LabelDiceMetric
from litemed.metrics.overlap import OverlapMetric, OverlapScores, overlap_scores
from litemed.metrics.roc import PixelAUCMetric, roc_auc
from litemed.metrics.surface import SurfaceMetric, SurfaceScores, surface_scores

__all__ = [
    "BootstrapInterval",
    "CaseMetric",
    "ChallengeMetric",
    "ChallengeScores",
    "LabelDiceMetric",
    "OverlapMetric",
    "OverlapScores",
    "PixelAUCMetric",
    "RegionMetric",
    "ScoreHandler",
    "SurfaceMetric",
    "SurfaceScores",
    "TopologyMetric",
    "TopologyScores",
    "ViolationMetric",
    "betti_numbers",
    "bootstrap_mean",
    "broken_pixels",
    "challenge_compat",
    "overlap_scores",
    "roc_auc",
    "surface_scores",
    "topology_scores",
]
