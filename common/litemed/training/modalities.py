# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of an evaluation by modality."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from litemed.files import replacing
from litemed.metrics.bootstrap import bootstrap_mean
from litemed.training.scores import CaseTable

__all__ = ["ModalityTable"]


class ModalityTable(CaseTable):
    """Print each score's mean for every modality with its bootstrap 95 % interval; write ``modalities.json|csv``.

    The last row, ``mean``, is the mean of the modalities' means, as in the challenge.

    Args:
        output_dir: folder of the files.
        modality_of: the modality of a case, from its name.
        scores: names of the scores to show.
    """

    def __init__(self, output_dir: str | Path, modality_of: Callable[[str], str], scores: list[str]) -> None:
        super().__init__(output_dir)
        self.modality_of = modality_of
        self.scores = scores

    def _write(self, cases: list[str], details: Mapping[str, torch.Tensor]) -> None:
        modalities = [self.modality_of(case) for case in cases]
        values = {score: np.asarray(details[score].double().mean(dim=1)) for score in self.scores}
        rows = [self._row(name, np.array(modalities) == name, values) for name in sorted(set(modalities))]
        means = {score: float(np.mean([row[score] for row in rows])) for score in self.scores}
        rows.append({"modality": "mean", "cases": len(modalities), **means})
        with replacing(self.output_dir / "modalities.json") as temporary:
            temporary.write_text(json.dumps(rows, indent=4) + "\n")
        columns = [f"{score}{end}" for score in self.scores for end in ("", "_low", "_high")]
        with replacing(self.output_dir / "modalities.csv") as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["modality", "cases", *columns])
            writer.writeheader()
            writer.writerows(rows)
        print(_table(rows, self.scores), flush=True)

    def _row(self, name: str, chosen: np.ndarray, values: dict[str, np.ndarray]) -> dict[str, Any]:
        row: dict[str, Any] = {"modality": name, "cases": int(chosen.sum())}
        for score, all_values in values.items():
            result = bootstrap_mean(all_values[chosen])
            row[score] = result.mean
            row |= {
                f"{score}_{end}": None if math.isnan(value) else value
                for end, value in (("low", result.low), ("high", result.high))
            }
        return row


def _table(rows: list[dict[str, Any]], scores: list[str]) -> str:
    lines = [f"{'modality':<14}{'cases':>6}" + "".join(f"  {score:<23}" for score in scores)]
    for row in rows:
        line = f"{row['modality']:<14}{row['cases']:>6}"
        for score in scores:
            low = row.get(f"{score}_low")
            interval = "" if low is None else f" [{low:.4f}, {row[f'{score}_high']:.4f}]"
            line += f"  {f'{row[score]:.4f}{interval}':<23}"
        lines.append(line.rstrip())
    return "\n".join(lines)
