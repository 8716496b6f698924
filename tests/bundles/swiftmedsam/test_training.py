# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""train.json, evaluate.json and distill.json with a network of two parameters."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from litemed.datasets.challenge import write_challenge
from litemed.training.checkpoints import read_checkpoint, save_checkpoint
from monai.bundle import ConfigParser
from monai.bundle import run as run_bundle
from monai.data import DistributedSampler
from swiftmedsam import BUNDLE_ROOT
from torch.utils.data import RandomSampler

CONFIGS = Path(BUNDLE_ROOT) / "configs"


@pytest.fixture
def archives(tmp_path: Path) -> str:
    """A picture and a volume in each part; objects are brighter than the rest."""
    for part in ("training", "validation", "test"):
        picture, volume = np.zeros((40, 60), np.uint8), np.zeros((7, 30, 24), np.uint8)
        picture[5:20, 10:40], picture[25:35, 20:50] = 1, 2
        volume[1:6, 4:16, 5:20] = 1
        grey = np.where(picture > 0, 200, 20).astype(np.uint8)
        folder = tmp_path / "data" / part
        write_challenge(folder / "2D_US_a.npz", np.repeat(grey[..., None], 3, axis=2), labels=picture)
        bright = np.where(volume > 0, 180, 10).astype(np.uint8)
        write_challenge(folder / "3D_CT_b.npz", bright, spacing=(0.5, 0.5, 3.0), labels=volume)
    return str(tmp_path / "data")


def _run(*configs: str, **overrides: Any) -> None:
    run_bundle(config_file=[str(CONFIGS / f"{name}.json") for name in configs], **overrides)


def _history(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


@pytest.mark.usefixtures("bright")
def test_training_learns(tmp_path: Path, archives: str, capfd: pytest.CaptureFixture[str]) -> None:
    quick = {"dataset_dir": archives, "init_path": "", "batch_size": 2, "learning_rate": 0.05, "ema_momentum": 1.0}
    _run("train", max_epochs=3, output_dir=str(tmp_path / "run"), **quick)
    rows = _history(tmp_path / "run")
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["dice"] > 0.9
    assert set(read_checkpoint(tmp_path / "run" / "model.pt").state) == {"threshold", "iou"}
    assert "start from" not in capfd.readouterr().out


def test_training_starts_from_given_weights(
    tmp_path: Path, archives: str, bright: type, capfd: pytest.CaptureFixture[str]
) -> None:
    network = bright("fast")
    torch.nn.init.constant_(network.iou, 0.25)
    save_checkpoint(tmp_path / "init.pt", network)
    still = {"learning_rate": 0.0, "weight_decay": 0.0, "max_epochs": 1}
    init = str(tmp_path / "init.pt")
    _run("train", dataset_dir=archives, init_path=init, output_dir=str(tmp_path / "run"), **still)
    assert read_checkpoint(tmp_path / "run" / "model.pt").state["iou"] == 0.25
    assert "took 2 of 2 entries (2 of 2 parameters)" in capfd.readouterr().out


def test_modalities_are_drawn_equally_often_on_demand(archives: str) -> None:
    def loader(**overrides: Any) -> Any:
        parser = ConfigParser()
        parser.read_config(CONFIGS / "train.json")
        parser.update({"dataset_dir": archives, "slice_interval": 1, "cache_rate": 0.0, **overrides})
        return parser.get_parsed_content("train#dataloader")

    balanced = loader(balanced=True, samples_per_epoch=64)
    assert len(balanced) == 2  # batches of 32
    weights = dict.fromkeys(("US", "CT"), 0.0)
    for item, weight in zip(balanced.dataset.data, balanced.sampler.weights.tolist(), strict=True):
        weights[item["modality"]] += weight
    assert weights == pytest.approx({"US": 1.0, "CT": 1.0})
    assert len(balanced.dataset.data) == 6
    assert isinstance(loader().sampler, RandomSampler)
    assert sorted(loader().sampler) == list(range(6))
    assert len(list(loader(samples_per_epoch=4).sampler)) == 4


def test_an_epoch_is_divided_between_processes(archives: str, second_sampler: Callable[..., Any]) -> None:
    sampler = partial(second_sampler, CONFIGS, dataset_dir=archives, slice_interval=1)
    drawn = sampler(balanced=True, samples_per_epoch=40)
    assert len(list(drawn)) == len(drawn) == 20
    assert len(sampler(balanced=True)) == 3  # of six items
    assert len(sampler(samples_per_epoch=40)) == 20
    assert type(sampler()) is DistributedSampler


def test_evaluation_by_modality(tmp_path: Path, archives: str, weights: str) -> None:
    _run("train", "evaluate", dataset_dir=archives, ckpt_path=weights, output_dir=str(tmp_path / "out"))
    table = json.loads((tmp_path / "out" / "modalities.json").read_text())
    parts = {**table["groups"], "mean": table}
    assert [(name, part["cases"]) for name, part in parts.items()] == [("CT", 1), ("US", 1), ("mean", 2)]
    assert all(part["scores"]["dice"]["mean"] > 0.95 for part in parts.values())
    dice = {name: part["scores"]["dice"]["mean"] for name, part in parts.items()}
    assert dice["mean"] == pytest.approx((dice["CT"] + dice["US"]) / 2)
    nsds = [part["scores"][f"challenge_nsd{end}"]["mean"] for part in parts.values() for end in ("", "_published")]
    assert all(0 < nsd <= 1 for nsd in nsds)
    with (tmp_path / "out" / "modalities.csv").open() as file:
        assert [row["modality"] for row in csv.DictReader(file)] == ["CT", "US", "mean"]
    assert json.loads((tmp_path / "out" / "scores.json").read_text())["cases"] == 2
    assert [file.name for file in (tmp_path / "out" / "pictures").iterdir()] == ["2D_US_a_overlay.png"]


def test_distillation_moves_the_student_to_the_teacher(tmp_path: Path, archives: str, bright: type) -> None:
    import swiftmedsam.distillation as module

    teacher = bright("fast")
    torch.nn.init.constant_(teacher.threshold, 0.3)
    monkey = pytest.MonkeyPatch()
    monkey.setattr(module, "load_network", lambda path: teacher)
    try:
        _run(
            "train",
            "distill",
            dataset_dir=archives,
            init_path="",
            teacher_path="unused",
            teacher_cache=str(tmp_path / "cache"),
            max_epochs=5,
            warmup_steps=0,
            learning_rate=0.08,
            ema_momentum=1.0,
            output_dir=str(tmp_path / "run"),
        )
    finally:
        monkey.undo()
    rows = _history(tmp_path / "run")
    assert rows[-1]["loss"] < rows[0]["loss"]
    student = read_checkpoint(tmp_path / "run" / "model.pt").state["threshold"]
    assert abs(student - 0.3) < 0.1
    files = list((tmp_path / "cache").iterdir())
    assert 1 < len(files) <= 13  # three slices, each flipped in up to four ways, and the reference
    assert teacher.encoded == len(files)
    assert torch.load(files[0], weights_only=True).dtype == torch.float16


def test_an_encoder_learns_from_pictures_without_labels(tmp_path: Path, archives: str, bright: type) -> None:
    import swiftmedsam.stages as module

    class Scaled(bright):  # type: ignore[misc,valid-type]
        def encode_image(self, image: torch.Tensor) -> torch.Tensor:
            return super().encode_image(image) * self.threshold

    grey = np.arange(600, dtype=np.uint8).reshape(20, 30)
    write_challenge(Path(archives) / "pictures/2D_XRay_c.npz", grey)
    teacher = Scaled("fast")
    torch.nn.init.constant_(teacher.threshold, 0.3)
    monkey = pytest.MonkeyPatch()
    monkey.setattr(module, "load_network", lambda path: teacher)
    monkey.setattr("swiftmedsam.PromptedNetwork", Scaled)
    try:
        _run(
            "train",
            "distill_encoder",
            dataset_dir=archives,
            init_path="",
            teacher_path="unused",
            teacher_cache=str(tmp_path / "cache"),
            frozen=[],
            max_epochs=5,
            warmup_steps=0,
            learning_rate=0.08,
            ema_momentum=1.0,
            output_dir=str(tmp_path / "run"),
        )
    finally:
        monkey.undo()
    rows = _history(tmp_path / "run")
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert abs(read_checkpoint(tmp_path / "run" / "model.pt").state["threshold"] - 0.3) < 0.1
    assert len(list((tmp_path / "cache").iterdir())) == 3  # the two pictures and the reference
