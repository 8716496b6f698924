# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Drawing items of a training so that all groups come equally often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from torch.utils.data import WeightedRandomSampler

__all__ = ["balanced_sampler", "balanced_weights"]


def balanced_weights(groups: Sequence[Hashable]) -> list[float]:
    """Weight of each item, by which all groups are drawn equally often.

    Args:
        groups: what each item belongs to, such as its modality.
    """
    counts = Counter(groups)
    return [1 / counts[group] for group in groups]


def balanced_sampler(groups: Sequence[Hashable], samples: int | None = None) -> WeightedRandomSampler:
    """Draw items with replacement, all groups equally often.

    Args:
        groups: what each item belongs to.
        samples: in an epoch; by default as many as there are items.
    """
    return WeightedRandomSampler(balanced_weights(groups), samples or len(groups))
