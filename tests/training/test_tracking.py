# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The tables and pictures of a run in MLflow, as its client finds them."""

from __future__ import annotations

from pathlib import Path

from ignite.engine import Engine, Events
from litemed.training.record import record_run
from litemed.training.tracking import continue_run, track_files
from mlflow import MlflowClient
from monai.handlers import MLFlowHandler


def _places(client: MlflowClient, run: str, folder: str | None = None) -> list[str]:
    found = []
    for entry in client.list_artifacts(run, folder):
        found += _places(client, run, entry.path) if entry.is_dir else [entry.path]
    return sorted(found)


def test_tables_and_pictures_are_logged_under_their_places(tmp_path: Path) -> None:
    for name in ("scores.json", "history.png", "model.pt", ".half.png", "pictures/a_overlay.png", "mlruns/1/old.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    engine = Engine(lambda engine, batch: [{"loss": 0.0}])
    engine.add_event_handler(Events.COMPLETED, track_files, tmp_path)
    address = f"sqlite:///{tmp_path}/mlruns.db"
    handler = MLFlowHandler(tracking_uri=address, iteration_log=False, epoch_log=False, close_on_complete=True)
    handler.attach(engine)
    engine.run([0])

    client = MlflowClient(address)
    (run,) = client.search_runs([client.get_experiment_by_name("monai_experiment").experiment_id])
    assert _places(client, run.info.run_id) == ["history.png", "pictures/a_overlay.png", "scores.json"]
    picture = client.download_artifacts(run.info.run_id, "pictures/a_overlay.png", str(tmp_path))
    assert Path(picture).read_text() == "pictures/a_overlay.png"


def test_an_engine_that_is_not_tracked_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "history.png").write_text("picture")
    engine = Engine(lambda engine, batch: None)
    engine.add_event_handler(Events.COMPLETED, track_files, tmp_path)
    engine.run([0])
    assert [file.name for file in tmp_path.iterdir()] == ["history.png"]


def test_a_finished_run_goes_on_when_its_training_does(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/mlruns.db"

    def train(resumed: bool) -> None:
        engine, evaluator = Engine(lambda engine, batch: {"loss": 0.5}), Engine(lambda engine, batch: None)
        engine.add_event_handler(
            Events.STARTED,
            lambda: record_run(tmp_path, mlflow_run=continue_run([engine, evaluator], tmp_path, resumed) or ""),
        )
        options = {"tracking_uri": address, "output_transform": lambda output: (output["loss"],)}
        MLFlowHandler(**options, close_on_complete=True).attach(engine)
        MLFlowHandler(tracking_uri=address, iteration_log=False).attach(evaluator)
        engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run([0]))
        engine.run([0])

    client = MlflowClient(address)
    for resumed, expected in ((False, 1), (True, 1), (False, 2)):
        train(resumed)
        runs = client.search_runs([client.get_experiment_by_name("monai_experiment").experiment_id])
        assert len(runs) == expected
        assert {run.info.status for run in runs} == {"FINISHED"}
        assert all(run.data.metrics["Loss"] == 0.5 for run in runs)
