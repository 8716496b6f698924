# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""clicks.json: the mask decoder learns clicks."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from litemed.networks import PromptedOutput
from litemed.training.checkpoints import load_checkpoint, read_checkpoint, save_checkpoint
from monai.bundle import ConfigParser
from monai.bundle import run as run_bundle
from swiftmedsam import BUNDLE_ROOT, ClickTraining, PromptedNetwork, load_network
from swiftmedsam.distillation import DistillationLoss, DistillationOutputs
from torch import nn

CONFIGS = Path(BUNDLE_ROOT) / "configs"


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A checkpoint of v2 with random weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("start") / "v2.pt"
    save_checkpoint(path, PromptedNetwork("v2"))
    return str(path)


def _run(start: str, folder: Path, cache: Path, **overrides: Any) -> None:
    run_bundle(
        config_file=[str(CONFIGS / "train.json"), str(CONFIGS / "clicks.json")],
        init_path=start,
        teacher_path=start,
        variant="v2",
        embedding_cache=str(cache),
        output_dir=str(folder),
        batch_size=2,
        samples_per_epoch=2,
        val_interval=1,
        val_most=1,
        warmup_steps=0,
        keep="last",
        rounds=2,
        box_share=1.0,
        **overrides,
    )


def test_training_and_resuming(tmp_path: Path, start: str) -> None:
    _run(start, tmp_path / "unbroken", tmp_path / "cache", max_epochs=2)
    # with the schedule of two epochs, the first alone
    first = {"lr_scheduler#t_total": 2}
    _run(start, tmp_path / "run", tmp_path / "cache", max_epochs=1, **first)
    _run(start, tmp_path / "run", tmp_path / "cache", max_epochs=2)
    rows = []
    for name in ("run", "unbroken"):
        with (tmp_path / name / "history.csv").open() as file:
            rows.append([(row["epoch"], row["loss"], row["dice"]) for row in csv.DictReader(file)])
    assert len(rows[0]) == 2
    assert rows[0] == rows[1]
    before, after = read_checkpoint(start).state, read_checkpoint(tmp_path / "run" / "model.pt").state
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert "prompt_encoder.mask_downscaling.0.weight" in moved
    assert any(name.startswith("prompt_encoder.point_embeddings") for name in moved)
    assert any(name.startswith("mask_decoder.transformer") for name in moved)
    assert not any(name.startswith("image_encoder") for name in moved)
    load_checkpoint(PromptedNetwork("v2"), tmp_path / "run" / "model.pt")


class _Engine:
    """What an iteration asks of MONAI's trainer."""

    def __init__(self, network: nn.Module, learning_rate: float) -> None:
        self.network = network.requires_grad_(True)
        network.image_encoder.requires_grad_(False)
        self.state = type("State", (), {"device": "cpu", "output": None})()
        self.non_blocking = False
        self.optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
        self.losses: list[Any] = []

    def prepare_batch(self, batch: Any, *_: Any) -> Any:
        return batch["image"], batch["label"]

    def loss_function(self, output: Any, label: torch.Tensor) -> torch.Tensor:
        self.losses.append(output)
        return output.logits.mean() * 0 + 1

    def fire_event(self, event: Any) -> None:
        pass


def _batch() -> dict[str, torch.Tensor]:
    square = torch.zeros(2, 5, 256, 256)
    square[:, :3] = torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    square[:, 3, 40:90, 60:120] = square[:, 4, 45:85, 65:115] = 1
    return {"image": square[:, :4], "label": square[:, 4:]}


def test_a_box_alone_learns_the_teachers_answer(start: str) -> None:
    network = PromptedNetwork("v2")
    load_checkpoint(network, start)
    training = ClickTraining(start, rounds=1, box_share=1.0, teacher_weight=2.0)
    engine = _Engine(network, 0.0)
    # equal to the teacher's, so that its entropy is all of its cross entropy, and what is left is 1 + 2 * Dice
    loss = training(engine, _batch())["loss"]
    logits = engine.losses[0].logits.detach()
    probability = logits.sigmoid().flatten(1)
    dice = 1 - (2 * probability.square().sum(1) + 1e-5) / (2 * probability.square().sum(1) + 1e-5)
    assert loss == pytest.approx(1 + 2 * dice.mean().item(), abs=1e-4)
    assert len(engine.losses) == 1
    clicked = ClickTraining(start, rounds=1, box_share=0.0, teacher_weight=2.0)
    assert clicked(engine, _batch())["loss"] == pytest.approx(1, abs=1e-6)


def test_a_teacher_with_another_encoder_answers_on_its_own_embedding(start: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = PromptedNetwork("v2")  # random, unlike the teacher
    engine, batch = _Engine(network, 0.0), _batch()
    given = {"teacher": start, "rounds": 1, "box_share": 1.0}
    loss = ClickTraining(**given, teacher_cache=tmp_path)(engine, batch)["loss"]
    teacher, images, boxes = load_network(start), batch["image"][:, :3], torch.tensor([[60.0, 40, 120, 90]] * 2)
    with torch.no_grad():
        embedding = teacher.encode_image(images)
        answer = PromptedOutput(*teacher.decode(embedding, boxes), embedding)
        wanted = 1 + DistillationLoss(embedding=0.0)(DistillationOutputs(engine.losses[0], answer), batch["label"])
    assert loss == pytest.approx(wanted.item(), rel=0.01)  # embeddings are kept in half precision
    with pytest.raises(ValueError, match="another image encoder than the network: give teacher_cache"):
        ClickTraining(**given)(_Engine(network, 0.0), batch)


@pytest.mark.parametrize(
    ("variant", "start"), [("fast", "models/model.pt"), ("lite", "lite_medsam"), ("v2", "lite_medsam")]
)
def test_a_frozen_encoder_is_a_trained_one(variant: str, start: str) -> None:
    parser = ConfigParser()
    parser.read_config([str(CONFIGS / "train.json"), str(CONFIGS / "clicks.json")])
    parser["variant"] = variant
    assert str(parser.get_parsed_content("init_path")).endswith(start)


def test_each_round_has_its_step_and_gives_the_mask_back(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = PromptedNetwork("v2")
    load_checkpoint(network, start)
    given: list[dict[str, Any]] = []
    decode = network.decode
    monkeypatch.setattr(
        network, "decode", lambda embedding, **prompts: given.append(prompts) or decode(embedding, **prompts)
    )
    engine = _Engine(network, 0.1)
    torch.manual_seed(1)
    ClickTraining(start, rounds=8, box_share=0.0, stroke=0.0)(engine, _batch())
    assert len(given) == len(engine.losses) > 1
    assert given[0]["masks"] is None
    for number, (prompts, output) in enumerate(zip(given[1:], engine.losses, strict=False), start=2):
        assert torch.equal(prompts["masks"], output.logits.detach())
        assert prompts["points"].shape == (2, number, 2)
        assert prompts["boxes"] is None


def test_several_processes_are_refused(start: str) -> None:
    class Wrapped(nn.parallel.DistributedDataParallel):
        def __init__(self) -> None:
            nn.Module.__init__(self)

    engine = _Engine(PromptedNetwork("v2"), 0.1)
    engine.network = Wrapped()
    with pytest.raises(ValueError, match="clicks are not trained on several"):
        ClickTraining(start)(engine, _batch())
