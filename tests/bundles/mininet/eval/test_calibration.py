# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Setting the last bias by training pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from calibration import OFFSETS, calibrate
from litemed.training.logit_offset import best_offset
from mininet import MiniNet
from mininet.simulation.fundus import fundus


def _f1(marked: torch.Tensor, truth: torch.Tensor) -> float:
    return 2 * float((marked & truth).sum()) / float(marked.sum() + truth.sum())


def test_the_offset_is_the_best_of_all_that_are_tried() -> None:
    generator = torch.Generator().manual_seed(0)
    pictures = []
    for _ in range(3):
        truth = torch.rand(400, generator=generator) < 0.2
        pictures.append((torch.randn(400, generator=generator) + 1.5 * truth - 1.2, truth))
    scores = [sum(_f1(logits + offset > 0, truth) for logits, truth in pictures) / 3 for offset in OFFSETS]
    offset, before, after = best_offset(pictures, OFFSETS)
    assert after == pytest.approx(max(scores), abs=1e-6)
    assert scores[int(((OFFSETS - offset).abs()).argmin())] == pytest.approx(max(scores), abs=1e-6)
    assert before == pytest.approx(scores[len(OFFSETS) // 2], abs=1e-6)


def test_a_picture_without_vessels_counts_as_found_when_left_empty() -> None:
    empty = (torch.full((10,), -1.0), torch.zeros(10, dtype=torch.bool))
    assert best_offset([empty], OFFSETS)[1:] == (1.0, 1.0)
    with pytest.raises(ValueError, match="no picture"):
        best_offset([], OFFSETS)


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
