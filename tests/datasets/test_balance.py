# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Groups drawn equally often."""

from __future__ import annotations

from collections import Counter

import torch
from litemed.datasets.balance import balanced_sampler, balanced_weights


def test_groups_are_drawn_equally_often() -> None:
    groups = ["CT"] * 90 + ["PET"] * 10
    torch.manual_seed(0)
    drawn = Counter(groups[index] for index in balanced_sampler(groups, 2000))
    assert sum(drawn.values()) == 2000
    assert abs(drawn["PET"] - 1000) < 150  # over six standard deviations
    assert len(balanced_sampler(groups)) == 100


def test_the_sets_of_a_group_are_drawn_equally_often() -> None:
    weights = balanced_weights(["CT", "CT", "CT", "CT", "MR"], ["a", "a", "a", "b", "a"])
    assert weights == [1 / 6, 1 / 6, 1 / 6, 1 / 2, 1]
