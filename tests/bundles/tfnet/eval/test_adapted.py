# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Adapting to simulated devices, measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adapted import run
from tfnet import RingDetector
from tfnet.simulation.device import draw_device


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices of few pixels."""
    monkeypatch.setattr(
        "adapted.draw_device",
        lambda seed: replace(draw_device(seed), size=(120, 160), extent=0.5, place=(0.5, 0.5), quality=None),
    )


@pytest.mark.usefixtures("small")
def test_a_device_is_scored_before_and_after_on_other_eyes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    torch.save(RingDetector(in_channels=1).state_dict(), tmp_path / "start.pt")
    arguments = {"devices": 1, "frames": 6, "max_epochs": 2, "init_path": str(tmp_path / "start.pt")}
    run(str(tmp_path / "out"), **arguments)
    scores = json.loads((tmp_path / "out" / "device_00" / "scores.json").read_text())
    assert len(scores["before"]) == len(scores["with boxes"]) == 6
    assert scores["before"] != scores["with boxes"]
    # weights of chance are sure of nothing: there is nothing to learn from without boxes
    assert scores["without"] is None
    assert "expected at least 4 frames whose rings the detector is sure of" in capsys.readouterr().out
    results = json.loads((tmp_path / "out" / "adapted.json").read_text())
    assert results["scores"]["without"]["mean"] == results["scores"]["before"]["mean"]
    written = (tmp_path / "out" / "device_00" / "scores.json").stat().st_mtime_ns
    run(str(tmp_path / "out"), **arguments)
    assert (tmp_path / "out" / "device_00" / "scores.json").stat().st_mtime_ns == written
    run(str(tmp_path / "out"), **{**arguments, "max_epochs": 1})
    assert (tmp_path / "out" / "device_00" / "scores.json").stat().st_mtime_ns != written
