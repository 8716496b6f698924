# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Weights at the start of an engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from ignite.engine import Engine
from litemed.training.checkpoints import save_checkpoint
from litemed.training.shipping import ship_weights
from litemed.training.warm_start import WarmStartFrom
from litemed.training.weight_record import read_record
from litemed.training.weights import LoadWeights, StartFrom
from torch import nn


def _start(handler: LoadWeights | StartFrom | WarmStartFrom) -> None:
    engine = Engine(lambda engine, batch: None)
    handler.attach(engine)
    engine.run([0])


def test_strictly_and_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained, network = nn.Linear(3, 2), nn.Linear(3, 2)
    save_checkpoint(tmp_path / "weights.pt", trained)
    _start(LoadWeights(network, tmp_path / "weights.pt"))
    assert torch.equal(network.weight, trained.weight)
    wider = nn.Linear(4, 2)
    with pytest.raises(ValueError, match="expected weights of Linear, found others"):
        _start(LoadWeights(wider, tmp_path / "weights.pt"))
    before = wider.weight.clone()
    _start(StartFrom(wider, None))
    assert capsys.readouterr().out == ""
    _start(WarmStartFrom(wider, tmp_path / "weights.pt"))
    assert torch.equal(wider.bias, trained.bias)
    assert torch.equal(wider.weight, before)
    assert "took 1 of 2 entries (2 of 10 parameters)" in capsys.readouterr().out


def test_weights_are_shipped_with_their_record(tmp_path: Path) -> None:
    (tmp_path / "bundle/configs").mkdir(parents=True)
    definition = {"_target_": "torch.nn.Linear", "in_features": "@width", "out_features": 2}
    (tmp_path / "bundle/configs/inference.json").write_text(json.dumps({"width": 3, "network_def": definition}))
    network = nn.Linear(4, 2)
    save_checkpoint(tmp_path / "run.pt", network, record={"scores": ["new"]})
    target = tmp_path / "bundle/models/model.pt"
    save_checkpoint(target, nn.Linear(3, 2), record={"licence": "its", "scores": ["old"]})
    with pytest.raises(ValueError, match="expected weights of Linear, found others"):
        ship_weights(str(tmp_path / "run.pt"), str(target))
    with pytest.raises(ValueError, match="bundle has no option depth"):
        ship_weights(str(tmp_path / "run.pt"), str(target), depth=4)
    ship_weights(str(tmp_path / "run.pt"), str(target), half=True, width=4)
    assert torch.equal(torch.load(target)["weight"], network.weight.half())
    record = read_record(target)
    assert record is not None
    assert (record["bundle"], record["licence"], record["scores"]) == ("bundle", "its", ["new"])
    assert record["parameters"] == 4 * 2 + 2
    other = nn.Linear(4, 2)
    save_checkpoint(tmp_path / "other.pt", other)
    ship_weights(str(tmp_path / "run.pt"), str(target), average_with=str(tmp_path / "other.pt"), width=4)
    assert torch.equal(torch.load(target)["weight"], (network.weight + other.weight) / 2)
