# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Overlap scores as a metric of MONAI."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from monai.utils import MetricReduction

from litemed.metrics.cases import RegionMetric
from litemed.metrics.overlap import overlap_scores

__all__ = ["OverlapMetric"]


class OverlapMetric(RegionMetric):
    """:py:func:`litemed.metrics.overlap_scores` of every case and class, with the number of undefined values.

    Takes binarised ``y_pred`` and ``y`` of shape (batch, channels, spatial), or lists of (channels, spatial), and
    optionally ``region``, one mask of shape (1, spatial) for each case.

    Args:
        scores: which of "dice", "iou", "sensitivity", "specificity", "precision", "accuracy" and "mcc" to report.
        include_background, reduction, get_not_nans: as in :py:class:`litemed.metrics.CaseMetric`.
    """

    available = ("dice", "iou", "sensitivity", "specificity", "precision", "accuracy", "mcc")

    def __init__(
        self,
        scores: str | Sequence[str] = available,
        *,
        include_background: bool = False,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(scores, include_background, reduction, get_not_nans)

    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: np.ndarray | None) -> tuple[float, ...]:
        result = overlap_scores(pred, truth, region=case_input)
        return tuple(getattr(result, score) for score in self.available)
