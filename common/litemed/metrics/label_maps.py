# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of label maps, in which every label is an object."""

from __future__ import annotations

from typing import Any

import numpy as np

from litemed.metrics.cases import CaseMetric
from litemed.metrics.challenge import challenge_compat
from litemed.metrics.overlap import overlap_scores

__all__ = ["ChallengeMetric", "LabelDiceMetric"]


class LabelDiceMetric(CaseMetric):
    """Dice of label maps: the mean over the labels of the truth.

    It takes ``(1, W, H)`` or ``(1, X, Y, Z)`` of both; ``spacing`` is accepted and has no effect.
    """

    available = ("dice",)
    case_input = "spacing"

    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: Any) -> tuple[float, ...]:
        labels = [label for label in np.unique(truth) if label]
        return (float(np.mean([overlap_scores(pred == label, truth == label).dice for label in labels])),)


class ChallengeMetric(CaseMetric):
    """`challenge_compat` of label maps: Dice, and NSD corrected and as the challenge computes it.

    It takes ``(1, W, H)`` or ``(1, X, Y, Z)`` of both, x first, and ``spacing`` in the same order.
    """

    available = ("dice", "nsd", "nsd_published")
    case_input = "spacing"

    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: Any) -> tuple[float, ...]:
        steps = None if case_input is None else tuple(float(step) for step in case_input)[::-1]
        # as the challenge's files have them: slices, rows, columns
        scores = challenge_compat(pred.T, truth.T, spacing=steps)
        return scores.dice, scores.nsd, scores.nsd_published
