# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ignite.engine import Engine, Events
from litemed.training.resuming import BestWeights, TrainingCheckpoint
from litemed.training.serving import ServedTraining, is_served
from monai.data import DataLoader, Dataset
from torch import nn


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle in the app of a running server, with the weights it came with."""
    monkeypatch.setenv("MONAI_LABEL_APP_DIR", str(tmp_path / "app"))
    folder = tmp_path / "app/model/tiny"
    (folder / "models").mkdir(parents=True)
    torch.save({"weight": torch.zeros(1)}, folder / "models/model.pt")
    return folder


class _Training:
    """Adds 1 to a weight each epoch; the scores decide which weights are kept."""

    def __init__(self, bundle: Path, scores: list[float], images: list[float]) -> None:
        self.network = nn.Linear(1, 1)
        nn.init.zeros_(self.network.weight)
        self.evaluator = Engine(lambda engine, batch: None)
        self.evaluator.data_loader = DataLoader(Dataset(images, lambda image: 10 * image))
        self.weights = BestWeights(self.network, self.evaluator, "dice", bundle / "runs/model.pt")
        self.checkpoint = TrainingCheckpoint(bundle / "runs/checkpoint.pt", {"weights": self.weights})
        self.trainer = Engine(self._step)
        self.trainer.data_loader = DataLoader(Dataset([1.0, 2.0], lambda image: -image))
        self.trainer.add_event_handler(Events.EPOCH_COMPLETED, self._validate)
        self.scores = scores
        handlers = [self.weights, self.checkpoint, ServedTraining(bundle, self.weights, self.checkpoint)]
        for handler in handlers:
            handler.attach(self.trainer)

    def _step(self, engine: Engine, batch: int) -> None:
        with torch.no_grad():
            self.network.weight += 1

    def _validate(self, engine: Engine) -> None:
        self.evaluator.state.metrics["dice"] = self.scores[engine.state.epoch - 1]

    def run(self) -> _Training:
        self.trainer.run([0], max_epochs=len(self.scores))
        return self


def _weight(bundle: Path, name: str) -> float:
    return torch.load(bundle / "models" / name, weights_only=True)["weight"].item()


def test_best_weights_are_served_and_the_shipped_ones_kept(bundle: Path) -> None:
    _Training(bundle, [0.5, 0.9, 0.7], [1.0]).run()
    assert _weight(bundle, "model.pt") == 2
    assert _weight(bundle, "model_shipped.pt") == 0


def test_next_training_starts_anew_and_keeps_the_shipped_weights(bundle: Path) -> None:
    _Training(bundle, [0.5, 0.9, 0.7], [1.0]).run()
    second = _Training(bundle, [0.1], [1.0]).run()
    assert second.trainer.state.iteration == 1
    assert _weight(bundle, "model.pt") == 1
    assert _weight(bundle, "model_shipped.pt") == 0


def test_training_images_stand_in_for_lacking_validation(bundle: Path) -> None:
    training = _Training(bundle, [0.5], []).run()
    assert [batch.item() for batch in training.evaluator.data_loader] == [10, 20]
    assert training.evaluator.state.epoch_length == 2


def test_outside_a_server_weights_stay_and_trainings_resume(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONAI_LABEL_APP_DIR")
    _Training(bundle, [0.5, 0.9], [1.0]).run()
    assert _weight(bundle, "model.pt") == 0
    assert not (bundle / "models/model_shipped.pt").exists()
    assert _Training(bundle, [0.5, 0.9, 0.95], [1.0]).run().network.weight.item() == 1


@pytest.mark.parametrize(("place", "expected"), [("app/model/tiny", True), ("app/tiny", False), ("tiny", False)])
def test_only_bundles_in_the_servers_app_are_served(bundle: Path, tmp_path: Path, place: str, expected: bool) -> None:
    assert is_served(tmp_path / place) is expected


def test_a_bundle_linked_into_the_app_is_served(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "app/model/linked").symlink_to(tmp_path / "elsewhere")
    assert is_served(tmp_path / "app/model/linked")
    assert not is_served(tmp_path / "elsewhere")
