# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of break-up masks, with the published treatment of an absent class and with ours."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from litemed.metrics.cases import CaseMetric
from litemed.metrics.overlap import overlap_scores
from monai.utils import MetricReduction

__all__ = ["BreakUpMetric"]


class BreakUpMetric(CaseMetric):
    """Overlap of break-up masks picture by picture, as TF-Net's tables count it (section V).

    Takes masks ``y_pred`` and ``y`` of shape ``(batch, 1, W, H)``, or lists of ``(1, W, H)``. ``mean_dice``,
    ``mean_iou``, ``mean_recall`` and ``mean_fpr`` are the tables' mDSC, mIoU, mRecall and mFPR: means over background
    and break-up. The others are break-up's own. ``false_area`` is the share of the picture that is marked although
    there is no break-up at all; it is undefined (nan) in pictures with break-up.

    The two policies differ only where a class is absent:

    - ``absent="perfect"``, ours: Dice and IoU of a class that is neither there nor predicted are 1; a ratio without a
      denominator is undefined and left out, of the mean over the two classes too.
    - ``absent="zero"``, as in the published code: such a score is 0. A picture without break-up then counts as half
      wrong, even where nothing was marked.

    Args:
        scores: which of the scores to report.
        absent: ``"perfect"`` or ``"zero"``.
        reduction, get_not_nans: as in :py:class:`litemed.metrics.CaseMetric`.

    Raises:
        ValueError: when a score or the policy is unknown.
    """

    available = (
        "mean_dice",
        "mean_iou",
        "mean_recall",
        "mean_fpr",
        "dice",
        "iou",
        "recall",
        "precision",
        "fpr",
        "false_area",
    )
    case_input = "none"

    def __init__(
        self,
        scores: str | Sequence[str] = available,
        *,
        absent: str = "perfect",
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(scores, reduction=reduction, get_not_nans=get_not_nans)
        if absent not in ("perfect", "zero"):
            raise ValueError(f"expected absent to be 'perfect' or 'zero', got {absent!r}")
        self.absent = absent

    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: None) -> tuple[float, ...]:
        counts = overlap_scores(pred, truth)
        tp, fp, fn, tn = counts.tp, counts.fp, counts.fn, counts.tn
        perfect, undefined = (1.0, math.nan) if self.absent == "perfect" else (0.0, 0.0)
        dice = _ratio(2 * tp, 2 * tp + fp + fn, perfect)
        iou = _ratio(tp, tp + fp + fn, perfect)
        recall = _ratio(tp, tp + fn, undefined)
        fpr = _ratio(fp, fp + tn, undefined)
        background = (
            _ratio(2 * tn, 2 * tn + fp + fn, perfect),
            _ratio(tn, tn + fp + fn, perfect),
            _ratio(tn, tn + fp, undefined),
            _ratio(fn, tp + fn, undefined),
        )
        return (
            *(_mean(pair) for pair in zip((dice, iou, recall, fpr), background, strict=True)),
            dice,
            iou,
            recall,
            _ratio(tp, tp + fp, undefined),
            fpr,
            fp / pred.size if tp + fn == 0 else math.nan,
        )


def _ratio(part: int, whole: int, otherwise: float) -> float:
    return part / whole if whole else otherwise


def _mean(pair: tuple[float, float]) -> float:
    """Mean of those that are defined."""
    defined = [value for value in pair if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan
