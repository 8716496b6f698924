# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Overlap scores: by hand, against scikit-learn, inside a region, without a denominator, and the cumulative metric."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from litemed.metrics.overlap import OverlapScores, overlap_scores
from litemed.metrics.overlap_metric import OverlapMetric
from sklearn import metrics as sklearn

NAMES = ("dice", "iou", "sensitivity", "specificity", "precision", "accuracy", "mcc")


def test_by_hand() -> None:
    pred = np.array([[1, 1, 1, 0], [0, 0, 0, 0]], bool)
    truth = np.array([[1, 1, 0, 1], [0, 0, 1, 0]], bool)
    scores = overlap_scores(pred, truth)
    assert scores == OverlapScores(tp=2, fp=1, fn=2, tn=3)
    assert scores.dice == pytest.approx(4 / 7)
    assert scores.iou == pytest.approx(2 / 5)
    assert scores.sensitivity == pytest.approx(2 / 4)
    assert scores.specificity == pytest.approx(3 / 4)
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.accuracy == pytest.approx(5 / 8)
    assert scores.mcc == pytest.approx((2 * 3 - 1 * 2) / math.sqrt(3 * 4 * 4 * 5))
    assert scores + OverlapScores(1, 2, 3, 4) == OverlapScores(3, 3, 5, 7)


@pytest.mark.parametrize("with_region", [False, True])
def test_equals_scikit_learn(with_region: bool) -> None:
    rng = np.random.default_rng(0)
    pred, truth, region = (rng.random((20, 30, 10)) < share for share in (0.3, 0.4, 0.6))
    chosen = region if with_region else np.ones_like(region)
    a, b = truth[chosen], pred[chosen]
    scores = overlap_scores(torch.from_numpy(pred).float(), truth, region=region if with_region else None)
    assert scores.dice == pytest.approx(sklearn.f1_score(a, b))
    assert scores.iou == pytest.approx(sklearn.jaccard_score(a, b))
    assert scores.sensitivity == pytest.approx(sklearn.recall_score(a, b))
    assert scores.specificity == pytest.approx(sklearn.recall_score(a, b, pos_label=0))
    assert scores.precision == pytest.approx(sklearn.precision_score(a, b))
    assert scores.accuracy == pytest.approx(sklearn.accuracy_score(a, b))
    assert scores.mcc == pytest.approx(sklearn.matthews_corrcoef(a, b))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # both empty, missed, spurious, both full, opposite
        ((0, 0, 0, 9), (1.0, 1.0, math.nan, 1.0, math.nan, 1.0, math.nan)),
        ((0, 0, 4, 5), (0.0, 0.0, 0.0, 1.0, math.nan, 5 / 9, math.nan)),
        ((0, 4, 0, 5), (0.0, 0.0, math.nan, 5 / 9, 0.0, 5 / 9, math.nan)),
        ((9, 0, 0, 0), (1.0, 1.0, 1.0, math.nan, 1.0, 1.0, math.nan)),
        ((0, 4, 5, 0), (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0)),
    ],
)
def test_without_a_denominator(counts: tuple[int, int, int, int], expected: tuple[float, ...]) -> None:
    scores = OverlapScores(*counts)
    assert [getattr(scores, name) for name in NAMES] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((2, 2)), np.ones((2, 3)), None), "same shape"),
        ((np.ones((2, 2)) * 2, np.ones((2, 2)), None), "pred must hold 0 and 1 only, got the value 2"),
        ((np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 3))), r"region must have the shape of the images, \(2, 2\)"),
        ((np.ones((2, 2)), np.ones((2, 2)), np.full((2, 2), 255)), "region must hold 0 and 1 only, got the value 255"),
        ((np.ones((2, 2)), np.ones((2, 2)), np.zeros((2, 2))), "no pixel to score"),
        ((np.ones((0, 2)), np.ones((0, 2)), None), "no pixel to score"),
    ],
)
def test_bad_input(arguments: tuple, message: str) -> None:
    pred, truth, region = arguments
    with pytest.raises(ValueError, match=message):
        overlap_scores(pred, truth, region=region)


class TestOverlapMetric:
    def cases(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Three cases: half right, right inside the region only, and nothing to find."""
        pred, truth, region = torch.zeros(3, 1, 4, 4), torch.zeros(3, 1, 4, 4), torch.ones(3, 1, 4, 4)
        pred[0, 0, 0, :2], truth[0, 0, 0, 1:3] = 1, 1
        pred[1, 0, 0], truth[1, 0, 0, :2], region[1, 0, :, 2:] = 1, 1, 0
        return pred, truth, region

    def test_means_and_undefined_values(self) -> None:
        pred, truth, _ = self.cases()
        metric = OverlapMetric()
        metric(pred, truth)
        result = metric.aggregate()
        assert list(result) == list(NAMES)
        assert result["dice"].item() == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
        assert result["sensitivity"].item() == pytest.approx((1 / 2 + 1) / 2)
        counts = metric.counts()
        assert (counts["dice_undefined"], counts["sensitivity_undefined"], counts["precision_undefined"]) == (0, 1, 1)

    @pytest.mark.parametrize("as_list", [False, True])
    def test_region_of_each_case(self, as_list: bool) -> None:
        batch = self.cases()
        pred, truth, region = (list(part) for part in batch) if as_list else batch
        metric = OverlapMetric("dice", reduction="none")
        metric(pred, truth, region=region)
        assert metric.aggregate()[:, 0].tolist() == pytest.approx([1 / 2, 1.0, 1.0])
        assert metric.counts() == {"undefined": 0}

    def test_region_holds_for_all_classes(self) -> None:
        pred, truth, region = (part.repeat(1, 3, 1, 1) for part in self.cases())
        assert OverlapMetric("dice")(pred, truth, region=region[:, :1])[1, :, 0].tolist() == [1.0, 1.0]
        with pytest.raises(ValueError, match=r"shape \(1, spatial\), got \(3, 4, 4\)"):
            OverlapMetric("dice")(pred, truth, region=region)

    def test_not_nans(self) -> None:
        pred, truth, _ = self.cases()
        metric = OverlapMetric("sensitivity", get_not_nans=True)
        metric(pred, truth)
        value, number = metric.aggregate()
        assert (value.item(), number.item()) == (pytest.approx(0.75), 2.0)

    def test_nothing_defined_is_not_zero(self) -> None:
        empty = torch.zeros(2, 1, 4, 4)
        metric = OverlapMetric("sensitivity")
        metric(empty, empty)
        assert math.isnan(metric.aggregate().item())
        assert math.isnan(metric.aggregate("mean_batch").item())
        assert metric.counts() == {"undefined": 2}

    def test_unknown_score(self) -> None:
        with pytest.raises(ValueError, match="scores must be among dice, iou"):
            OverlapMetric("f1")
