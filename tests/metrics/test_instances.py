# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Single objects: a case counted by hand, and random maps against a search through all pairs of masks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from litemed.metrics import InstanceScores, instance_scores


def test_objects_by_hand() -> None:
    truth = np.zeros((10, 40), dtype=np.uint16)
    truth[:, :10], truth[:, 10:20], truth[:, 30:] = 1, 2, 7
    pred = np.zeros_like(truth)
    pred[:, :9] = 3  # 90 of 100 pixels: matched
    pred[:, 15:25] = 1  # 50 of 150: not matched
    pred[:, 30:35] = 4  # exactly one half: not above it
    scores = instance_scores(pred, truth)
    assert scores == InstanceScores(matched=1, predicted=3, true=3, iou_sum=pytest.approx(0.9))
    assert scores.f1 == pytest.approx(2 * 1 / (3 + 3))
    assert scores.precision == scores.recall == pytest.approx(1 / 3)
    assert scores.panoptic_quality == pytest.approx(0.9 / 3)
    assert instance_scores(pred, truth, iou=0.9).matched == 0
    assert (scores + instance_scores(truth, truth)).f1 == pytest.approx(2 * 4 / 12)


def test_pictures_without_objects() -> None:
    one, none = np.ones((3, 3), dtype=int), np.zeros((3, 3), dtype=int)
    assert instance_scores(none, none).f1 == instance_scores(none, none).panoptic_quality == 1
    assert instance_scores(one, none).f1 == instance_scores(none, one).f1 == 0
    assert math.isnan(instance_scores(none, one).precision)
    assert math.isnan(instance_scores(one, none).recall)


def _searched(pred: np.ndarray, truth: np.ndarray, iou: float) -> tuple[int, float]:
    """Matches and their IoU, by comparing every predicted mask with every true one."""
    matched, total = 0, 0.0
    for one in set(pred.flat) - {0}:
        for other in set(truth.flat) - {0}:
            first, second = pred == one, truth == other
            overlap = np.logical_and(first, second).sum() / np.logical_or(first, second).sum()
            if overlap > iou:
                matched, total = matched + 1, total + overlap
    return matched, total


@pytest.mark.parametrize("iou", [0.5, 0.7])
def test_random_maps_against_a_search_through_all_pairs(iou: float) -> None:
    rng = np.random.default_rng(0)
    counts = []
    for _ in range(20):
        truth = np.kron(rng.integers(0, 9, (4, 5)), np.ones((5, 6), dtype=int))
        pred = np.where(rng.random(truth.shape) < rng.uniform(0, 0.5), rng.integers(0, 12, truth.shape), truth + 3)
        pred[truth == 0] *= rng.random() < 0.5
        scores = instance_scores(pred, truth, iou)
        matched, total = _searched(pred, truth, iou)
        assert (scores.matched, scores.iou_sum) == (matched, pytest.approx(total))
        assert (scores.predicted, scores.true) == (len(set(pred.flat) - {0}), len(set(truth.flat) - {0}))
        counts.append(matched)
    assert any(counts)


def test_what_cannot_be_counted_is_refused() -> None:
    labels = np.ones((3, 3), dtype=int)
    for iou in (0.3, 1.0):
        with pytest.raises(ValueError, match=rf"from 0\.5 to below 1, got {iou}"):
            instance_scores(labels, labels, iou=iou)
    with pytest.raises(ValueError, match=r"one shape, got \(3, 3\) and \(2, 3\)"):
        instance_scores(labels, labels[:2])
    with pytest.raises(ValueError, match="whole numbers of 0 and more in truth, got float64"):
        instance_scores(labels, labels * 0.5)
    with pytest.raises(ValueError, match="in pred"):
        instance_scores(-labels, labels)
