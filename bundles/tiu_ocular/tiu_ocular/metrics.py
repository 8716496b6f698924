# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation scores: each region, the anatomy, and the ratios that are measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from litemed.metrics.cases import RegionMetric
from litemed.metrics.handler import ScoreHandler
from litemed.metrics.overlap_metric import OverlapMetric
from litemed.metrics.surface_metric import SurfaceMetric
from litemed.metrics.topology_metric import TopologyMetric
from litemed.metrics.violations import ViolationMetric
from monai.utils import MetricReduction

from tiu_ocular.measurements import RATIOS, measure_eye
from tiu_ocular.regions import REGIONS, eye_anatomy

__all__ = ["RatioErrorMetric", "evaluation_metrics", "select_regions"]

Pair = tuple[list[torch.Tensor], list[torch.Tensor]]


class RatioErrorMetric(RegionMetric):
    """Relative error of the measured ratios, |predicted - true| / true, of each case.

    Takes one-hot ``y_pred`` and ``y`` of shape (batch, 5, W, H), or lists of (5, W, H), and optionally ``region``, one
    mask (1, W, H) for each case. The scores are :data:`tiu_ocular.measurements.RATIOS`, and ``"mean"`` of those that
    are defined. A ratio that the truth lacks is undefined (nan); one that only the prediction lacks has the error 1.
    The arguments are those of :py:class:`litemed.metrics.CaseMetric`.
    """

    available = (*RATIOS, "mean")

    def __init__(
        self,
        scores: str | Sequence[str] = available,
        *,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(scores, include_background=True, reduction=reduction, get_not_nans=get_not_nans)

    def _score_case(self, pred: torch.Tensor, truth: torch.Tensor, case_input: np.ndarray | None) -> torch.Tensor:
        rows = [self._score(np.asarray(pred.argmax(0).cpu()).T, np.asarray(truth.argmax(0).cpu()).T, case_input)]
        return torch.tensor(rows, dtype=torch.float64)

    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: np.ndarray | None) -> tuple[float, ...]:
        if case_input is not None:
            pred, truth = pred * case_input.T, truth * case_input.T
        ours, theirs = measure_eye(pred), measure_eye(truth)
        errors = [_relative_error(ours[name], theirs[name]) for name in RATIOS]
        defined = [error for error in errors if not math.isnan(error)]
        return (*errors, sum(defined) / len(defined) if defined else math.nan)


def _relative_error(pred: float | None, truth: float | None) -> float:
    if not truth:
        return math.nan
    return 1.0 if pred is None else abs(pred - truth) / truth


def select_regions(regions: Sequence[str], keys: Sequence[str] = ("pred", "label")) -> Callable[[Any], Pair]:
    """An ``output_transform`` that gives some regions of one-hot maps to a metric, which should take all channels.

    Args:
        regions: names out of :data:`tiu_ocular.regions.REGIONS`.
        keys: of the two one-hot maps (5, W, H) in the engine's output.

    Raises:
        ValueError: for an unknown region, or none.
    """
    unknown = [region for region in regions if region not in REGIONS]
    if unknown or not regions:
        raise ValueError(f"expected regions among {', '.join(REGIONS)}, got {unknown or 'none'}")
    channels = [REGIONS.index(region) for region in regions]

    def select(output: Sequence[Mapping[str, torch.Tensor]]) -> Pair:
        first, second = ([item[key][channels] for item in output] for key in keys)
        return first, second

    return select


def evaluation_metrics(regions: Sequence[str]) -> dict[str, ScoreHandler]:
    """The metrics of an evaluation, by the name under which they stand in the table of scores.

    ``hd95`` over all the regions, ``<region>_dice``, ``<region>_hd95`` and ``<region>_betti_error`` of each (pixels;
    a region that only one of the two has costs the picture's diagonal), ``anatomy_violated_pixels`` and ``_cases`` of
    the prediction, ``label_violated_cases`` of the truth, and ``ratio_error_<ratio>``.

    Args:
        regions: names out of :data:`tiu_ocular.regions.REGIONS`.
    """
    chosen = select_regions(regions)
    handlers = {"hd95": ScoreHandler(SurfaceMetric("hd95", include_background=True), chosen)}
    for region in regions:
        alone = select_regions([region])
        handlers[f"{region}_dice"] = ScoreHandler(OverlapMetric("dice"), alone)
        handlers[f"{region}_hd95"] = ScoreHandler(SurfaceMetric("hd95"), alone)
        handlers[f"{region}_betti_error"] = ScoreHandler(TopologyMetric("betti_error"), alone)
    violated = ("violated_pixels", "violated_cases")
    handlers["anatomy"] = ScoreHandler(ViolationMetric(eye_anatomy(), violated), select_regions(REGIONS))
    truth = select_regions(REGIONS, ("label", "label"))
    handlers["label"] = ScoreHandler(ViolationMetric(eye_anatomy(), ["violated_cases"]), truth)
    handlers["ratio_error"] = ScoreHandler(RatioErrorMetric(), select_regions(REGIONS))
    return handlers
