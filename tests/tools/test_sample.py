# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""``litemed test``: the kept result of each bundle, made again and compared."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from litemed.tools.packaging.checks import agreement
from litemed.tools.sample import SampleRun
from PIL import Image

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"
NAMES = sorted(file.parents[1].name for file in BUNDLES.glob("*/models/model.pt"))


@pytest.mark.parametrize("name", NAMES)
def test_each_bundle_keeps_a_result_of_its_weights(name: str) -> None:
    kept = json.loads((BUNDLES / name / "sample/result.json").read_text())
    weights = (BUNDLES / name / "models/model.pt").read_bytes()
    assert kept["weights"] == hashlib.sha256(weights).hexdigest(), f"run litemed test {name} --write"
    labels = np.asarray(Image.open(BUNDLES / name / "sample" / kept["output"]))
    assert labels.shape == np.asarray(Image.open(BUNDLES / name / "sample" / kept["input"])).shape[:2]
    assert labels.any()
    assert sum(file.stat().st_size for file in (BUNDLES / name / "sample").iterdir()) < 100_000


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    left_out = shutil.ignore_patterns("runs", "eval", "__pycache__")
    return shutil.copytree(BUNDLES / "mininet", tmp_path / "mininet", ignore=left_out)


def test_the_command_compares_and_times(copy: Path, call_litemed, capsys, monkeypatch) -> None:
    monkeypatch.setattr("litemed.tools.sample.available_runtimes", lambda: ["torch"])
    assert call_litemed("test", str(copy), "--json") == 0
    (run,) = json.loads(capsys.readouterr().out)
    assert (run["bundle"], run["runtime"], run["passed"]) == ("mininet", "torch", True)
    assert run["dice"] > 0.999
    assert run["seconds"] > 0

    mask = copy / "sample/input_mask.png"
    shifted = np.roll(np.asarray(Image.open(mask)), 4, axis=0)  # vessels are thinner than that
    Image.fromarray(shifted).save(mask)
    assert call_litemed("test", str(copy)) == 1
    assert "FAILED" in capsys.readouterr().out
    assert call_litemed("test", str(copy), "--write") == 0
    assert json.loads((copy / "sample/result.json").read_text())["seconds"]["torch"] > 0
    capsys.readouterr()
    assert call_litemed("test", str(copy)) == 0


def test_seconds_are_told_with_the_number_of_boxes() -> None:
    run = SampleRun("prompted", "torch", 1.0, 5.4, 5.372, "Abacus 9", True, 11)
    assert run.text() == "prompted      torch         passed  Dice 1.0000  5.40 s for 11 boxes (5.372 s on Abacus 9)"
    assert "boxes" not in run._replace(boxes=None).text()


def test_what_cannot_be_compared_is_told(copy: Path, call_litemed, capsys) -> None:
    shutil.copy(copy / "models/model_skin.pt", copy / "models/model.pt")
    assert call_litemed("test", str(copy)) == 2
    assert capsys.readouterr().err == (
        f"litemed: mininet keeps a result of other weights: write it anew, litemed test {copy} --write\n"
    )
    (copy / "sample/result.json").unlink()
    assert call_litemed("test", str(copy)) == 2
    assert "mininet keeps no result in sample/result.json" in capsys.readouterr().err


def test_agreement_is_dice_over_all_labels(tmp_path: Path) -> None:
    first, second = np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint8)
    first[0], first[1, :3] = 1, 2  # 8 pixels
    second[0], second[1, :4] = 1, 2  # 9 pixels
    second[0, 0] = 2  # 4 of label 1 and 3 of label 2 agree
    for name, pixels in (("a", first), ("b", second), ("empty", 0 * first), ("other", first[:2])):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    a, b, empty, other = (tmp_path / f"{name}.png" for name in ("a", "b", "empty", "other"))
    assert agreement(a, b) == pytest.approx(2 * 7 / 17)
    assert agreement(a, a) == agreement(empty, empty) == 1
    assert agreement(a, empty) == 0
    with pytest.raises(ValueError, match=r"expected a label map of \(2, 5\) as kept, got \(4, 5\)"):
        agreement(a, other)
