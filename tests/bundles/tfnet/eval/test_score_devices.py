# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The table of devices, on two devices drawn for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from score_devices import SETS, run
from tfnet.simulation.device import STRESSES


def test_training_devices_others_and_each_stress_are_scored() -> None:
    assert set(SETS) == {"seen", "unseen", *STRESSES}
    assert not SETS["seen"]["unseen"]
    assert all(options["unseen"] for name, options in SETS.items() if name != "seen")


def test_frames_of_a_drawn_device_are_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(str(tmp_path / "out"), videos=1, sets=["unseen", "blur"], samples_dir=str(tmp_path / "samples"))
    results = json.loads((tmp_path / "out" / "devices.json").read_text())
    assert list(results) == ["models", "unseen", "blur"]
    scores = results["unseen"]["scores"]
    assert results["unseen"]["frames"] == scores["accuracy"]["cases"] == 6
    assert scores["outside_iou"]["cases"] == scores["recall_clear"]["cases"] + scores["recall_broken"]["cases"]
    assert scores["mean_dice"]["cases"] == scores["recall_broken"]["cases"] > 0
    assert scores["least_outside_iou"]["cases"] == 1
    assert scores["least_outside_iou"]["mean"] <= scores["outside_iou"]["mean"] <= 1
    assert results["blur"]["scores"] != scores
    assert "unseen: 1 videos" in capsys.readouterr().out


def test_an_unknown_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected sets among seen, unseen, scale, .*, got fog"):
        run(str(tmp_path / "out"), sets=["unseen", "fog"])
    assert not (tmp_path / "out").exists()
