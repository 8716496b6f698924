# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The scores that an evaluation wrote, by class and by case."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litemed.metrics.tables import Table, read_rows

__all__ = ["Scores", "by_group", "less_is_better", "number", "read_scores"]

_LESS_IS_BETTER = ("hd95", "assd", "error", "violated", "loss", "missed", "spurious", "fpr", "false_area")
OVERALL = "all"


@dataclass
class Scores:
    """What ``scores.json`` and the ``scores.csv`` beside it hold.

    Attributes:
        overall: for each score a dict of ``mean``, ``low``, ``high`` and ``undefined``.
        groups: the same for each class, label or region, by its name.
        rows: the table of cases, as it was written; empty where there is none.
        cases: how many.
    """

    overall: dict[str, dict[str, Any]]
    groups: dict[str, dict[str, dict[str, Any]]]
    rows: list[dict[str, str]]
    cases: int

    @property
    def key(self) -> str:
        """Name of the first score, by which cases are ranked."""
        return next(iter(self.overall))

    def ranked(self) -> list[tuple[str, float]]:
        """Cases and their key score, a mean over the labels of a case, from the worst to the best."""
        values = defaultdict(list)
        for row in self.rows:
            value = number(row.get(self.key))
            if math.isfinite(value):
                values[row["case"]].append(value)
        sign = -1 if less_is_better(self.key) else 1
        means = [(case, statistics.fmean(each)) for case, each in values.items()]
        return sorted(means, key=lambda pair: sign * pair[1])


def read_scores(file: Path) -> Scores:
    """Read ``scores.json`` and the ``scores.csv`` beside it, of a bundle's evaluation or of ``litemed evaluate``.

    Raises:
        ValueError: when either is damaged.
    """
    found = Table.read(file)
    groups = {OVERALL: found.scores, **{name: group.scores for name, group in found.groups.items()}}
    table = file.with_name("scores.csv")
    return Scores(
        found.scores,
        groups if found.groups else by_group(found.scores),
        read_rows(table) if table.is_file() else [],
        found.cases,
    )


def by_group(scores: dict[str, dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Sort scores such as ``iris_dice`` and ``pupil_dice`` by what they are of: ``iris``, ``pupil``.

    The first part of a name is a group where two of the scores behind it are scores of another first part too, or of
    all (``dice``).

    Args:
        scores: by name.

    Returns:
        for each group its scores, by the rest of their names; the ones of all first, as group ``all``; an empty dict
        where there are no groups.
    """
    parts: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for name, row in scores.items():
        first, _, rest = name.partition("_")
        if rest:
            parts[first][rest] = row
    measures = [rest for group in parts.values() for rest in group]
    shared = {rest for rest in measures if measures.count(rest) > 1 or rest in scores}
    groups = {first: group for first, group in parts.items() if len(shared & group.keys()) > 1 and first not in shared}
    if len(groups) < 2:
        return {}
    overall = {name: row for name, row in scores.items() if any(name in group for group in groups.values())}
    return {**({OVERALL: overall} if overall else {}), **groups}


def less_is_better(score: str) -> bool:
    """Whether a low value of a score is a good one, from its name."""
    return any(part in score for part in _LESS_IS_BETTER)


def number(text: str | None) -> float:
    """A number, or nan for what is none."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
