# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Splitting cases into parts that share no patient."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from litemed.datasets.files import Case


def split_cases(
    cases: Sequence[Case],
    fractions: Sequence[float] | None = None,
    val_count: int | None = None,
    seed: int = 0,
    group: Callable[[Case], str] | None = None,
) -> list[list[Case]]:
    """Splits cases at random into parts that have no group in common.

    Groups are whole: pictures of one patient (sequence, series) never come into two parts. The same cases, in any
    order, and the same seed give the same parts.

    Args:
        cases: what a reader returned.
        fractions: share of the groups in each part, adding up to 1; rounded to whole groups by largest remainder.
        val_count: instead of ``fractions``, the number of groups in the second of two parts (training, validation).
        seed: of the random order.
        group: patient of a case, for example ``lambda case: case["case"][:12]`` for MoNuSeg. By default every case is a
            group of its own, which is right only where no patient has two pictures.

    Returns:
        One list of cases for each part, each in the given order.

    Raises:
        ValueError: when not exactly one of ``fractions`` and ``val_count`` is given, when the fractions aren't positive
            or don't add up to 1, or when a part would be empty.
    """
    if (fractions is None) == (val_count is None):
        raise ValueError(f"expected either fractions or val_count, got {fractions} and {val_count}")
    group = group or (lambda case: case["case"])
    groups = sorted({group(case) for case in cases})
    if fractions is not None:
        counts = _counts(len(groups), fractions)
    else:
        counts = [len(groups) - (val_count or 0), val_count or 0]
    if min(counts) < 1:
        raise ValueError(f"{len(groups)} groups can't fill the parts: {counts} groups each")
    random.Random(seed).shuffle(groups)
    starts = [sum(counts[:part]) for part in range(len(counts))]
    members = [set(groups[start : start + count]) for start, count in zip(starts, counts, strict=True)]
    return [[case for case in cases if group(case) in part] for part in members]


def _counts(total: int, fractions: Sequence[float]) -> list[int]:
    """Largest-remainder rounding; on a tie the earlier part gets the group."""
    if min(fractions, default=0) <= 0 or not math.isclose(sum(fractions), 1, abs_tol=1e-6):
        raise ValueError(f"expected positive fractions that add up to 1, got {list(fractions)}")
    exact = [total * fraction for fraction in fractions]
    counts = [math.floor(share + 1e-9) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda part: (round(counts[part] - exact[part], 9), part))
    for part in by_remainder[: total - sum(counts)]:
        counts[part] += 1
    return counts
