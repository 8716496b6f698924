# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Adaptation to pictures without labels."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from litemed.training.checkpoints import load_checkpoint
from litemed.training.weight_record import read_record
from tiu_ocular import build_network
from tiu_ocular.adapt import adapt, adapt_statistics, mean_teacher
from torch import nn

SIZE = (48, 32)


def test_statistics_are_those_of_the_pictures_mixed_by_the_prior():
    frames = 255 * torch.rand(24, 3, 8, 8)
    layer = nn.BatchNorm2d(3)
    layer.running_mean.fill_(5.0)
    layer.running_var.fill_(9.0)
    # what comes in has mean 0 and deviation 1 in every picture; 24 pictures count three times as much as 8
    adapt_statistics(layer, frames, prior=8)
    assert torch.allclose(layer.running_mean, torch.full((3,), 5 / 4), atol=1e-4)
    assert torch.allclose(layer.running_var, torch.full((3,), 9 / 4 + 3 / 4), atol=0.01)
    assert (layer.momentum, layer.training) == (0.1, False)


def test_the_teacher_moves_slowly_after_the_student_and_only_where_it_is_sure():
    torch.manual_seed(0)
    frames = 255 * torch.rand(16, 3, *SIZE)
    network = build_network(size=SIZE)
    before = copy.deepcopy(network.state_dict())
    unsure = mean_teacher(copy.deepcopy(network), frames, epochs=1)  # a fresh network is sure of nothing
    weights = [name for name in before if name.endswith("weight")]
    assert all(torch.allclose(unsure.state_dict()[name], before[name], atol=1e-6) for name in weights)
    with torch.no_grad():
        network.model[-1][-1].conv.unit0.conv.bias[0] += 20
    sure = mean_teacher(network, frames, epochs=2, learning_rate=1e-3).state_dict()
    student = network.state_dict()
    moved = {name: (sure[name] - before[name]).abs().max() for name in weights}
    assert max(moved.values()) > 0
    assert all(moved[name] <= 0.05 * (student[name] - before[name]).abs().max() + 1e-6 for name in weights)


@pytest.mark.parametrize("method", ["batch_norm", "mean_teacher"])
def test_adapted_weights_load_and_say_so(method: str, tmp_path: Path, write_eye: Callable[..., np.ndarray]) -> None:
    for number in range(5):
        write_eye(tmp_path, f"eye{number}", seed=number)
    adapt(str(tmp_path / "images"), str(tmp_path / "own.pt"), method, epochs=1)
    network = build_network()
    load_checkpoint(network, str(tmp_path / "own.pt"))
    record = read_record(tmp_path / "own.pt")
    assert record["data"][-1]["use"] == "adaptation"
    assert "scores" not in record


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "expected method batch_norm or mean_teacher, got 'magic'"),
        ({"out": "own.onnx"}, r"as adapted\.pt, got own\.onnx"),
        ({"epochs": 0}, "at least 1 epoch"),
    ],
)
def test_wrong_arguments(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        adapt(**{"pictures": str(tmp_path), "out": str(tmp_path / "own.pt")} | options)
    assert list(tmp_path.iterdir()) == []
