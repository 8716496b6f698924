# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of break-up masks, with the published treatment of an absent class and with ours, of classes and of boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from litemed.metrics.cases import CaseMetric
from litemed.metrics.overlap import overlap_scores
from monai.utils import MetricReduction

from tfnet.classifier import CLASSES
from tfnet.detector import OUTPUTS, RINGS, box_iou, corners

__all__ = ["BoxIoUMetric", "BreakUpMetric", "FrameClassMetric", "break_up_scores"]


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


def break_up_scores(mask: np.ndarray, truth: np.ndarray, scores: Sequence[str]) -> dict[str, float]:
    """Scores of one mask, see :class:`BreakUpMetric`.

    Args:
        mask: bool ``(height, width)``.
        truth: of the same shape.
        scores: their names.
    """
    metric = BreakUpMetric(scores)
    metric(*(torch.from_numpy(each)[None, None] for each in (mask, truth)))
    return {name: float(value) for name, value in metric.details().items()}


class FrameClassMetric(CaseMetric):
    """Accuracy over frames, and for each class the recall: its mean over the frames of that class.

    Takes class indices ``y_pred`` and ``y`` of shape ``(batch, 1)``, or lists of ``(1,)``.

    Args:
        scores: which of ``accuracy`` and, for the recalls, ``clear``, ``closed``, ``broken`` and ``blur`` to report.
        reduction, get_not_nans: as in :py:class:`litemed.metrics.CaseMetric`.
    """

    available = ("accuracy", *CLASSES)
    case_input = "none"

    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: None) -> tuple[float, ...]:
        hit = float(pred == truth)
        return (hit, *(hit if truth == index else math.nan for index in range(len(CLASSES))))


class BoxIoUMetric(CaseMetric):
    """IoU of the three boxes of each frame, and whether the presence of rings was told.

    Takes ``y_pred`` and ``y`` of shape ``(batch, 13)``, or lists of ``(13,)``: the network's output, and
    :func:`encode_rings`. IoU doesn't depend on the scale of the axes, so it is that of the boxes in pixels. Of a frame
    without rings only the presence is scored.

    Args:
        scores: which of ``iou``, the mean over the three boxes, the IoU of ``inside``, ``middle`` and ``outside``, and
            ``presence``, 1 where the presence was told right and 0 where not, to report.
        reduction, get_not_nans: as in :py:class:`litemed.metrics.CaseMetric`.
    """

    available = ("iou", *RINGS, "presence")
    case_input = "none"

    def _score_case(self, pred: torch.Tensor, truth: torch.Tensor, case_input: None) -> torch.Tensor:
        if pred.shape != (OUTPUTS,) or truth.shape != (OUTPUTS,):
            raise ValueError(f"expected {OUTPUTS} numbers a frame, got {tuple(pred.shape)} and {tuple(truth.shape)}")
        return torch.tensor([self._score(np.asarray(pred.cpu()), np.asarray(truth.cpu()), None)], dtype=torch.float64)

    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: None) -> tuple[float, ...]:
        told = float((pred[0] > 0) == (truth[0] > 0.5))
        if truth[0] <= 0.5:
            return (*[math.nan] * (1 + len(RINGS)), told)
        boxes, others = (corners(torch.from_numpy(each[1:].reshape(-1, 4))).double() for each in (pred, truth))
        overlaps = box_iou(boxes, others).tolist()
        return (sum(overlaps) / len(RINGS), *overlaps, told)


def _ratio(part: int, whole: int, otherwise: float) -> float:
    return part / whole if whole else otherwise


def _mean(pair: tuple[float, float]) -> float:
    """Mean of those that are defined."""
    defined = [value for value in pair if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan
