# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of label maps."""

from __future__ import annotations

import pytest
import torch
from litemed.metrics.label_maps import ChallengeMetric, LabelDiceMetric


def test_scores_of_label_maps() -> None:
    truth, found = torch.zeros(1, 20, 30), torch.zeros(1, 20, 30)
    truth[0, 2:6, 3:13], truth[0, 10:15, 20:28] = 1, 2
    found[0, 2:6, 3:8] = 1  # half of the first: Dice 2 * 20 / 60; the second is missed
    metric = LabelDiceMetric("dice")
    metric([found], [truth])
    assert metric.aggregate().item() == pytest.approx((2 / 3 + 0) / 2)
    challenge = ChallengeMetric(["dice", "nsd", "nsd_published"])
    challenge([truth], [truth], spacing=[torch.tensor([1.0, 1.0])])
    assert {name: value.item() for name, value in challenge.aggregate().items()} == {
        "dice": 1,
        "nsd": 1,
        "nsd_published": 1,
    }


def test_spacing_follows_the_axes_and_the_published_one_does_not() -> None:
    truth = torch.zeros(1, 20, 20, 12)
    found = truth.clone()
    truth[0, 5:15, 5:15, 3:9] = 1
    found[0, 5:15, 5:15, 4:9] = 1  # one slice, 5 mm, short
    metric = ChallengeMetric(["nsd", "nsd_published"])
    metric([found], [truth], spacing=[torch.tensor([1.0, 1.0, 5.0])])
    scores = metric.aggregate()
    # as published the slice's step is taken for 1 mm, inside the tolerance of 2
    assert scores["nsd_published"] == 1
    assert scores["nsd"] < 0.95
