# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TF-Net's calibration of weights on crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tfnet import TFNet
from tfnet.calibration import calibrate


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        for kind in ("images", "masks"):
            (tmp_path / "crop_broken_only" / kind / part).mkdir(parents=True)
        for number in range(2):
            picture, mask = rng.integers(0, 255, (40, 48), dtype=np.uint8), np.zeros((40, 48), np.uint8)
            mask[8:20, 10:30] = 255
            name = f"{part}01_{number:05d}.png"
            Image.fromarray(picture).save(tmp_path / "crop_broken_only/images" / part / name)
            Image.fromarray(mask).save(tmp_path / "crop_broken_only/masks" / part / name)
    torch.manual_seed(0)
    state = TFNet().state_dict()
    torch.save(state, tmp_path / "weights.pt")
    calibrate(str(tmp_path / "weights.pt"), str(tmp_path / "calibrated.pt"), str(tmp_path), spatial_size=(48, 48))
    calibrated = torch.load(tmp_path / "calibrated.pt", weights_only=True)
    added = calibrated.pop("head.bias") - state.pop("head.bias")
    assert added[0] == 0
    assert f"added {added[1]:+.3f} to the last bias" in capsys.readouterr().out
    assert state.keys() == calibrated.keys()
    assert all(torch.equal(state[name], calibrated[name]) for name in state)


def test_the_last_bias_is_where_it_is_looked_for() -> None:
    network = TFNet().eval()
    picture = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        before = network(picture)
        state = network.state_dict()
        state["head.bias"] = state["head.bias"] + torch.tensor([0.0, 1.5])
        network.load_state_dict(state)
        torch.testing.assert_close(
            network(picture) - before, torch.tensor([0.0, 1.5]).view(1, 2, 1, 1).expand_as(before)
        )
