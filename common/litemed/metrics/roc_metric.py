# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The area under the ROC curve as a metric of MONAI."""

from __future__ import annotations

import numpy as np
from monai.utils import MetricReduction

from litemed.metrics.cases import RegionMetric
from litemed.metrics.roc import roc_auc

__all__ = ["PixelAUCMetric"]


class PixelAUCMetric(RegionMetric):
    """:py:func:`litemed.metrics.roc_auc` of every case and class, with the number of undefined values.

    Takes probabilities ``y_pred`` and binary ``y`` of shape (batch, channels, spatial), or lists of (channels,
    spatial), and optionally ``region``, one mask of shape (1, spatial) for each case. The result is a mean over cases;
    for the area over the pixels of all cases together, hand them to :py:func:`litemed.metrics.roc_auc` as one array.

    Args:
        include_background, reduction, get_not_nans: as in :py:class:`litemed.metrics.CaseMetric`.
    """

    available = ("auc",)

    def __init__(
        self,
        *,
        include_background: bool = False,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__("auc", include_background, reduction, get_not_nans)

    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: np.ndarray | None) -> tuple[float, ...]:
        return (roc_auc(pred, truth, region=case_input),)
