# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Broken relations between regions, by pixel and as a metric of MONAI."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from monai.utils import MetricReduction

from litemed.metrics.anatomy import Anatomy
from litemed.metrics.cases import RegionMetric
from litemed.metrics.inputs import Image, in_region, to_mask

__all__ = ["ViolationMetric", "broken_pixels"]


def broken_pixels(masks: Image, anatomy: Anatomy) -> np.ndarray:
    """Mark the pixels that take part in a broken relation.

    Args:
        masks: (channels, spatial), bool or 0 and 1: a one-hot label map, or filled regions in mode "nested".
        anatomy: the declared relations. In mode "disjoint" a relation is broken between two neighbouring pixels, and
            both are marked.

    Returns:
        bool (relations, spatial), in the order of ``anatomy.relations``.

    Raises:
        ValueError: when a value is neither 0 nor 1, or the channels don't fit the anatomy.
    """
    maps = torch.from_numpy(to_mask(masks, "masks")).float()[None]
    broken = torch.zeros(len(anatomy.relations), *maps.shape[2:], dtype=torch.bool)
    for marks, violations in zip(broken.split(1), anatomy.violations(maps), strict=True):
        for violation in violations:
            marks[violation.first] |= violation.amount > 0
            marks[violation.second] |= violation.amount > 0
    return broken.numpy()


class ViolationMetric(RegionMetric):
    """How often predictions break a declared anatomy: the share of pixels, and of cases.

    Takes binarised ``y_pred`` of shape (batch, channels, spatial), or a list of (channels, spatial), and optionally
    ``region``, one mask of shape (1, spatial) for each case. ``y`` is not looked at: call the metric with the truth
    as ``y_pred`` for the rate of the labels themselves.

    Args:
        anatomy: the declared relations; ``$@loss.anatomy`` in the configuration of a bundle trained with TIU loss.
        scores: "violated_pixels", the share of all pixels that :py:func:`broken_pixels` marks, and
            "violated_cases", which is 1 for a case with any such pixel and else 0, so that its mean is a rate.
        per_relation: report each of ``anatomy.relations`` in the place of a class, rather than whether any is broken.
        reduction, get_not_nans: as in :py:class:`litemed.metrics.CaseMetric`.
    """

    available = ("violated_pixels", "violated_cases")

    def __init__(
        self,
        anatomy: Anatomy,
        scores: str | Sequence[str] = available,
        *,
        per_relation: bool = False,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(scores, include_background=True, reduction=reduction, get_not_nans=get_not_nans)
        self.anatomy = anatomy
        self.per_relation = per_relation

    def _score_case(self, pred: torch.Tensor, truth: torch.Tensor, case_input: np.ndarray | None) -> torch.Tensor:
        broken = broken_pixels(pred, self.anatomy)
        if not self.per_relation:
            broken = np.any(broken, axis=0)[np.newaxis]
        rows = [self._score(marks, marks, case_input) for marks in broken]
        return torch.tensor(rows, dtype=torch.float64)

    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: np.ndarray | None) -> tuple[float, ...]:
        (marks,) = in_region(case_input, pred)
        return float(marks.mean()), float(marks.any())
