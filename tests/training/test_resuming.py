# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Resuming, best weights and averaging."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ignite.engine import Engine, Events
from litemed.training.averaging import WeightAverage
from litemed.training.resuming import BestWeights, EpochSeed, TrainingCheckpoint
from monai.transforms import RandGaussianNoise
from torch import nn


class _Training:
    """A linear model that learns from noise, with all that a checkpoint must keep."""

    def __init__(
        self, path: Path, scores: list[float], resume: bool = True, patience: int | None = None, keep: str = "best"
    ) -> None:
        torch.manual_seed(7)
        self.network = nn.Linear(3, 1)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=0.1)
        self.average = WeightAverage(self.network, momentum=0.1)
        self.noise = RandGaussianNoise(prob=1.0)
        self.evaluator = Engine(lambda engine, batch: None)
        self.evaluator.state.metrics = {}
        self.scores = scores
        self.best = BestWeights(self.network, self.evaluator, "dice", path / "model.pt", patience=patience, keep=keep)
        self.trainer = Engine(self._step)
        EpochSeed(3, self.noise).attach(self.trainer)
        self.average.attach(self.trainer)
        self.trainer.add_event_handler(Events.EPOCH_COMPLETED, self._validate)
        self.best.attach(self.trainer)
        kept = {
            "network": self.network,
            "optimizer": self.optimizer,
            "average": self.average,
            "best_weights": self.best,
        }
        TrainingCheckpoint(path / "checkpoint.pt", kept, resume=resume).attach(self.trainer)

    def _step(self, engine: Engine, batch: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        (self.network(self.noise(batch) + torch.rand(3)) ** 2).sum().backward()
        self.optimizer.step()

    def _validate(self, engine: Engine) -> None:
        self.evaluator.state.metrics["dice"] = self.scores[engine.state.epoch - 1]

    def run(self, epochs: int) -> _Training:
        self.trainer.run([torch.ones(3), torch.zeros(3)], max_epochs=epochs)
        return self


def test_resumed_training_equals_an_unbroken_one(tmp_path: Path) -> None:
    scores = [0.1, 0.5, 0.2, 0.3]
    whole = _Training(tmp_path / "whole", scores).run(4)
    _Training(tmp_path / "broken", scores).run(2)
    resumed = _Training(tmp_path / "broken", scores).run(4)
    assert resumed.trainer.state.iteration == whole.trainer.state.iteration == 8
    for a, b in zip(resumed.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(resumed.average.network.parameters(), whole.average.network.parameters(), strict=True):
        assert torch.equal(a, b)
    assert resumed.best.state_dict() == whole.best.state_dict() == {"best": 0.5, "best_epoch": 2, "waited": 2}


def test_without_resume_it_starts_anew(tmp_path: Path) -> None:
    _Training(tmp_path, [0.1, 0.2]).run(2)
    assert _Training(tmp_path, [0.1, 0.2], resume=False).run(1).trainer.state.iteration == 2


def test_a_finished_training_is_left_alone(tmp_path: Path) -> None:
    first = _Training(tmp_path, [0.1, 0.2]).run(2)
    again = _Training(tmp_path, [0.1, 0.2]).run(2)
    assert again.trainer.state.iteration == 4
    for a, b in zip(again.network.parameters(), first.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_another_networks_checkpoint_is_refused(tmp_path: Path) -> None:
    _Training(tmp_path, [0.1]).run(1)
    training = _Training(tmp_path, [0.1, 0.2])
    training.network.weight = nn.Parameter(torch.zeros(1, 4))
    with pytest.raises(ValueError, match=r"(?s)cannot resume from .*checkpoint\.pt.*size mismatch"):
        training.run(2)


def test_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    _Training(tmp_path, [0.1]).run(1)
    file = tmp_path / "checkpoint.pt"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"cannot resume from .*--resume False to start anew"):
        _Training(tmp_path, [0.1, 0.2]).run(2)


def test_checkpoint_of_other_objects_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 1, "iteration": 2, "network": {}}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="not in both: average, best_weights, optimizer"):
        _Training(tmp_path, [0.1, 0.2]).run(2)


def test_last_weights_are_kept_whatever_their_score(tmp_path: Path) -> None:
    training = _Training(tmp_path, [0.9, 0.3, 0.2], patience=1, keep="last").run(3)
    assert training.trainer.state.epoch == 3
    assert torch.equal(torch.load(tmp_path / "model.pt")["weight"], training.network.weight)
    with pytest.raises(ValueError, match="got 'first'"):
        _Training(tmp_path, [0.9], keep="first")


def test_best_weights_are_those_of_the_best_epoch(tmp_path: Path) -> None:
    weights = {}
    training = _Training(tmp_path, [0.3, 0.9, 0.8])
    training.trainer.add_event_handler(
        Events.EPOCH_COMPLETED,
        lambda engine: weights.update({engine.state.epoch: training.network.weight.detach().clone()}),
    )
    training.run(3)
    assert torch.equal(torch.load(tmp_path / "model.pt", weights_only=True)["weight"], weights[2])


def test_training_stops_when_nothing_improves(tmp_path: Path) -> None:
    training = _Training(tmp_path, [0.5, 0.4, 0.5, 0.9], patience=2).run(4)
    assert training.trainer.state.epoch == 3
    assert training.best.best_epoch == 1


def test_undefined_validation_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="validation dice is nan in epoch 1"):
        _Training(tmp_path, [float("nan")]).run(1)


def test_no_temporary_files_are_left(tmp_path: Path) -> None:
    _Training(tmp_path, [0.1, 0.2]).run(2)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["checkpoint.pt", "model.json", "model.pt"]


def test_average_by_hand() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = WeightAverage(network, momentum=0.5)
    engine = Engine(lambda engine, batch: nn.init.constant_(network.weight, batch))
    average.attach(engine)
    engine.run([4.0, 8.0], max_epochs=1)
    # the first update copies 4; the second moves by max(0.5, 9 / 11) of the way to 8
    assert average.network.weight.item() == pytest.approx(4 + 9 / 11 * 4)


def test_average_includes_running_statistics() -> None:
    network = nn.BatchNorm1d(2)
    average = WeightAverage(network, momentum=0.1)
    average(Engine(lambda engine, batch: None))
    network.running_mean.fill_(11.0)
    average(Engine(lambda engine, batch: None))
    assert average.network.running_mean.tolist() == pytest.approx([9.0, 9.0])
    assert not average.network.training


@pytest.mark.parametrize("momentum", [0.0, 1.5])
def test_momentum_out_of_range(momentum: float) -> None:
    with pytest.raises(ValueError, match=f"got {momentum}"):
        WeightAverage(nn.Linear(1, 1), momentum)
