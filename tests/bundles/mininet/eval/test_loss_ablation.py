# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The ablation of losses."""

from __future__ import annotations

import csv
from pathlib import Path

import loss_ablation as ablation
import pytest
from litemed.losses.alpha_compound import AlphaCompoundLoss
from mininet.simulation.fundus import fundus


def test_losses_are_those_of_the_table() -> None:
    assert len(ablation.COMBINATIONS) == 7
    for terms, alpha in ablation.COMBINATIONS.values():
        AlphaCompoundLoss(terms=terms, alpha=alpha)


def test_rows_are_kept_when_it_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = {"dataset_dir": str(fundus()), "reader": "drive", "output_dir": str(tmp_path), "max_epochs": 1}
    everything = dict(ablation.COMBINATIONS)
    monkeypatch.setattr(ablation, "COMBINATIONS", {"dice": everything["dice"]})
    ablation.run(**arguments, val_interval=1)
    first = (tmp_path / "dice" / "evaluation" / "scores.json").stat().st_mtime_ns
    monkeypatch.setattr(ablation, "COMBINATIONS", {name: everything[name] for name in ("dice", "alpha_jaccard")})
    ablation.run(**arguments, val_interval=1)
    assert (tmp_path / "dice" / "evaluation" / "scores.json").stat().st_mtime_ns == first
    with (tmp_path / "ablation.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["loss"] for row in rows] == ["dice", "alpha_jaccard"]
    assert all(0 <= float(row["f1"]) <= 1 for row in rows)
