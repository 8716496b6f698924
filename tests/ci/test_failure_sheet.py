# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The sheet of the pictures that fail."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from litemed.metrics.tables import write_rows
from PIL import Image

SCRIPT = runpy.run_path(str(Path(__file__).resolve().parents[2] / "ci/failure_sheet.py"))


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    """Pictures as red as their score is high, one of which has none."""
    folder = tmp_path / "stained_nuclei"
    (folder / "pictures").mkdir(parents=True)
    scores = {"a": 0.9, "b": 0.2, "c": float("nan"), "d": 0.5}
    write_rows(folder / "scores.csv", [{"case": case, "f1": value} for case, value in scores.items()])
    for case, value in scores.items():
        colour = (0 if np.isnan(value) else round(255 * value), 0, 0)
        Image.new("RGB", (40, 20), colour).save(folder / "pictures" / f"{case}_overlay.png")
    return folder


def test_the_lowest_scores_come_first_and_undefined_ones_not_at_all(evaluation: Path) -> None:
    assert SCRIPT["lowest"](evaluation, "f1", 3) == [("b", 0.2), ("d", 0.5), ("a", 0.9)]
    canvas = np.asarray(SCRIPT["sheet"]([evaluation], "f1", 3))
    side, gap = SCRIPT["SIDE"], SCRIPT["GAP"]
    # twice as wide as high: two of them beside each other, and the third below
    middle, wide = SCRIPT["TITLE"] + side // 2, 2 * side + gap
    assert canvas.shape[1] == 2 * wide + gap
    assert canvas[middle, side].tolist() == [51, 0, 0]
    assert canvas[middle, wide + gap + side].tolist() == [128, 0, 0]
    assert canvas[middle + wide // 2 + SCRIPT["TEXT"], side].tolist() == [230, 0, 0]
    assert canvas[middle + wide // 2 + SCRIPT["TEXT"], wide + gap + side].tolist() == [255, 255, 255]


def test_another_score_is_refused(evaluation: Path) -> None:
    with pytest.raises(ValueError, match=r"scores\.csv has no score dice: f1"):
        SCRIPT["lowest"](evaluation, "dice", 3)
