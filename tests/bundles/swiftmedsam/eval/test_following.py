# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Objects of volumes that are followed from one slice, by a network whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import following
import numpy as np
import pytest
import torch
from litemed.datasets.challenge import write_challenge

from tests.conftest import Bright


class Doubting(Bright):
    """Bright, and doubting what is dim."""

    def decode(self, embedding: torch.Tensor, *prompts: Any) -> tuple[torch.Tensor, torch.Tensor]:
        logits, _ = super().decode(embedding, *prompts)
        return logits, torch.full((1, 1), 0.9 if embedding.mean() > 0.45 else 0.5)


def test_dice_of_each_share_by_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images, labels = np.zeros((8, 64, 64), np.uint8), np.zeros((8, 64, 64), np.uint8)
    images[:, 10:50, 10:50] = 200
    images[:5, :, 55:] = 200  # so that the last three slices are dim in the mean
    labels[:5, 10:50, 10:50] = 1
    boxes = np.array([[10, 10, 0, 49, 49, 4]])
    write_challenge(tmp_path / "3D_CT_one_1.npz", images, boxes=boxes, labels=labels, spacing=(1.0, 1.0, 1.0))
    monkeypatch.setattr(following, "load_network", lambda path: None)
    monkeypatch.setattr(following, "weights_path", lambda path: path)
    monkeypatch.setattr(following, "deploy_boxes", lambda network, runtime: Doubting())
    following.measure(tmp_path, least="0 0.9")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows] == [["least", "0:"], ["true", "end:"], ["least", "0.9:"]]
    assert [float(row[5]) for row in rows] == pytest.approx([2 * 5 / (8 + 5), 1, 1], abs=0.02)
    assert all(row[5:] == [row[5], "one", row[5], "(1)"] for row in rows)
    with pytest.raises(FileNotFoundError, match="no 3D archive"):
        following.measure(tmp_path / "elsewhere")
