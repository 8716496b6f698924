# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scores over several sets, of a network that marks what is brighter than the mean of the field of view."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from litemed.notices import Notice
from mininet import BUNDLE_ROOT, MiniNet
from PIL import Image
from set_scores import score_sets


class _Bright(MiniNet):
    """Logits of the picture's first channel, above 0 where it is above its mean."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :1]


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """Four pictures, the left half bright; labelled right in full, in half, and twice wrong."""
    picture = np.zeros((40, 60, 3), dtype=np.uint8) + 160
    picture[:, :30] = 200
    half = np.zeros((40, 60), dtype=np.uint8)
    half[:, :30] = 255
    quarter = half.copy()
    quarter[20:] = 0
    for folder in ("images", "masks"):
        (tmp_path / "fives" / folder).mkdir(parents=True)
    for number, mask in enumerate((half, quarter, 255 - half, 255 - half)):
        Image.fromarray(picture).save(tmp_path / "fives" / "images" / f"{number}_N.png")
        Image.fromarray(mask).save(tmp_path / "fives" / "masks" / f"{number}_N.png")
    return tmp_path


def test_means_and_pooled_scores(sets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr("mininet.MiniNet", _Bright)
    torch.save(MiniNet().state_dict(), sets / "weights.pt")
    output = sets / "scores.json"
    score_sets(str(sets), str(output), str(sets / "weights.pt"), part="all")
    rows = json.loads(output.read_text())["rows"]
    assert [(row["set"], row["flips"], row["region"]) for row in rows] == [
        ("fives", flips, region) for flips in (False, True) for region in ("found", "frame")
    ]
    for row in rows:
        # 1200 pixels are marked in each: 1200, 600, 0 and 0 of them rightly, of 1200, 600, 1200 and 1200
        assert row["pictures"] == 4
        assert row["f1"] == pytest.approx((1 + 2 / 3 + 0 + 0) / 4)
        assert 0 <= row["f1_low"] <= row["f1"] <= row["f1_high"] <= 1
        # recall of the true half, the quarter and twice none of it
        assert row["sensitivity"] == pytest.approx((1 + 1 + 0 + 0) / 4)
        assert (row["sensitivity_low"], row["sensitivity_high"]) == (0, 1)
        assert row["f1_pooled"] == pytest.approx(2 * 1800 / (4800 + 4200))
        assert row["f1_by_picture"]["1_N"] == pytest.approx(2 / 3)
        # of 1, sqrt(600 * 1200 / ...) and twice -1
        second = (600 * 1200 - 600 * 0) / np.sqrt(1200.0 * 600 * 1200 * 1800)
        assert row["mcc"] == pytest.approx((1 + second - 2) / 4)
    assert capsys.readouterr().out.count("fives") == 4


def test_single_objects_of_any_folder_of_pictures(sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mininet.MiniNet", _Bright)
    torch.save(MiniNet().state_dict(), sets / "weights.pt")
    (sets / "fives").rename(sets / "cells")
    output = sets / "scores.json"
    configs = [f"{BUNDLE_ROOT}/configs/{name}.json" for name in ("train", "nuclei")]
    options = {"config": configs, "part": "all", "flips": [False], "instances": True}
    score_sets(str(sets), str(output), str(sets / "weights.pt"), **options)
    (row,) = json.loads(output.read_text())["rows"]
    assert (row["set"], row["region"], row["pictures"]) == ("cells", "frame", 4)
    # one object, the left half: right in the first picture, half of it in the second, and opposite in two
    assert row["instance_f1"] == pytest.approx(1 / 4)
    assert row["iou"] == pytest.approx((1 + 1 / 2) / 4)
    # outlines: alike in the first picture; the others by their outlines' pixels, at distances in whole columns and rows
    rows, columns = np.mgrid[:40, :30]
    halves = (columns == 0) | (columns == 29) | (rows == 0) | (rows == 39)
    quarter = (rows < 20) & ((columns == 0) | (columns == 29) | (rows == 0) | (rows == 19))
    distances = [
        np.sort([np.hypot(*(np.argwhere(to) + np.array((0, shift)) - point).T).min() for point in np.argwhere(of)])
        for of, to, shift in ((halves, quarter, 0), (quarter, halves, 0), (halves, halves, 30))
    ]
    opposite = np.percentile(distances[2], 95)
    second = max(np.percentile(each, 95) for each in distances[:2])
    assert row["hd95"] == pytest.approx((0 + second + 2 * opposite) / 4)
    assert row["hd95_low"] <= row["hd95"] <= row["hd95_high"]


def test_one_picture_has_no_interval(sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mininet.MiniNet", _Bright)
    torch.save(MiniNet().state_dict(), sets / "weights.pt")
    for path in sets.glob("fives/*/[1-3]_N.png"):
        path.unlink()
    score_sets(str(sets), str(sets / "scores.json"), str(sets / "weights.pt"), part="all", flips=[False])
    text = (sets / "scores.json").read_text()
    assert "NaN" not in text
    row = json.loads(text)["rows"][0]
    assert (row["pictures"], row["f1"], row["f1_low"], row["f1_high"]) == (1, 1.0, None, None)


def test_sets_without_the_part_are_passed_over(sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mininet.MiniNet", _Bright)
    torch.save(MiniNet().state_dict(), sets / "weights.pt")
    for folder in ("images", "masks"):
        (sets / "hrf" / folder).mkdir(parents=True)
        for number in range(5):
            (sets / "hrf" / folder / f"0{number + 1}_dr.png").symlink_to(sets / "fives" / folder / "0_N.png")
            (sets / "fives" / folder / f"{number + 4}_N.png").symlink_to(sets / "fives" / folder / "0_N.png")
    options = {"ckpt_path": str(sets / "weights.pt"), "flips": [False]}
    with pytest.warns(Notice, match="hrf has no test part"):
        score_sets(str(sets), str(sets / "scores.json"), **options)
    assert {row["set"] for row in json.loads((sets / "scores.json").read_text())["rows"]} == {"fives"}
    with pytest.raises(FileNotFoundError, match=r"expected images of the test section in .*hrf"):
        score_sets(str(sets), str(sets / "other.json"), sets=["fives", "hrf"], **options)


def test_a_set_that_is_not_there_is_named(sets: Path) -> None:
    torch.save(MiniNet().state_dict(), sets / "weights.pt")
    with pytest.raises(FileNotFoundError, match="no folder hrf in"):
        score_sets(str(sets), str(sets / "scores.json"), str(sets / "weights.pt"), sets=["hrf"])
    assert not (sets / "scores.json").exists()
