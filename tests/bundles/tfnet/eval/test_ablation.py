# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The ablations, on a few small simulated frames."""

from __future__ import annotations

import csv
from pathlib import Path

import ablation
import pytest
from tfnet import TFNet
from tfnet.simulation.writing import tearfilm


def test_variants_are_those_of_the_tables() -> None:
    assert list(ablation.VARIANTS) == ["tfnet", "plain_loss", "no_ppm", "no_skips", "no_ppm_no_skips", "whole_frame"]
    counts = {
        name: sum(p.numel() for p in TFNet(**{k: v for k, v in changed.items() if k.startswith("use_")}).parameters())
        for name, changed in ablation.VARIANTS.items()
    }
    assert counts == {
        "tfnet": 721_026,
        "plain_loss": 721_026,
        "no_ppm": 807_234,
        "no_skips": 694_146,
        "no_ppm_no_skips": 753_474,
        "whole_frame": 721_026,
    }


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_finished_variants_are_kept_when_it_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tearfilm(tmp_path, videos=(2, 1, 1), films=(0, 0, 0), frames=10, seconds=4.0, size=(96, 128))
    out = tmp_path / "out"
    arguments = {"dataset_dir": str(data), "output_dir": str(out), "max_epochs": 1, "side": 32}
    everything = dict(ablation.VARIANTS)
    monkeypatch.setattr(ablation, "VARIANTS", {"tfnet": everything["tfnet"]})
    ablation.run(**arguments)
    first = (out / "tfnet" / "model.pt").stat().st_mtime_ns
    monkeypatch.setattr(ablation, "VARIANTS", {name: everything[name] for name in ("tfnet", "whole_frame")})
    ablation.run(**arguments)
    assert (out / "tfnet" / "model.pt").stat().st_mtime_ns == first
    rows = _rows(out / "ablation.csv")
    assert [row["network"] for row in rows] == ["tfnet", "whole_frame"]
    assert all(0 <= float(row["mean_dice"]) <= 1 for row in rows)
    rows = _rows(out / "frames.csv")
    assert [row["frames"] for row in rows] == ["broken", "not_broken", "all"]
    # only frames without break-up have an area marked falsely
    assert [row["break_up_false_area"] == "" for row in rows] == [True, False, False]
    assert rows[0]["published_mean_dice"] == rows[0]["mean_dice"]
    assert float(rows[1]["published_mean_dice"]) <= 0.5
