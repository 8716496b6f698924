# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Groups drawn equally often."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from litemed.datasets.balance import balanced_sampler, balanced_weights, share_of_rank


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


def test_the_processes_draw_together_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 4)
    assert [share_of_rank(samples) for samples in (None, 1, 8, 9)] == [None, 1, 2, 3]
