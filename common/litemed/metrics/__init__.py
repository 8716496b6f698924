# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How good is a mask? Surface distances, overlap, ROC, topology, anatomy and intervals; and MONAI metrics of them."""

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
        "label_maps": ["ChallengeMetric", "LabelDiceMetric"],
        "overlap": ["OverlapMetric", "OverlapScores", "overlap_scores"],
        "roc": ["PixelAUCMetric", "roc_auc"],
        "surface": ["SurfaceMetric", "SurfaceScores", "surface_scores"],
        "topology": [
            "TopologyMetric",
            "TopologyScores",
            "ViolationMetric",
            "betti_numbers",
            "broken_pixels",
            "topology_scores",
        ],
    },
)
