# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Overlap of two masks: Dice, IoU, sensitivity, specificity, precision, accuracy and MCC."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from litemed.metrics.inputs import Image, in_region, mask_pair

__all__ = ["OverlapScores", "overlap_scores"]


@dataclass(frozen=True)
class OverlapScores:
    """Numbers of voxels, and the ratios they give, each 0 to 1, but for MCC, -1 to 1. Scores of several cases add up.

    Dice and IoU of two empty masks are 1: nothing was to be found and nothing was. Any other ratio without a
    denominator is undefined and nan: sensitivity without true voxels, specificity when all voxels are true, precision
    without predicted voxels, MCC where a mask is empty or full.

    Attributes:
        tp: voxels in both masks.
        fp: voxels in the predicted mask only.
        fn: voxels in the true mask only.
        tn: voxels in neither mask.
    """

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def dice(self) -> float:
        """2 tp / (2 tp + fp + fn), also called F1."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn, undefined=1.0)

    @property
    def iou(self) -> float:
        """tp / (tp + fp + fn), also called Jaccard."""
        return _ratio(self.tp, self.tp + self.fp + self.fn, undefined=1.0)

    @property
    def sensitivity(self) -> float:
        """tp / (tp + fn), also called recall."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float:
        """tn / (tn + fp)."""
        return _ratio(self.tn, self.tn + self.fp)

    @property
    def precision(self) -> float:
        """tp / (tp + fp)."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def accuracy(self) -> float:
        """(tp + tn) / all."""
        return (self.tp + self.tn) / (self.tp + self.fp + self.fn + self.tn)

    @property
    def mcc(self) -> float:
        """Matthews' correlation coefficient of the two masks."""
        sides = (self.tp + self.fp) * (self.tp + self.fn) * (self.tn + self.fp) * (self.tn + self.fn)
        return (self.tp * self.tn - self.fp * self.fn) / math.sqrt(sides) if sides else math.nan

    def __add__(self, other: OverlapScores) -> OverlapScores:
        return OverlapScores(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)


def overlap_scores(pred: Image, truth: Image, *, region: Image | None = None) -> OverlapScores:
    """Count how the voxels of two masks agree, and with it all overlap scores.

    Args:
        pred: predicted mask of any shape, bool or 0 and 1.
        truth: true mask of the same shape.
        region: mask of the same shape; voxels outside it are not counted (a fundus camera's field of view).

    Raises:
        ValueError: when shapes differ, a mask is not binary, or there is no voxel to count.
    """
    pred, truth = in_region(region, *mask_pair(pred, truth))
    tp = int(np.count_nonzero(pred & truth))
    fp = int(np.count_nonzero(pred)) - tp
    fn = int(np.count_nonzero(truth)) - tp
    return OverlapScores(tp, fp, fn, pred.size - tp - fp - fn)


def _ratio(part: int, whole: int, undefined: float = math.nan) -> float:
    return part / whole if whole else undefined
