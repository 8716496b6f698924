# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Setting the last bias by training pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from calibration import calibrate
from mininet import MiniNet
from mininet.simulation.fundus import fundus


def test_weights_are_moved_by_their_last_bias_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    network = MiniNet()
    torch.save(network.state_dict(), tmp_path / "model.pt")
    calibrate(str(tmp_path / "model.pt"), str(fundus()), str(tmp_path / "out.pt"))
    moved = torch.load(tmp_path / "out.pt", weights_only=True)
    differing = [name for name, value in network.state_dict().items() if not torch.equal(value, moved[name])]
    assert differing in ([], ["head.3.bias"])
    said = capsys.readouterr().out
    before, after = (float(text) for text in said.split("training+validation ")[1].split(";")[0].split(" -> "))
    assert after >= before
