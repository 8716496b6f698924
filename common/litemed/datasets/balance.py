# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Drawing items of a training so that all groups come equally often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import torch.distributed as dist
from torch.utils.data import WeightedRandomSampler

__all__ = ["balanced_sampler", "balanced_weights", "share_of_rank"]


def balanced_weights(groups: Sequence[Hashable], parts: Sequence[Hashable] | None = None) -> list[float]:
    """Weight of each item, by which all groups are drawn equally often.

    Args:
        groups: what each item belongs to, such as its modality.
        parts: a second division, such as data sets, that are drawn equally often within a group.
    """
    if parts is None:
        counts = Counter(groups)
        return [1 / counts[group] for group in groups]
    pairs = list(zip(groups, parts, strict=True))
    sizes, numbers = Counter(pairs), Counter(group for group, _ in set(pairs))
    return [1 / (sizes[pair] * numbers[pair[0]]) for pair in pairs]


def balanced_sampler(groups: Sequence[Hashable], samples: int | None = None) -> WeightedRandomSampler:
    """Draw items with replacement, all groups equally often.

    Args:
        groups: what each item belongs to.
        samples: in an epoch; by default as many as there are items.
    """
    return WeightedRandomSampler(balanced_weights(groups), samples or len(groups))


def share_of_rank(samples: int | None) -> int | None:
    """How many items each process of a distributed training draws, so that all together draw at least those asked for.

    Args:
        samples: in an epoch, of all processes; None leaves it to the sampler, and so does the result.
    """
    return -(-samples // dist.get_world_size()) if samples else None
