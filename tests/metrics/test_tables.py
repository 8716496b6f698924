# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The table of scores: means, intervals and counts; its JSON, CSV and text."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
from litemed.metrics.tables import Table, read_rows, summarise, write_json, write_rows

NAN = math.nan


def test_a_summary_leaves_out_and_counts_what_is_undefined() -> None:
    # two cases: a draw has the mean 0, 1/2 or 1, so the interval is the whole range
    assert summarise([0.0, NAN, 1.0]) == {"mean": 0.5, "low": 0.0, "high": 1.0, "cases": 2, "undefined": 1}
    assert summarise([0.5]) == {"mean": 0.5, "low": None, "high": None, "cases": 1, "undefined": 0}
    assert summarise([NAN, NAN]) == {"mean": None, "low": None, "high": None, "cases": 0, "undefined": 2}
    assert summarise([1.0, 1.0, 0.0], ["a", "a", "a"])["low"] is None


def test_scores_of_all_are_the_mean_of_the_groups_means() -> None:
    table = Table.of({"dice": [1.0, 0.0, 0.5, 1.0]}, groups=["CT", "MR", "CT", "CT"])
    assert {name: (part.cases, part.scores["dice"]["mean"]) for name, part in table.groups.items()} == {
        "CT": (3, 2.5 / 3),
        "MR": (1, 0.0),
    }
    assert table.scores["dice"] == {"mean": 1.25 / 3, "low": None, "high": None, "cases": 4, "undefined": 0}
    undefined = Table.of({"dice": [1.0, NAN]}, groups=["CT", "MR"])
    assert undefined.scores["dice"] == {"mean": 1.0, "low": None, "high": None, "cases": 1, "undefined": 1}


def test_json_and_back(tmp_path: Path) -> None:
    table = Table.of({"dice": [1.0, 0.0], "auc": [NAN, NAN]}, groups=["b", "a"])
    table.counts = {"missed": 1}
    write_json(tmp_path / "scores.json", {**table.as_dict(), "more": [NAN, math.inf, (1.5,)]})
    content = json.loads((tmp_path / "scores.json").read_text())
    assert content["more"] == [None, None, [1.5]]
    assert list(content) == ["cases", "counts", "scores", "groups", "more"]
    assert Table.read(tmp_path / "scores.json") == table
    assert table.means(["dice", "auc"]) == {"dice": "0.5000", "auc": ""}


@pytest.mark.parametrize("text", ["[]", "{", '{"cases": 1, "scores": {}}', '{"cases": 1, "scores": {"dice": 1}}'])
def test_another_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "scores.json").write_text(text)
    with pytest.raises(ValueError, match=r"scores.json isn't a table of scores"):
        Table.read(tmp_path / "scores.json")


FORMULAS = ["=1+1", "+1-a", "-a", "@SUM(A1)", "\t=1", "=HYPERLINK(1)"]


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    plain = ["-0.5", "+1e3", "a=b", "", "'quoted", "-inf"]
    rows = [{"case": text, "=name": -0.5} for text in (*FORMULAS, *plain)]
    write_rows(tmp_path / "scores.csv", rows)
    with (tmp_path / "scores.csv").open(newline="") as file:
        heads, *cells = csv.reader(file)
    assert heads == ["case", "'=name"]
    assert [case for case, _ in cells] == [*(f"'{text}" for text in FORMULAS), *plain]
    assert {value for _, value in cells} == {"-0.5"}
    assert [row["case"] for row in read_rows(tmp_path / "scores.csv")] == [*FORMULAS, *plain]


def test_cells(tmp_path: Path) -> None:
    rows = [{"a": NAN, "b": 1 / 3, "c": ["x", "y"]}, {"b": None, "d": True}]
    write_rows(tmp_path / "all.csv", rows)
    assert (tmp_path / "all.csv").read_text().splitlines() == ["a,b,c,d", f",{1 / 3},x; y,", ",,,True"]
    write_rows(tmp_path / "some.csv", rows, ["c", "b"], digits=3)
    assert (tmp_path / "some.csv").read_text().splitlines() == ["c,b", "x; y,0.333", ","]
    write_rows(tmp_path / "none.csv", [], ["a"])
    with pytest.raises(ValueError, match=r"none.csv holds no rows"):
        read_rows(tmp_path / "none.csv")


def test_text_of_many_and_of_few_scores() -> None:
    few = Table.of({"dice": [1.0, 0.0, 0.5]}, groups=["CT", "CT", "MR"])
    assert few.text().splitlines() == [
        "               cases  dice",
        "CT                 2  0.5000 [0.0000 to 1.0000]",
        "MR                 1  0.5000",
        "mean               3  0.5000",
    ]
    scores = {name: [1.0, 0.0] for name in ("dice", "iou", "nsd")} | {"hd95": [123.0, NAN]}
    lines = Table.of(scores, groups=["CT", "CT"]).text().splitlines()
    assert lines[0] == "score       mean   95 % interval       (2 cases)"
    assert "dice     0.5000   0.0000 to 1.0000" in lines
    assert "hd95   123.0000   too few for one  undefined in 1" in lines
    assert "CT" in lines
