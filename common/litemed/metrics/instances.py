# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How many of the single objects of a picture are found: matched one to one by their overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["InstanceScores", "instance_scores"]


@dataclass(frozen=True)
class InstanceScores:
    """Objects of a picture, or of several added up.

    Attributes:
        matched: pairs of a predicted and a true object whose IoU is above the threshold.
        predicted: predicted objects.
        true: true objects.
        iou_sum: IoU of the matched pairs, added up.
    """

    matched: int
    predicted: int
    true: int
    iou_sum: float = 0.0

    def __add__(self, other: InstanceScores) -> InstanceScores:
        return InstanceScores(
            self.matched + other.matched,
            self.predicted + other.predicted,
            self.true + other.true,
            self.iou_sum + other.iou_sum,
        )

    @property
    def f1(self) -> float:
        """2 matched / (predicted + true), also called detection or recognition quality; 1 where there is no object."""
        total = self.predicted + self.true
        return 2 * self.matched / total if total else 1.0

    @property
    def precision(self) -> float:
        """Matched / predicted; NaN without a predicted object."""
        return self.matched / self.predicted if self.predicted else float("nan")

    @property
    def recall(self) -> float:
        """Matched / true; NaN without a true object."""
        return self.matched / self.true if self.true else float("nan")

    @property
    def panoptic_quality(self) -> float:
        """F1 times the mean IoU of the matched pairs (Kirillov et al., CVPR 2019); 1 where there is no object."""
        return self.f1 * self.iou_sum / self.matched if self.matched else self.f1


def instance_scores(pred: np.ndarray, truth: np.ndarray, iou: float = 0.5) -> InstanceScores:
    """Match the objects of two label maps.

    Two objects match when the IoU of their pixels is above the threshold, not at it. At one half or more an object has
    one partner at most, as two would have to share pixels, so no assignment has to be searched for and the counts are
    exact.

    Args:
        pred: whole numbers, 0 background, each other value one object, wherever its pixels lie.
        truth: the same, of the same shape.
        iou: threshold, from 0.5 to below 1.

    Raises:
        ValueError: for another threshold, another shape, or values that aren't whole numbers of 0 and more.
    """
    if not 0.5 <= iou < 1:
        raise ValueError(f"expected an iou from 0.5 to below 1, got {iou}")
    if pred.shape != truth.shape:
        raise ValueError(f"expected pred and truth of one shape, got {pred.shape} and {truth.shape}")
    for name, labels in (("pred", pred), ("truth", truth)):
        if labels.dtype.kind not in "biu" or (labels.size and labels.min() < 0):
            raise ValueError(f"expected whole numbers of 0 and more in {name}, got {labels.dtype}")
    found, pred_index, pred_sizes = np.unique(pred, return_inverse=True, return_counts=True)
    known, truth_index, truth_sizes = np.unique(truth, return_inverse=True, return_counts=True)
    pairs, shared = np.unique(pred_index.ravel() * len(known) + truth_index.ravel(), return_counts=True)
    first, second = np.divmod(pairs, max(len(known), 1))
    overlaps = shared / (pred_sizes[first] + truth_sizes[second] - shared)
    matches = (found[first] != 0) & (known[second] != 0) & (overlaps > iou)
    return InstanceScores(
        int(matches.sum()), int((found != 0).sum()), int((known != 0).sum()), float(overlaps[matches].sum())
    )
