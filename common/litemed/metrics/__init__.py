# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How good is a mask? Surfaces, overlap, ROC, topology, anatomy, objects and intervals; and MONAI metrics of them."""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "anatomy": ["Anatomy"],
        "bootstrap": ["BootstrapInterval", "bootstrap_mean"],
        "cases": ["CaseMetric", "RegionMetric"],
        "challenge": ["ChallengeScores", "challenge_compat"],
        "handler": ["ScoreHandler"],
        "instances": ["InstanceScores", "instance_scores"],
        "label_maps": ["ChallengeMetric", "LabelDiceMetric"],
        "overlap": ["OverlapScores", "overlap_scores"],
        "overlap_metric": ["OverlapMetric"],
        "roc": ["roc_auc"],
        "roc_metric": ["PixelAUCMetric"],
        "surface": ["SurfaceScores", "surface_scores"],
        "surface_metric": ["SurfaceMetric"],
        "topology": ["TopologyScores", "betti_numbers", "topology_scores"],
        "topology_metric": ["TopologyMetric"],
        "violations": ["ViolationMetric", "broken_pixels"],
    },
)
