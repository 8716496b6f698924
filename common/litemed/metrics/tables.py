# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The table of scores that every evaluation writes: means with intervals as JSON and text, cases as CSV.

One form for all: ``cases``, how many; ``scores``, for each what `summarise` gives; and, where there are classes, labels
or modalities, the same of each under ``groups``. A value that is undefined (NaN) is left out of a mean and counted; a
number that JSON can't hold is null, in CSV an empty cell.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from litemed.files import replacing
from litemed.metrics.bootstrap import bootstrap_mean

__all__ = ["Table", "finite", "read_rows", "summarise", "write_json", "write_rows"]

Row = dict[str, Any]

_FORMULA = re.compile(r"[=+\-@\t\r]")  # what spreadsheets take a cell that begins so for
_FEW = 3  # scores that fit beside each other


def summarise(values: Iterable[float], groups: Iterable[Hashable] | None = None) -> Row:
    """Mean of a score over the cases in which it is defined, with its bootstrap 95 % interval.

    Args:
        values: of each case; NaN where it is undefined.
        groups: the patient, video or the like of each case, for an interval over these.

    Returns:
        ``mean``, ``low``, ``high`` (None where there are too few for it), ``cases`` in which it is defined, and in how
        many it is ``undefined``.
    """
    scores = list(values)
    if all(math.isnan(value) for value in scores):
        return {"mean": None, "low": None, "high": None, "cases": 0, "undefined": len(scores)}
    found = bootstrap_mean(scores, groups=None if groups is None else list(groups))
    ends = {name: None if math.isnan(end) else end for name, end in (("low", found.low), ("high", found.high))}
    return {"mean": found.mean, **ends, "cases": found.cases, "undefined": found.undefined}


@dataclass
class Table:
    """Scores over cases, of all and by group.

    Attributes:
        scores: by name, what `summarise` gives.
        cases: how many.
        counts: what else was counted, such as ``missed``.
        groups: tables of parts of it, by name.
    """

    scores: dict[str, Row]
    cases: int
    counts: dict[str, int] = field(default_factory=dict)
    groups: dict[str, Table] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        columns: Mapping[str, Sequence[float]],
        *,
        patients: Sequence[Hashable] | None = None,
        groups: Sequence[str] | None = None,
    ) -> Table:
        """Summarise scores of cases.

        Args:
            columns: values of every case, by score.
            patients: of every case, see `summarise`.
            groups: of every case, such as its modality. The scores of all are then the means of the groups' means,
                without an interval.
        """
        cases = len(next(iter(columns.values()), ()))
        if groups is None:
            return cls({name: summarise(values, patients) for name, values in columns.items()}, cases)
        parts = {}
        for group in sorted(set(groups)):
            chosen = [place for place, other in enumerate(groups) if other == group]
            people = None if patients is None else [patients[place] for place in chosen]
            own = {name: [values[place] for place in chosen] for name, values in columns.items()}
            parts[group] = cls.of(own, patients=people)
        scores = {}
        for name in columns:
            means = [part.scores[name]["mean"] for part in parts.values() if part.scores[name]["mean"] is not None]
            count = {key: sum(part.scores[name][key] for part in parts.values()) for key in ("cases", "undefined")}
            scores[name] = {"mean": float(np.mean(means)) if means else None, "low": None, "high": None, **count}
        return cls(scores, cases, groups=parts)

    @classmethod
    def from_dict(cls, content: Any) -> Table:
        """The opposite of `as_dict`; what else the dictionary holds is left out.

        Raises:
            ValueError: when it isn't such a dictionary.
        """
        try:
            scores = {name: {"mean": row["mean"], **row} for name, row in content["scores"].items()}
            groups = {name: cls.from_dict(group) for name, group in content.get("groups", {}).items()}
            table = cls(scores, int(content["cases"]), dict(content.get("counts", {})), groups)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"expected cases and scores with their means, got {error!r}") from error
        if not scores:
            raise ValueError("it has no scores")
        return table

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Table:
        """The table in a JSON file.

        Raises:
            ValueError: names the file, when it holds none.
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except ValueError as error:
            raise ValueError(f"{path} isn't a table of scores: {error}") from error

    def means(self, scores: Iterable[str]) -> dict[str, str]:
        """Means of some scores to four digits; empty where a score is defined in no case."""
        means = {name: self.scores[name]["mean"] for name in scores}
        return {name: "" if mean is None else f"{mean:.4f}" for name, mean in means.items()}

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        content: dict[str, Any] = {"cases": self.cases}
        if self.counts:
            content["counts"] = self.counts
        content["scores"] = self.scores
        if self.groups:
            content["groups"] = {name: group.as_dict() for name, group in self.groups.items()}
        return content

    def rows(self, group: str) -> list[Row]:
        """A row each of the groups, then of all, for CSV: ``<score>``, ``<score>_low`` and ``<score>_high``.

        Args:
            group: heading of the groups' names; all are ``mean``.
        """
        return [
            {group: name, "cases": table.cases}
            | {f"{score}{end}": row[key] for score, row in table.scores.items() for end, key in _ENDS}
            for name, table in {**self.groups, "mean": self}.items()
        ]

    def text(self) -> str:
        """For reading: groups below each other where the scores are few, else a table of each."""
        if self.groups and len(self.scores) <= _FEW:
            return self._grid()
        width = max(map(len, self.scores), default=0)
        counts = "".join(f", {number} {name}" for name, number in self.counts.items())
        lines = [f"{'score':<{width}}       mean   95 % interval       ({self.cases} cases{counts})"]
        for name, row in self.scores.items():
            if row["mean"] is None:
                lines.append(f"{name:<{width}}  undefined in every case")
                continue
            note = f"  undefined in {row['undefined']}" if row.get("undefined") else ""
            lines.append(f"{name:<{width}}  {row['mean']:9.4f}   {_interval(row) or 'too few for one'}{note}")
        return "\n".join(lines + [f"\n{name}\n{group.text()}" for name, group in self.groups.items()])

    def _grid(self) -> str:
        lines = [f"{'':<14}{'cases':>6}" + "".join(f"  {score:<26}" for score in self.scores)]
        for name, table in {**self.groups, "mean": self}.items():
            cells = []
            for row in table.scores.values():
                mean = "undefined" if row["mean"] is None else f"{row['mean']:.4f}"
                cells.append(f"{mean} {_interval(row) and f'[{_interval(row)}]'}")
            lines.append(f"{name:<14}{table.cases:>6}" + "".join(f"  {cell:<26}" for cell in cells))
        return "\n".join(line.rstrip() for line in lines)


_ENDS = (("", "mean"), ("_low", "low"), ("_high", "high"))


def _interval(row: Row) -> str:
    return "" if row.get("low") is None else f"{row['low']:.4f} to {row['high']:.4f}"


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write JSON, whole or not at all; numbers that JSON can't hold are null."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(finite(content), indent=4, allow_nan=False) + "\n", encoding="utf-8")


def finite(value: Any) -> Any:
    """The value, with None for every number in it that JSON can't hold."""
    if isinstance(value, Mapping):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_rows(
    path: str | os.PathLike[str],
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[str] | None = None,
    digits: int | None = None,
) -> None:
    """Write a CSV file, whole or not at all.

    An undefined number is an empty cell; a list's items are joined by semicolons. Text that a spreadsheet would take
    for a formula gets an apostrophe before it.

    Args:
        path: the file.
        rows: cells by column.
        columns: all of them in their order; by default those of the rows as they come.
        digits: of numbers that aren't whole; all by default.
    """
    lines = list(rows)
    names = list(dict.fromkeys(name for row in lines for name in row)) if columns is None else list(columns)
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([_cell(name) for name in names])
        writer.writerows([_cell(row.get(name), digits) for name in names] for row in lines)


def _cell(value: Any, digits: int | None = None) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if digits is not None and isinstance(value, float):
        return f"{value:.{digits}g}"
    if isinstance(value, (list, tuple)):
        value = "; ".join(map(str, value))
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) and not _is_number(value) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_rows(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """Read what `write_rows` wrote, without its apostrophes.

    Raises:
        ValueError: when it holds no row.
    """
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise ValueError(f"{path} holds no rows")
    return [{name: _plain(text) for name, text in row.items()} for row in rows]


def _plain(text: Any) -> Any:
    return text[1:] if isinstance(text, str) and text[:1] == "'" and _FORMULA.match(text[1:]) else text
