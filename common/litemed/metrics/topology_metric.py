# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Topology scores as a metric of MONAI."""

from __future__ import annotations

import numpy as np

from litemed.metrics.cases import RegionMetric
from litemed.metrics.topology import topology_scores

__all__ = ["TopologyMetric"]


class TopologyMetric(RegionMetric):
    """:py:func:`litemed.metrics.topology_scores` of every case and class.

    Takes binarised ``y_pred`` and ``y`` of shape (batch, channels, spatial), or lists of (channels, spatial), and
    optionally ``region``, one mask of shape (1, spatial) for each case.

    The scores are "components", "component_error" and "betti_error"; the arguments those of
    :py:class:`litemed.metrics.CaseMetric`.
    """

    available = ("components", "component_error", "betti_error")

    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: np.ndarray | None) -> tuple[float, ...]:
        result = topology_scores(pred, truth, region=case_input)
        return tuple(getattr(result, score) for score in self.available)
