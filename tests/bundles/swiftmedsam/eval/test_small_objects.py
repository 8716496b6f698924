# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Small objects in windows and without, by a network that marks what is bright in the box."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_objects
from litemed.datasets.challenge import write_challenge


def test_objects_are_listed_by_size_and_gain_by_windows(
    tmp_path: Path, bright: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image, labels = np.zeros((600, 900, 3), np.uint8), np.zeros((600, 900), np.uint8)
    image[:300, :600], labels[:300, :600] = 200, 1  # large
    image[300:310, 700:710], labels[300:310, 700:710] = 100, 2  # 2.8 of the network's pixels, not bright beside it
    image[500:520, 100:170], labels[500:520, 100:170] = 200, 3  # 19.9
    boxes = np.array([[0, 0, 599, 299], [700, 300, 709, 309], [100, 500, 169, 519]])
    for part in ("training", "validation", "test"):
        (tmp_path / part).mkdir()
        write_challenge(tmp_path / part / "2D_Microscopy_a_1.npz", image, boxes=boxes, labels=labels)
    monkeypatch.setattr(small_objects, "load_network", lambda path: None)
    monkeypatch.setattr(small_objects, "weights_path", lambda path: path)
    monkeypatch.setattr(small_objects, "deploy_boxes", lambda network, runtime: bright("lite").eval())
    small_objects.measure(str(tmp_path), str(tmp_path / "out.json"))
    rows = {row["object"]: row for row in json.loads((tmp_path / "out.json").read_text())["objects"]}
    assert {number: row["size"] for number, row in rows.items()} == {2: "0 to 6", 3: "16 to 32"}
    assert rows[2]["whole_dice"] == 0
    assert rows[2]["window_dice"] > 0.9
    assert rows[3]["whole_dice"] > 0.9
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1 + 2 + 2
    assert printed[1].split()[:5] == ["0", "to", "6", "all", "1"]
    assert f"{rows[2]['window_dice']:+.3f}" in printed[1]


def test_no_small_object_is_said(tmp_path: Path) -> None:
    labels = np.ones((64, 64), np.uint8)
    for part in ("training", "validation", "test"):
        (tmp_path / part).mkdir()
        boxes = np.array([[0, 0, 63, 63]])
        write_challenge(tmp_path / part / "2D_CT_a_1.npz", np.zeros((64, 64, 3), np.uint8), boxes=boxes, labels=labels)
    with pytest.raises(ValueError, match=r"no object of validation in .* is below 32 pixels"):
        small_objects.measure(str(tmp_path), str(tmp_path / "out.json"))
    assert not (tmp_path / "out.json").exists()
