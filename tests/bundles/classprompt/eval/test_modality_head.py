# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The class head on sets that it wasn't trained on."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import modality_head
import numpy as np
import pytest
import torch
from litemed.datasets.challenge import write_challenge
from litemed.networks.class_prompt import ClassHead
from torch import nn


class Colours(nn.Module):
    """Its embedding is the picture."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.class_head = ClassHead("mean", channels=24)

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        return image[:, :, ::4, ::4].repeat(1, 8, 1, 1)


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    """Two sets of reddish skin, three of bluish cells, one of which is as red as the skin; one set of X-rays."""
    noise = np.random.default_rng(0)
    sets = {"Dermoscopy_a": 0, "Dermoscopy_b": 0, "Microscopy_c": 2, "Microscopy_d": 2, "Microscopy_e": 0, "X-Ray_f": 1}
    for name, channel in sets.items():
        for number in range(4):
            picture = noise.integers(0, 60, (32, 32, 3), dtype=np.uint8)
            picture[:, :, channel] += 180
            picture[0, 0] = 0, 255, 255
            part = "pictures" if name.endswith("b") else "training"
            write_challenge(tmp_path / f"data/{part}/2D_{name}_{number}.npz", picture)
            if name.endswith(("a", "e")):
                write_challenge(tmp_path / f"data/test/unseen/2D_{name}_{number}.npz", picture)
    return tmp_path / "data"


def test_each_set_is_asked_about_without_having_taught(
    archives: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(modality_head, "load_network", lambda path: Colours().eval())
    monkeypatch.setattr(modality_head, "ClassHead", lambda pooling: ClassHead(pooling, channels=24))
    modality_head.ask_heads(archives, tmp_path / "kept", tmp_path / "out.json", steps=300)
    asked = json.loads((tmp_path / "out.json").read_text())
    assert asked.keys() == {"left out", "test/unseen"}
    left_out = asked["left out"]
    assert {row["set"] for row in left_out} == {"a", "b", "c", "d", "e"}  # f's modality has no other set
    assert {row["predicted"] for row in left_out if row["set"] in "ab"} <= {"Dermoscopy", "Microscopy"}
    assert {row["predicted"] for row in left_out if row["set"] in "cd"} == {"Microscopy"}
    assert {row["predicted"] for row in left_out if row["set"] == "e"} == {"Dermoscopy"}  # as its colour says
    printed = capsys.readouterr().out
    assert (
        f"left out: right in {sum(row['predicted'] == row['modality'] for row in left_out) / 20:.3f} of 20" in printed
    )
    assert "e 0.00" in printed.splitlines()[1]
    lines = [line.split() for line in printed.splitlines() if line.startswith("  0.") and line.count(" ") == 5]
    assert [line[0] for line in lines] == [f"{least:.2f}" for least in modality_head.THRESHOLDS]
    assert lines[0][1] == "1.000"
    assert all(float(a[1]) >= float(b[1]) for a, b in itertools.pairwise(lines))


def test_one_set_a_modality_is_too_few(archives: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modality_head, "load_network", lambda path: Colours().eval())
    for path in [*archives.rglob("*_a_*"), *archives.rglob("*_d_*"), *archives.rglob("*_e_*")]:
        path.unlink()
    with pytest.raises(ValueError, match="no modality has two sets to learn from"):
        modality_head.ask_heads(archives, tmp_path / "kept", tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()
