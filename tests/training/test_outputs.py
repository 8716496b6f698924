# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The tables and pictures that engines leave behind."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from ignite.engine import Engine, Events
from litemed.images.overlay import mask_overlay
from litemed.training.history import TrainingHistory
from litemed.training.picture_writer import PictureWriter
from litemed.training.scores import ScoreTable
from monai.data import MetaTensor
from PIL import Image


def _case(name: str) -> dict[str, MetaTensor]:
    return {"image": MetaTensor(torch.zeros(3, 2, 2), meta={"filename_or_obj": f"/data/{name}.png"})}


def _evaluate(output_dir: Path, details: dict[str, list[float]], cases: list[str], **options: object) -> dict:
    engine = Engine(lambda engine, batch: [_case(batch)])

    @engine.on(Events.EPOCH_COMPLETED)
    def _(engine: Engine) -> None:
        engine.state.metric_details = {name: torch.tensor(values)[:, None] for name, values in details.items()}

    ScoreTable(output_dir, **options).attach(engine)
    engine.run(cases)
    return json.loads((output_dir / "scores.json").read_text())


def test_scores_of_cases_and_their_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    details = {"dice": [0.5, 0.7, 0.9], "hd95": [2.0, float("nan"), 4.0]}
    summary = _evaluate(tmp_path, details, ["a", "b", "c"])
    assert summary["cases"] == 3
    assert summary["scores"]["dice"]["mean"] == pytest.approx(0.7)
    assert 0.5 <= summary["scores"]["dice"]["low"] < 0.7 < summary["scores"]["dice"]["high"] <= 0.9
    assert summary["scores"]["hd95"]["mean"] == pytest.approx(3.0)
    assert summary["scores"]["hd95"]["undefined"] == 1
    with (tmp_path / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows] == ["a", "b", "c"]
    assert [float(row["dice"]) for row in rows] == pytest.approx([0.5, 0.7, 0.9])
    printed = capsys.readouterr().out
    assert "(3 cases)" in printed
    assert "undefined in 1" in printed


def test_patients_are_resampled_whole(tmp_path: Path) -> None:
    # two patients with equal pictures each: a draw gives 0, 1/2 or 1, so the interval is the whole range
    summary = _evaluate(
        tmp_path, {"dice": [0.0, 0.0, 1.0, 1.0]}, ["p1a", "p1b", "p2a", "p2b"], patient_of=lambda case: case[:2]
    )
    assert (summary["scores"]["dice"]["low"], summary["scores"]["dice"]["high"]) == (0.0, 1.0)


def test_score_that_is_undefined_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = _evaluate(tmp_path, {"auc": [float("nan")] * 2}, ["a", "b"])
    assert summary["scores"]["auc"] == {"mean": None, "low": None, "high": None, "cases": 0, "undefined": 2}
    assert "undefined in every case" in capsys.readouterr().out


def test_one_case_has_no_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _evaluate(tmp_path, {"dice": [0.5]}, ["a"])["scores"]["dice"]["low"] is None
    assert "too few" in capsys.readouterr().out


def test_history_goes_on_after_a_break(tmp_path: Path) -> None:
    def train(epochs: int, start: int = 0) -> None:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
        evaluator = Engine(lambda engine, batch: None)
        evaluator.add_event_handler(Events.COMPLETED, lambda engine: engine.state.metrics.update(dice=0.25))
        trainer = Engine(lambda engine, loss: [{"loss": loss + engine.state.epoch}])
        trainer.add_event_handler(Events.STARTED, lambda engine: setattr(engine.state, "epoch", start))
        trainer.add_event_handler(Events.EPOCH_COMPLETED(every=2), lambda engine: evaluator.run([0]) and None)
        TrainingHistory(tmp_path, optimizer, evaluator, ["dice"]).attach(trainer)
        trainer.run([1.0, 3.0], max_epochs=epochs)

    train(3)
    train(4, start=2)  # killed in epoch 3: its row is written anew
    with (tmp_path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(float(row["epoch"]), float(row["loss"])) for row in rows] == [(1, 3), (2, 4), (3, 5), (4, 6)]
    assert [row["dice"] for row in rows] == ["", "0.25", "", "0.25"]
    assert Image.open(tmp_path / "history.png").size[0] > 500


def test_curves_are_drawn_after_validations_and_at_the_end(tmp_path: Path) -> None:
    drawn = []
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    evaluator, trainer = Engine(lambda engine, batch: None), Engine(lambda engine, loss: [{"loss": loss}])
    evaluator.add_event_handler(Events.COMPLETED, lambda engine: engine.state.metrics.update(dice=0.25))
    trainer.add_event_handler(Events.EPOCH_COMPLETED(every=2), lambda engine: evaluator.run([0]) and None)
    TrainingHistory(tmp_path, optimizer, evaluator, ["dice"]).attach(trainer)
    picture = tmp_path / "history.png"

    def note(engine: Engine) -> None:
        drawn.append(picture.exists())
        picture.unlink(missing_ok=True)

    trainer.add_event_handler(Events.EPOCH_COMPLETED, note)
    trainer.run([1.0], max_epochs=5)
    assert drawn == [False, True, False, True, False]
    assert picture.exists()


def test_overlay_colours() -> None:
    image = np.zeros((1, 4, 3), dtype=np.uint8)
    mask = np.array([[True, True, False, False]])
    truth = np.array([[True, False, True, False]])
    picture = mask_overlay(image, mask, truth, opacity=1.0)
    hit, extra, missed, neither = (tuple(int(value) for value in pixel) for pixel in picture[0])
    assert missed == (213, 94, 0)
    assert extra == (86, 180, 233)
    assert neither == (0, 0, 0)
    assert hit == (0, 158, 115)


def test_pictures_have_the_size_and_orientation_of_the_file(tmp_path: Path) -> None:
    picture = np.zeros((6, 10, 3), dtype=np.uint8)
    picture[:, 5:] = 200
    Image.fromarray(picture).save(tmp_path / "eye.png")
    mask = torch.zeros(1, 10, 6)  # width first
    mask[0, 0:2, 5] = 1
    item = {
        "image": MetaTensor(torch.zeros(3, 10, 6), meta={"filename_or_obj": str(tmp_path / "eye.png")}),
        "pred": mask,
        "probability": mask * 0.6,
    }
    engine = Engine(lambda engine, batch: [item])
    PictureWriter(tmp_path / "out", probability="probability").attach(engine)
    engine.run([0])
    written = np.asarray(Image.open(tmp_path / "out" / "eye_overlay.png"))
    assert written.shape == (6, 10, 3)
    assert (written[0, 5:] == 255).all()
    assert written[5, 0].tolist() == [0, 158, 115]
    probability = np.asarray(Image.open(tmp_path / "out" / "eye_probability.png"))
    assert probability[5, :3].tolist() == [153, 153, 0]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["eye_overlay.png", "eye_probability.png"]


def test_a_case_is_named_for_its_image_and_is_no_formula(tmp_path: Path) -> None:
    engine = Engine(lambda engine, name: [{"image": MetaTensor(torch.zeros(1), meta={"filename_or_obj": name})}])

    @engine.on(Events.EPOCH_COMPLETED)
    def _(engine: Engine) -> None:
        engine.state.metric_details = {"dice": torch.ones(2, 1)}

    ScoreTable(tmp_path).attach(engine)
    engine.run(["/data/scan.1.nii.gz", "/data/=cmd.png"])
    assert (tmp_path / "scores.csv").read_text().splitlines() == ["case,dice", "scan.1,1.0", "'=cmd,1.0"]
