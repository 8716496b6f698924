# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The tables and pictures of a run, beside its curves in MLflow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.handlers import MLFlowHandler

__all__ = ["continue_run", "track_files"]

_SUFFIXES = (".csv", ".json", ".png", ".jpg")
_ARTIFACTS = "mlruns"  # where MONAI has MLflow keep files, in the run's own folder


def track_files(engine: Engine, output_dir: str | Path) -> None:
    """Log the tables and pictures of a run to MLflow, under their places in its folder.

    It is for the ``--tracking mlflow`` of ``monai.bundle run``, which gives the engine a handler of MLflow; an engine
    without one is left alone. Call it when the engine completes, before that handler closes.

    Args:
        engine: the trainer or evaluator.
        output_dir: folder of the run.
    """
    folder = Path(output_dir)
    for tracker in _trackers(engine):
        if tracker.cur_run is None:
            continue
        for file in sorted(folder.rglob("*")):
            place = file.relative_to(folder)
            if file.suffix in _SUFFIXES and _ARTIFACTS not in place.parts and not file.name.startswith("."):
                where = place.parent.as_posix()
                tracker.client.log_artifact(tracker.cur_run.info.run_id, str(file), None if where == "." else where)


def continue_run(engines: Sequence[Engine], output_dir: str | Path, resumed: bool) -> str | None:
    """Let the handlers of MLflow of a training and its validation log to one run, a resumed one to that of before.

    Call it when the training starts, before those handlers do.

    Args:
        engines: the trainer and its evaluator.
        output_dir: folder of the run, whose ``run.json`` has the name of the run in MLflow.
        resumed: whether the training goes on from a checkpoint.

    Returns:
        name of the run; None where there is no such handler.
    """
    trackers = [tracker for engine in engines for tracker in _trackers(engine)]
    if not trackers:
        return None
    path = Path(output_dir) / "run.json"
    before = json.loads(path.read_text()).get("mlflow_run") if resumed and path.is_file() else None
    name = trackers[0].run_name or before or f"{Path(output_dir).name} {datetime.now():%Y-%m-%d %H:%M:%S.%f}"
    for tracker in trackers:
        tracker.run_name = name
        tracker.output_transform = partial(_single, tracker.output_transform)
        experiment = tracker.client.get_experiment_by_name(tracker.experiment_name)
        runs = tracker.client.search_runs([experiment.experiment_id]) if resumed and experiment else []
        for run in runs:
            if run.info.run_name == name and run.info.status == tracker.run_finish_status:
                tracker.client.update_run(run.info.run_id, status="RUNNING")
    return name


def _single(transform: Callable[[Any], Any], output: Any) -> Any:
    """What a transform gives, without the tuple of one that MONAI's makes of a batch that isn't split up."""
    values = transform(output)
    return values[0] if isinstance(values, tuple) and len(values) == 1 else values


def _trackers(engine: Engine) -> Iterator[Any]:
    for handler, *_ in engine._event_handlers[Events.COMPLETED]:  # ignite has no other way to list them
        owner = getattr(handler, "__self__", None)
        if isinstance(owner, MLFlowHandler) and handler == owner.complete:
            yield owner
