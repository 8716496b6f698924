# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""train.json and evaluate.json with a small network, and the data they take."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from classprompt import (
    BUNDLE_ROOT,
    UNTOLD,
    ClassHeadStart,
    ClassPromptedOutput,
    ClassPromptInferer,
    ClassPromptLoss,
    Modality,
    ModalityReport,
    RandUntoldClassd,
    classes_of,
    fit_class_head,
    modality_name,
    with_classes,
)
from ignite.engine import Engine
from litemed.datasets.challenge import write_challenge
from litemed.datasets.challenge_cases import modality_of
from litemed.networks.class_prompt import ClassHead
from litemed.prompting.frozen_encoder import FrozenEncoderInferer
from litemed.training.checkpoints import read_checkpoint
from monai.bundle import run as run_bundle
from monai.data import Dataset, MetaTensor

CONFIGS = Path(BUNDLE_ROOT) / "configs"


@pytest.fixture
def archives(tmp_path: Path) -> str:
    """Two pictures and a volume with bright objects in each part."""
    for part in ("training", "validation", "test"):
        picture, volume = np.zeros((40, 60), np.uint8), np.zeros((7, 30, 24), np.uint8)
        picture[5:20, 10:40] = 1
        volume[1:6, 4:26, 3:22] = 1
        folder = tmp_path / "data" / part
        for modality in ("US", "Microscopy"):
            grey = np.where(picture > 0, 200, 20).astype(np.uint8)
            write_challenge(folder / f"2D_{modality}_a.npz", np.repeat(grey[..., None], 3, axis=2), labels=picture)
        bright = np.where(volume > 0, 180, 10).astype(np.uint8)
        write_challenge(folder / "3D_CT_b.npz", bright, spacing=(0.5, 0.5, 3.0), labels=volume)
    return str(tmp_path / "data")


def _run(*configs: str, **overrides: Any) -> None:
    run_bundle(config_file=[str(CONFIGS / f"{name}.json") for name in configs], **overrides)


def _history(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


@pytest.mark.usefixtures("bright")
def test_training_learns(tmp_path: Path, archives: str) -> None:
    quick = {"dataset_dir": archives, "init_path": "", "batch_size": 3, "samples_per_epoch": 6, "ema_momentum": 1.0}
    quick |= {"embedding_cache": str(tmp_path / "embeddings"), "head_steps": 5, "decoder_learning_rate": 0.05}
    _run("train", max_epochs=3, output_dir=str(tmp_path / "run"), **quick)
    rows = _history(tmp_path / "run")
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert read_checkpoint(tmp_path / "run" / "model.pt").state["iou"] > 0.8  # it was 0.75, the true one is 0.97
    assert all(row["modality_accuracy"] * 3 == pytest.approx(round(row["modality_accuracy"] * 3)) for row in rows)
    stored = len(list((tmp_path / "embeddings").iterdir()))
    assert 2 < stored <= 1 + 3 * 4 + 3  # the reference; two pictures and a slice, each in four flips; validation


def test_an_epoch_is_divided_between_processes(archives: str, second_sampler: Callable[..., Any]) -> None:
    sampler = partial(second_sampler, CONFIGS, dataset_dir=archives, slice_interval=1)
    drawn = sampler(samples_per_epoch=40)
    assert len(list(drawn)) == len(drawn) == 20
    assert len(sampler()) == math.ceil(len(drawn.dataset) / 2)


def test_frozen_parts_stay(tmp_path: Path, archives: str, bright: type) -> None:
    torch.manual_seed(0)
    before = bright().state_dict()
    quick = {"dataset_dir": archives, "init_path": "", "max_epochs": 1, "ema_momentum": 1.0, "batch_size": 3}
    _run("train", output_dir=str(tmp_path / "run"), frozen=["image_encoder", "class_head"], head_steps=0, **quick)
    after = read_checkpoint(tmp_path / "run" / "model.pt").state
    assert torch.equal(after["class_head.perceptron.layers.2.bias"], before["class_head.perceptron.layers.2.bias"])
    assert after["threshold"] != before["threshold"]
    with pytest.raises(RuntimeError) as caught:
        _run("train", output_dir=str(tmp_path / "other"), frozen=["decoder"], **quick)
    error: BaseException | None = caught.value
    while error is not None and "has no part 'decoder' to freeze" not in str(error):
        error = error.__cause__
    assert error is not None


def test_evaluation_by_modality(tmp_path: Path, archives: str, weights: str, capfd: pytest.CaptureFixture[str]) -> None:
    _run("train", "evaluate", dataset_dir=archives, ckpt_path=weights, output_dir=str(tmp_path / "out"))
    table = json.loads((tmp_path / "out" / "modalities.json").read_text())
    parts = {**table["groups"], "mean": table}
    assert [(name, part["cases"]) for name, part in parts.items()] == [
        ("CT", 1),
        ("Microscopy", 1),
        ("US", 1),
        ("mean", 3),
    ]
    assert all(part["scores"]["dice"]["mean"] > 0.95 for part in parts.values())
    with (tmp_path / "out" / "modality_of_cases.csv").open() as file:
        told = list(csv.DictReader(file))
    assert [(row["predicted_modality"], row["true_modality"]) for row in told] == [
        ("Microscopy", "Microscopy"),
        ("Microscopy", "Ultrasound"),
        ("Microscopy", "CT"),
    ]
    assert "modality right in 1 of 3 cases" in capfd.readouterr().out


def test_cases_of_unknown_modality_do_not_count(tmp_path: Path) -> None:
    inferer = ClassPromptInferer()
    evaluator = Engine(lambda engine, name: [{"image": MetaTensor(torch.zeros(1), meta={"filename_or_obj": name})}])
    ModalityReport(inferer, tmp_path, modality_of).attach(evaluator)
    inferer.modalities = [Modality("PET", "PET", 0.9)]
    evaluator.run(["2D_PET_a.npz", "2D_CT_b.npz", "ellipse_1.png", "2D_sponge_c.npz"])
    assert evaluator.state.metrics["modality_accuracy"] == 0.5
    with (tmp_path / "modality_of_cases.csv").open() as file:
        assert [row["true_modality"] for row in csv.DictReader(file)] == ["PET", "CT", "", ""]
    evaluator.run(["ellipse_1.png"])
    assert math.isnan(evaluator.state.metrics["modality_accuracy"])


def test_the_head_is_trained_alone(capsys: pytest.CaptureFixture[str]) -> None:
    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.image_encoder = torch.nn.Identity()
            self.class_head = ClassHead("mean", channels=3)

        def encode_image(self, image: torch.Tensor) -> torch.Tensor:
            return image

    torch.manual_seed(0)
    network = Network()
    values = ((2, [1.0, 0, 0]), (5, [0, 2.0, 0]), (-1, [0, 0, 9.0]), (5, [0, 0, 3.0]))  # PET, Mammography, unknown

    def shown(number: int) -> dict[str, Any]:
        return {"image": torch.tensor([*values[number][1], 1.0]).view(4, 1, 1).expand(4, 8, 8)}

    data = [
        {"image": f"2D_x_{number}_a.npz", "number": number, "class_id": torch.tensor(index)}
        for number, (index, _) in enumerate(values)
    ]
    dataset, pictures = (Dataset(part, lambda item: shown(item["number"])) for part in (data[:3], data[3:]))
    before = network.class_head.state_dict()["perceptron.layers.0.weight"].clone()
    engine = Engine(lambda engine, batch: None)
    ClassHeadStart(network, dataset, FrozenEncoderInferer(), steps=0)(engine)
    assert torch.equal(network.class_head.state_dict()["perceptron.layers.0.weight"], before)
    ClassHeadStart(network, dataset, FrozenEncoderInferer(), pictures, steps=300, learning_rate=0.02)(engine)
    for number in (0, 1, 3):
        assert network.class_head(shown(number)["image"][None, :3]).argmax(dim=1) == values[number][0]
    assert "3 of 3 training images right" in capsys.readouterr().out
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.class_head.parameters())


def test_sets_of_a_class_teach_the_head_alike() -> None:
    features = torch.eye(16)[[0] * 3 + [1] * 27 + [1] * 3]
    classes = torch.tensor([0] * 30 + [1] * 3)

    def taught(sets: list[str]) -> float:
        torch.manual_seed(0)
        head = ClassHead("mean", channels=16)
        fit_class_head(head, features, classes, sets, steps=200, learning_rate=0.01)
        with torch.no_grad():
            shares = head.perceptron(features[-1:]).softmax(dim=1)[0]
        return float(shares[1] / shares[0])

    # of class 1 all looks so, of class 0 what is drawn of its set "b": 27 in 30 where sets don't count, else half
    assert taught(["a"] * 33) < 1.3 < taught(["a"] * 3 + ["b"] * 27 + ["a"] * 3)


def test_some_items_are_not_told() -> None:
    untold = RandUntoldClassd(0.5)
    untold.set_random_state(0)
    told = [int(untold({"class_id": torch.tensor(3)})["class_id"]) for _ in range(200)]
    assert set(told) == {3, UNTOLD}
    assert abs(told.count(3) - 100) < 30


def test_the_modality_is_in_the_files_name() -> None:
    cases = [{"image": f"2D_{name}_a.npz", "modality": name} for name in ("US", "Microscopy", "X-Ray")]
    assert [int(case["class_id"]) for case in with_classes(cases)] == [4, 10, 3]
    assert modality_name("US") == "Ultrasound"
    with pytest.raises(ValueError, match=r"^scan\.npz: expected a modality of CT, .*, got 'other' in the file's name"):
        with_classes([{"image": "scan.npz", "modality": "other"}])


def test_an_item_without_a_class_is_of_an_unknown_one() -> None:
    items = with_classes([{"image": "", "modality": "PET"}])
    assert classes_of([*items, {"image": ""}]) == [2, -1]


def test_loss_by_hand() -> None:
    logits = torch.full((1, 1, 2, 2), -2.0)
    logits[0, 0, 0] = 2.0
    label = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    p, q = 1 / (1 + math.exp(-2.0)), 1 / (1 + math.exp(2.0))
    dice = 1 - 2 * (p + q) / (2 * p + 2 * q + 2)
    # by true probability: p and q on the object, 1 - p and 1 - q beside it
    focal = sum(-((1 - true) ** 2) * math.log(true) for true in (p, q, 1 - p, 1 - q)) / 4
    iou = (0.5 - 1 / 3) ** 2
    class_logits = torch.zeros(1, 11)
    class_logits[0, 3] = 1.0
    entropy = -math.log(math.e / (math.e + 10))
    output = ClassPromptedOutput(logits, torch.tensor([[0.5]]), class_logits, torch.tensor([3]))
    assert ClassPromptLoss()(output, label).item() == pytest.approx(dice + focal + entropy + iou, abs=1e-4)
    weighted = ClassPromptLoss(dice=0, focal=3, modality=2, iou=0)(output, label).item()
    assert weighted == pytest.approx(3 * focal + 2 * entropy, abs=1e-4)
    unknown = ClassPromptLoss(dice=0, focal=3, iou=0)(output._replace(class_id=torch.tensor([-1])), label).item()
    assert unknown == pytest.approx(3 * focal, abs=1e-4)
    with pytest.raises(ValueError, match="expected the true modality of each image, got none"):
        ClassPromptLoss()(output._replace(class_id=None), label)
