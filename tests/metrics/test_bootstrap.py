# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Bootstrap intervals: against SciPy, coverage, groups, undefined values, bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from litemed.metrics import bootstrap
from litemed.metrics.bootstrap import bootstrap_mean
from scipy import stats


def test_equals_scipy() -> None:
    values = np.random.default_rng(0).beta(8, 2, 40)
    ours = bootstrap_mean(values, resamples=20_000)
    reference = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    # both ends are percentiles of 20,000 draws: agreement to a twentieth of the standard error of the mean
    error = values.std() / math.sqrt(len(values)) / 20
    assert ours.mean == pytest.approx(values.mean(), rel=1e-12)
    assert ours.low == pytest.approx(reference.low, abs=error)
    assert ours.high == pytest.approx(reference.high, abs=error)
    assert (ours.cases, ours.groups, ours.undefined, ours.confidence) == (40, 40, 0, 0.95)


def test_two_cases_by_hand() -> None:
    # the mean of two draws from (0, 1) is 0, 1/2 or 1 with probabilities 1/4, 1/2, 1/4
    wide, narrow = bootstrap_mean([0.0, 1.0]), bootstrap_mean([0.0, 1.0], confidence=0.4)
    assert (wide.low, wide.mean, wide.high) == (0.0, 0.5, 1.0)
    assert (narrow.low, narrow.high) == (0.5, 0.5)


def test_covers_the_true_mean() -> None:
    rng = np.random.default_rng(2)
    intervals = [bootstrap_mean(rng.normal(3, 1, 50), resamples=500, seed=i) for i in range(300)]
    covered = np.mean([interval.low <= 3 <= interval.high for interval in intervals])
    assert 0.9 < covered < 0.98


def test_groups_are_drawn_whole() -> None:
    # four copies of each subject's value carry no more evidence than one
    subjects = np.random.default_rng(3).normal(size=30)
    values, names = np.repeat(subjects, 4), [f"subject {i}" for i in np.repeat(range(30), 4)]
    alone, grouped, naive = bootstrap_mean(subjects), bootstrap_mean(values, groups=names), bootstrap_mean(values)
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high))
    assert (grouped.cases, grouped.groups) == (120, 30)
    assert (naive.high - naive.low) == pytest.approx((alone.high - alone.low) / 2, rel=0.1)


def test_unequal_groups_keep_the_mean_over_cases() -> None:
    interval = bootstrap_mean([1.0, 1.0, 1.0, 0.0], groups=["a", "a", "a", "b"])
    assert interval.mean == 0.75
    # the draws are aa, ab, ba, bb
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_undefined_values_are_counted() -> None:
    values = torch.tensor([0.5, math.nan, 0.7, 0.9])
    interval = bootstrap_mean(values, groups=[1, 2, 3, 3])
    assert interval.mean == pytest.approx(0.7)
    assert (interval.cases, interval.undefined, interval.groups) == (3, 1, 2)


def test_one_group_has_no_interval() -> None:
    interval = bootstrap_mean([0.2, 0.4], groups=["a", "a"])
    assert interval.mean == pytest.approx(0.3)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_seed_and_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(4).random(25)
    first = bootstrap_mean(values, seed=1)
    assert bootstrap_mean(values, seed=1) == first
    assert bootstrap_mean(values, seed=2) != first
    monkeypatch.setattr(bootstrap, "_CHUNK", 1000)
    assert bootstrap_mean(values, seed=1) == first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": []}, "none of the 0 values is defined"),
        ({"values": [math.nan]}, "none of the 1 values is defined"),
        ({"values": [1.0, math.inf]}, "must be finite or nan, got 1 infinite"),
        ({"values": [[1.0, 2.0]]}, r"one number for each case, got the shape \(1, 2\)"),
        ({"values": [1.0, 2.0], "groups": ["a"]}, "for each of the 2 cases, got 1"),
        ({"values": [1.0, 2.0], "confidence": 95}, "confidence must lie in"),
        ({"values": [1.0, 2.0], "resamples": 0}, "resamples be positive"),
    ],
)
def test_bad_input(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_mean(**arguments)
