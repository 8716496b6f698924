# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TF-Net's calibration on made-up evidence, and of weights on crops whose best threshold is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from litemed.training.logit_offset import best_offset
from PIL import Image
from tfnet import TFNet
from tfnet.calibration import OFFSETS, calibrate


def test_evidence_that_is_too_high_everywhere() -> None:
    # break-up has 5, background 3 in half of its pixels and -3 in the other: any threshold from 3 to 5 is right
    truth = np.array([[True, False], [False, False]])
    evidence = np.array([[5.0, 3.0], [-3.0, -3.0]])
    offset, before, after = best_offset([(evidence, truth)], OFFSETS)
    assert -5 < offset <= -3
    assert before == pytest.approx(2 / 3)
    assert after == 1


def test_every_picture_counts_alike() -> None:
    small = np.array([4.0, 2.0]), np.array([True, False])
    large = np.full(1000, 1.0), np.ones(1000, dtype=bool)
    # above 2 the first is perfect and the second 0; from 0 to 1 the first scores 2/3, the second 1
    offset, before, after = best_offset([small, large], OFFSETS)
    assert offset > -1
    assert before == after == pytest.approx(5 / 6)


def test_dice_equals_a_plain_count() -> None:
    rng = np.random.default_rng(0)
    pictures = [(rng.normal(size=(9, 11)), rng.random((9, 11)) < 0.2) for _ in range(3)]
    plain = []
    for offset in OFFSETS:
        masks = [evidence + offset > 0 for evidence, _ in pictures]
        plain.append(
            np.mean([2 * (m & t).sum() / max(m.sum() + t.sum(), 1) for m, (_, t) in zip(masks, pictures, strict=True)])
        )
    offset, before, after = best_offset(pictures, OFFSETS)
    assert after == pytest.approx(max(plain), abs=1e-9)
    assert offset == OFFSETS[int(np.argmax(plain))]
    assert before == pytest.approx(plain[int(np.argmin(abs(OFFSETS)))])


def test_nothing_there_and_nothing_marked_is_perfect() -> None:
    assert best_offset([(np.full((2, 2), -9.0), np.zeros((2, 2), bool))], OFFSETS)[1:] == (1, 1)
    with pytest.raises(ValueError, match="no picture"):
        best_offset([], OFFSETS)


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
    assert f"added {added[1]:+.2f} to the last bias" in capsys.readouterr().out
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
