# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How sure a mean over cases is: percentile bootstrap intervals."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["BootstrapInterval", "bootstrap_mean"]

_CHUNK = 2**22


@dataclass(frozen=True)
class BootstrapInterval:
    """A mean over cases with its interval.

    Attributes:
        mean: mean of the defined values.
        low: lower end of the interval.
        high: upper end of the interval.
        confidence: share of resampled means between the ends.
        cases: number of defined values.
        undefined: number of nan values, which are in none of the above.
        groups: number of units that were resampled: cases, or subjects when groups were given.
    """

    mean: float
    low: float
    high: float
    confidence: float
    cases: int
    undefined: int
    groups: int


def bootstrap_mean(
    values: Sequence[float] | np.ndarray | torch.Tensor,
    *,
    groups: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> BootstrapInterval:
    """Mean of one score over cases, with its percentile bootstrap interval (Efron and Tibshirani 1993, chapter 13).

    Cases are drawn with replacement, as many as there are. Where several cases come from one subject they are not
    independent, and an interval over cases is too narrow: give the subjects as ``groups``, and whole groups are drawn;
    the mean of a draw remains the mean over its cases (cluster bootstrap).

    Args:
        values: one value for each case; nan marks an undefined score, is left out and counted.
        groups: for each case, the subject it belongs to.
        confidence: between 0 and 1.
        resamples: number of draws.
        seed: of the draws; the same seed gives the same interval.

    Returns:
        The interval. Its ends are nan when there are fewer than two groups to draw from.

    Raises:
        ValueError: when no value is defined, a value is infinite, lengths differ, or an option is out of range.
    """
    scores = np.asarray(values, dtype=float)
    if scores.ndim != 1:
        raise ValueError(f"values must be one number for each case, got the shape {scores.shape}")
    units = list(range(len(scores))) if groups is None else list(groups)
    if len(units) != len(scores):
        raise ValueError(f"groups must name a subject for each of the {len(scores)} cases, got {len(units)}")
    if not 0 < confidence < 1 or resamples < 1:
        raise ValueError(f"confidence must lie in (0, 1) and resamples be positive, got {confidence} and {resamples}")
    if np.isinf(scores).any():
        raise ValueError(f"values must be finite or nan, got {np.count_nonzero(np.isinf(scores))} infinite ones")
    defined = ~np.isnan(scores)
    if not defined.any():
        raise ValueError(f"none of the {len(scores)} values is defined")

    members: dict[Hashable, int] = {}
    member = np.array(
        [members.setdefault(unit, len(members)) for unit, kept in zip(units, defined, strict=True) if kept]
    )
    sums = np.bincount(member, weights=scores[defined])
    sizes = np.bincount(member)
    low, high = np.nan, np.nan
    if len(sizes) > 1:
        tail = 50 * (1 - confidence)
        low, high = np.percentile(_resampled_means(sums, sizes, resamples, seed), [tail, 100 - tail])
    return BootstrapInterval(
        mean=float(scores[defined].mean()),
        low=float(low),
        high=float(high),
        confidence=confidence,
        cases=int(defined.sum()),
        undefined=int((~defined).sum()),
        groups=len(sizes),
    )


def _resampled_means(sums: np.ndarray, sizes: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Means over the cases of as many groups as there are, drawn with replacement; a few million draws at a time."""
    rng = np.random.default_rng(seed)
    rows = max(1, _CHUNK // len(sizes))
    means = []
    for start in range(0, resamples, rows):
        drawn = rng.integers(len(sizes), size=(min(rows, resamples - start), len(sizes)))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    return np.concatenate(means)
