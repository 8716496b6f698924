# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""ROC AUC: against scikit-learn with and without ties, limits, regions, and the cumulative metric."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from litemed.metrics.roc import roc_auc
from litemed.metrics.roc_metric import PixelAUCMetric
from sklearn.metrics import roc_auc_score


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.95])
@pytest.mark.parametrize("levels", [2, 5, 256, None], ids=["2 levels", "5 levels", "256 levels", "continuous"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_scikit_learn(share: float, levels: int | None, dtype: type) -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((120, 130)) < share
    prob = (0.6 * rng.random(truth.shape) + 0.4 * truth * rng.random(truth.shape)).astype(dtype)
    prob = prob if levels is None else (np.floor(prob * levels) / levels).astype(dtype)
    region = rng.random(truth.shape) < 0.7
    assert roc_auc(prob, truth) == pytest.approx(roc_auc_score(truth.ravel(), prob.ravel()), abs=1e-9)
    inside = roc_auc_score(truth[region], prob[region])
    assert roc_auc(torch.from_numpy(prob), torch.from_numpy(truth), region=region) == pytest.approx(inside, abs=1e-9)


@pytest.mark.parametrize(
    ("prob", "truth", "expected"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 1.0),
        ([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0], 0.0),
        ([0.5, 0.5, 0.5, 0.5], [0, 1, 1, 1], 0.5),
        ([0.1, 0.5, 0.5, 0.9], [0, 0, 1, 1], 3.5 / 4),
        ([-3.0, 12.0, 4.0], [0, 1, 0], 1.0),
    ],
)
def test_by_hand(prob: list[float], truth: list[int], expected: float) -> None:
    assert roc_auc(np.array(prob), np.array(truth)) == expected


@pytest.mark.parametrize("value", [0, 1])
def test_one_class_alone_is_undefined(value: int) -> None:
    assert math.isnan(roc_auc(np.linspace(0, 1, 9), np.full(9, value)))


@pytest.mark.parametrize(
    ("prob", "truth", "message"),
    [
        ([0.1, 0.2], [0, 1, 1], "same shape"),
        ([0.1, np.nan], [0, 1], "prob has 1 nan values"),
        ([0.1, 0.2], [0, 2], "truth must hold 0 and 1 only, got the value 2"),
        ([], [], "no pixel to score"),
    ],
)
def test_bad_input(prob: list[float], truth: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        roc_auc(np.array(prob), np.array(truth))


def test_metric_over_cases() -> None:
    rng = np.random.default_rng(1)
    truth = torch.from_numpy(rng.random((3, 1, 20, 20)) < 0.3)
    prob = torch.from_numpy(rng.random((3, 1, 20, 20))) * 0.8 + 0.2 * truth
    region = torch.from_numpy(rng.random((3, 1, 20, 20)) < 0.5)
    truth[2] = False
    metric = PixelAUCMetric()
    metric(list(prob), list(truth), region=list(region))
    expected = [roc_auc_score(t[r], p[r]) for p, t, r in zip(prob[:2], truth[:2], region[:2], strict=True)]
    assert metric.aggregate().item() == pytest.approx(np.mean(expected))
    assert metric.counts() == {"undefined": 1}
