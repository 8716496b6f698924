# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The experiment: cells that resume, and tables whose numbers are known."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import experiment
import pytest
from experiment_tables import Cell, Scores, average, compare, read_scores, write_tables
from PIL import Image

CASES = {
    "public": [{"case": n, "image": f"/p/{n}.png", "subject": n[0]} for n in ("a1", "a2", "b1")],
    "clinical": [
        {"case": n, "image": f"/c/{n}.png", "subject": n, "group": "omg" if n < "y" else "healthy"}
        for n in ("x1", "x2", "y1", "y2")
    ],
}


def _scores(public: float, clinical: float, step: float = 0.0) -> Scores:
    def values(names: list[str], mean: float) -> dict[str, dict[str, float]]:
        offsets = [step * (2 * rank - len(names) + 1) for rank in range(len(names))]
        dice = {name: mean + offset for name, offset in zip(names, offsets, strict=True)}
        hd95 = {name: 100 * (1 - value) for name, value in dice.items()}
        return {"dice": dice, "hd95": hd95, "iris_dice": dice, "iris_hd95": hd95, "anatomy_violated_cases": dice}

    return {
        "public": values([case["case"] for case in CASES["public"]], public),
        "clinical": values([case["case"] for case in CASES["clinical"]], clinical),
    }


def test_names_and_losses_of_cells() -> None:
    cell = Cell("unet", "ce", "mean", 0.1, 2)
    assert (cell.name, cell.loss) == ("unet_ce_tiu_10_seed2", "CE+TIU")
    assert Cell("fcn", "dice", "none", 1.0, 0).loss == "Dice"
    cell = Cell("unetr", "dice_ce", "relative", 0.5, 1)
    assert (cell.name, cell.loss) == ("unetr_dice_ce_tiu-relative_50_seed1", "CE+Dice+TIU, relative")


def test_average_over_seeds_skips_what_is_undefined() -> None:
    assert average([{"a": 0.2, "b": 1.0}, {"a": 0.4, "b": math.nan}]) == pytest.approx({"a": 0.3, "b": 1.0})
    with pytest.raises(ValueError, match="different cases"):
        average([{"a": 1.0}, {"b": 1.0}])


def test_comparison_pairs_cases_and_seeds() -> None:
    # gains of the seeds: 0.1 and 0.3 in every case; a t-test of (0.1, 0.3) against 0 has t = 2 and one degree of
    # freedom, whose p is 1 - 2 arctan(2) / pi
    without = [{"a1": 0.5, "a2": 0.6, "b1": 0.2}, {"a1": 0.4, "a2": 0.6, "b1": 0.3}]
    with_tiu = [
        {case: value + gain for case, value in run.items()} for run, gain in zip(without, (0.1, 0.3), strict=True)
    ]
    found = compare(without, with_tiu, {"a1": "a", "a2": "a", "b1": "b"})
    assert found["difference"] == pytest.approx(0.2)
    assert (found["low"], found["high"]) == pytest.approx((0.2, 0.2))
    assert (found["seeds"], found["seeds_higher"]) == (2, 2)
    assert found["p_seeds"] == pytest.approx(1 - 2 * math.atan(2) / math.pi)
    assert math.isnan(compare(without[:1], with_tiu[:1], {"a1": "a", "a2": "a", "b1": "b"})["p_seeds"])


def test_all_of_five_subjects_gain_by_chance_in_two_of_32_signings() -> None:
    cases = {letter: letter for letter in "abcde"}
    found = compare([dict.fromkeys(cases, 0.5)], [{case: 0.6 + 0.01 * ord(case) for case in cases}], cases)
    assert found["p_subjects"] == pytest.approx(2 / 32)
    same = dict.fromkeys(cases, 0.5)
    assert math.isnan(compare([same], [same], cases)["p_subjects"])


def test_tables_hold_the_means_over_seeds_in_the_papers_layout(tmp_path: Path) -> None:
    cells = {
        Cell("unet", "ce", "none", 0.1, 0): _scores(0.60, 0.40),
        Cell("unet", "ce", "none", 0.1, 1): _scores(0.62, 0.42),
        Cell("unet", "ce", "mean", 0.1, 0): _scores(0.65, 0.45),
        Cell("unet", "ce", "mean", 0.1, 1): _scores(0.69, 0.47),
        Cell("unet", "ce", "mean", 1.0, 0): _scores(0.80, 0.60, step=0.05),
        Cell("unetr", "dice", "none", 1.0, 0): _scores(0.70, 0.50),
    }
    write_tables(tmp_path, cells, CASES)
    table = (tmp_path / "table2.md").read_text().splitlines()[2:]
    assert [line.split(" | ")[:4] for line in table[2:]] == [
        ["| 10", "UNet", "CE", "2"],
        ["| 10", "UNet", "CE+TIU", "2"],
        ["| 100", "UNet", "CE+TIU", "1"],
        ["| 100", "UNETR", "Dice", "1"],
    ]
    assert "61.00 [61.00, 61.00]" in table[2]
    assert "33.00 [33.00, 33.00]" in table[3]
    third = (tmp_path / "table3.md").read_text()
    assert third.startswith("UNet, the best network on the public test set (CE+TIU), trained on 100 %")
    # clinical cases x1, x2, y1, y2 have 0.6 less and more 0.15 and 0.05
    assert "omg (2) Dice" in third
    assert "50.00 [45.00, 55.00]" in third
    assert "70.00 [65.00, 75.00]" in third
    with (tmp_path / "paired.csv").open() as file:
        pairs = {(row["domain"], row["score"]): row for row in csv.DictReader(file)}
    assert float(pairs["public", "dice"]["difference"]) == pytest.approx(0.06)
    assert pairs["clinical", "dice"]["seeds_higher"] == "2"
    assert (
        "| 10 | UNet | CE | mean | public | dice | +6.00 [+6.00 to +6.00] | 2 of 2 |"
        in (tmp_path / "paired.md").read_text()
    )
    rows = json.loads((tmp_path / "cells.json").read_text())
    assert [row["seeds"] for row in rows] == [2, 2, 1, 1]
    assert rows[0]["scores"]["public"]["dice"]["by_seed"] == pytest.approx([0.60, 0.62])
    assert {Image.open(tmp_path / f"{score}.png").format for score in ("dice", "hd95")} == {"PNG"}


def test_finished_cells_are_kept_and_lacking_ones_run(
    eyes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    original = experiment.run_training

    def counted(bundle: str, configs: list[str], **overrides: Any) -> None:
        calls.append("+".join(configs))
        original(bundle, configs, **overrides)

    monkeypatch.setattr(experiment, "run_training", counted)
    options = {"dataset_dir": str(eyes), "reader": "paired", "clinical_dir": str(eyes), "clinical_reader": "paired"}
    options |= {"architectures": ["unet"], "pixel_losses": ["ce"], "epochs": 1, "size": [48, 32], "fractions": [1.0]}
    options |= {
        "output_dir": str(tmp_path / "out"),
        "seeds": [0],
        "kernel_sizes": [4, 8],
        "batch_size": 4,
        "val_interval": 1,
    }
    experiment.run(**options, tiu=["mean"])
    assert calls == ["train", "train+evaluate", "train+evaluate"]
    experiment.run(**options, tiu=["none", "mean"])
    assert calls == ["train", "train+evaluate", "train+evaluate"] * 2
    experiment.run(**options, tables_only=True)
    assert len(calls) == 6
    scores = read_scores(tmp_path / "out" / "unet_ce_tiu_100_seed0")
    assert set(scores["clinical"]["dice"]) == {case.stem for case in eyes.glob("*/images/*.png")}
    assert len((tmp_path / "out" / "table2.md").read_text().splitlines()) == 6
    table = (tmp_path / "out" / "cost.md").read_text()
    assert "| unet | 100 | 2 of 3 |" in table  # with relative TIU, which isn't trained
    with pytest.raises(ValueError, match="expected tiu of none, mean, relative, got True"):
        experiment.run(**options, tiu=[True])
    with pytest.raises(ValueError, match="cells of other settings"):
        experiment.run(**{**options, "epochs": 2})
