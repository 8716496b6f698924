# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What the metrics of this package share: several scores of each case and class from one pass over a pair of images."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.metrics import CumulativeIterationMetric
from monai.metrics.utils import do_metric_reduction
from monai.utils import MetricReduction

from litemed.metrics.inputs import to_array

__all__ = ["CaseMetric", "RegionMetric"]


class CaseMetric(CumulativeIterationMetric):
    """Base of the metrics: MONAI's cumulative metric with named scores, and one more input for each case.

    It is called as any of MONAI's, with ``y_pred`` and ``y`` of shape (batch, channels, spatial) or lists of
    (channels, spatial), and the keyword that ``case_input`` names. The buffer is float64 of shape
    (cases, classes, scores and flags).

    Args:
        scores: one name, and :py:meth:`aggregate` returns a tensor; several, and it returns a dict of tensors. All that
            are ``available`` by default.
        include_background: whether the first of several channels is scored. A single channel always is.
        reduction: over cases and classes, as in MONAI: "mean", "sum", "mean_batch", "none", ... It leaves out nan;
            :py:meth:`counts` tells how many.
        get_not_nans: whether :py:meth:`aggregate` returns (value, number of values) instead of the value.

    Raises:
        ValueError: when a score is unknown.
    """

    available: tuple[str, ...]
    """The scores that the metric computes, in the order of the buffer."""
    flags: tuple[str, ...] = ()
    """Yes or no questions about each case and class, answered after the scores in the buffer."""
    case_input: str
    """Name of the keyword that takes one more value for each case."""

    def __init__(
        self,
        scores: str | Sequence[str] | None = None,
        include_background: bool = False,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__()
        scores = self.available if scores is None else scores
        self.scores = (scores,) if isinstance(scores, str) else tuple(scores)
        unknown = [score for score in self.scores if score not in self.available]
        if unknown or not self.scores:
            raise ValueError(f"scores must be among {', '.join(self.available)}; got {scores!r}")
        self.single = isinstance(scores, str)
        self.include_background = include_background
        self.reduction = reduction
        self.get_not_nans = get_not_nans

    def aggregate(self, reduction: MetricReduction | str | None = None) -> Any:
        """Reduce the scores of all cases since the last reset.

        Args:
            reduction: in place of the metric's own.

        Returns:
            The tensor of the one score, or a dict by score; with ``get_not_nans`` pairs of (value, number of values).

        Raises:
            ValueError: when no case was scored.
        """
        reduced = self.reduced(reduction)
        results = reduced if self.get_not_nans else {score: value for score, (value, _) in reduced.items()}
        return results[self.scores[0]] if self.single else results

    def reduced(self, reduction: MetricReduction | str | None = None) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Value and number of values of each score. Where no value is defined the result is nan, not MONAI's 0.

        Raises:
            ValueError: when no case was scored.
        """
        results = {}
        for score, values in self.details().items():
            value, number = do_metric_reduction(values, reduction or self.reduction)
            results[score] = value.masked_fill(number == 0, math.nan), number
        return results

    def details(self) -> dict[str, torch.Tensor]:
        """The scores of every case, (cases, classes) by name.

        Raises:
            ValueError: when no case was scored.
        """
        return self._columns(self.scores)

    def flagged(self) -> dict[str, torch.Tensor]:
        """The flags of every case, 0 or 1, (cases, classes) by name.

        Raises:
            ValueError: when no case was scored.
        """
        return self._columns(self.flags)

    def counts(self) -> dict[str, int]:
        """How many pairs of case and class each flag holds for, and for how many a score is undefined (nan)."""
        counts = {flag: int(values.sum()) for flag, values in self.flagged().items()}
        for score, values in self.details().items():
            counts["undefined" if self.single else f"{score}_undefined"] = int(values.isnan().sum())
        return counts

    def _columns(self, names: Sequence[str]) -> dict[str, torch.Tensor]:
        buffer = self.get_buffer()
        if buffer is None:
            raise ValueError(f"{type(self).__name__} has scored no case since its last reset")
        columns = (*self.available, *self.flags)
        return {name: buffer[..., columns.index(name)] for name in names}

    def _compute_tensor(self, y_pred: Any, y: Any = None, **case_inputs: Any) -> torch.Tensor:
        return self._compute_list(y_pred, y, **case_inputs)

    def _compute_list(self, y_pred: Any, y: Any = None, **case_inputs: Any) -> torch.Tensor:
        given = case_inputs.pop(self.case_input, None)
        if case_inputs:
            raise TypeError(
                f"{type(self).__name__} takes {self.case_input!r} beside y_pred and y, got {list(case_inputs)}"
            )
        if y is None:
            raise ValueError(f"{type(self).__name__} needs y, the truth")
        inputs = [None] * len(y_pred) if given is None else self._per_case(given, len(y_pred))
        if not len(y_pred) == len(y) == len(inputs):
            raise ValueError(f"got {len(y_pred)} predictions, {len(y)} truths and {len(inputs)} x {self.case_input}")
        return torch.stack([self._score_case(*case) for case in zip(y_pred, y, inputs, strict=True)])

    def _score_case(self, pred: torch.Tensor, truth: torch.Tensor, case_input: Any) -> torch.Tensor:
        a, b = to_array(pred), to_array(truth)
        if a.shape != b.shape:
            raise ValueError(f"y_pred and y must have the same shape (channels, spatial), got {a.shape} and {b.shape}")
        first = 0 if self.include_background or len(a) == 1 else 1
        rows = [self._score(a[channel], b[channel], case_input) for channel in range(first, len(a))]
        return torch.tensor(rows, dtype=torch.float64)

    def _per_case(self, case_input: Any, cases: int) -> Sequence[Any]:
        """The case input as a sequence with one value for each of the cases."""
        return case_input

    @abstractmethod
    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: Any) -> tuple[float, ...]:
        """The available scores, then the flags, of one channel of one case."""


class RegionMetric(CaseMetric):
    """A metric whose input for each case is a region of shape (1, spatial), the same for all channels."""

    case_input = "region"

    def _per_case(self, case_input: Any, cases: int) -> Sequence[Any]:
        regions = [to_array(region) for region in case_input]
        for region in regions:
            if len(region) != 1:
                raise ValueError(f"a region must have the shape (1, spatial), got {region.shape}")
        return [region[0] for region in regions]
