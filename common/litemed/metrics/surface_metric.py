# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Surface distances as a metric of MONAI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from monai.utils import MetricReduction

from litemed.metrics.cases import CaseMetric
from litemed.metrics.surface import Definition, EmptyPolicy, Spacing, check_options, surface_scores

__all__ = ["SurfaceMetric"]


class SurfaceMetric(CaseMetric):
    """`litemed.metrics.surface_scores` of every case and class, and the number of cases that were missed or spurious.

    Takes binarised ``y_pred`` and ``y`` of shape (batch, channels, spatial), or lists of (channels, spatial), and
    optionally ``spacing``: one for all cases, or a sequence with one for each case.

    Args:
        scores: which of "hd95", "assd" and "nsd" to report. All come from one pass.
        definition, percentile, tolerance, empty: as in `litemed.metrics.surface_scores`. Only with ``empty="nan"`` are
            cases with one empty mask left out of the mean distance; they are counted in any case.
        include_background, reduction, get_not_nans: as in :py:class:`litemed.metrics.CaseMetric`.

    Example:
        >>> metric = SurfaceMetric(tolerance=2.0)
        >>> masks = torch.ones(1, 1, 8, 8)
        >>> metric(masks, masks).shape
        torch.Size([1, 1, 5])
        >>> metric.aggregate()["nsd"].item(), metric.counts()["missed"]
        (1.0, 0)
    """

    available = ("hd95", "assd", "nsd")
    flags = ("missed", "spurious")
    case_input = "spacing"

    def __init__(
        self,
        scores: str | Sequence[str] = available,
        *,
        definition: Definition = "monai",
        percentile: float = 95.0,
        tolerance: float = 1.0,
        empty: EmptyPolicy = "diagonal",
        include_background: bool = False,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(scores, include_background, reduction, get_not_nans)
        check_options(percentile, tolerance, definition, empty)
        self.definition = definition
        self.percentile = percentile
        self.tolerance = tolerance
        self.empty = empty

    def _per_case(self, case_input: Any, cases: int) -> Sequence[Any]:
        one_for_all = np.ndim(case_input) == 0 or np.ndim(case_input[0]) == 0
        return [case_input] * cases if one_for_all else case_input

    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: Spacing) -> tuple[float, ...]:
        result = surface_scores(
            pred,
            truth,
            spacing=case_input,
            percentile=self.percentile,
            tolerance=self.tolerance,
            definition=self.definition,
            empty=self.empty,
        )
        return result.hd95, result.assd, result.nsd, result.missed, result.spurious
