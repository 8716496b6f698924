# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The tables and pictures of a run, beside its curves in MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.handlers import MLFlowHandler

__all__ = ["track_files"]

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
        run: Any = tracker.cur_run
        for file in sorted(folder.rglob("*")):
            place = file.relative_to(folder)
            if file.suffix in _SUFFIXES and _ARTIFACTS not in place.parts and not file.name.startswith("."):
                where = place.parent.as_posix()
                tracker.client.log_artifact(run.info.run_id, str(file), None if where == "." else where)


def _trackers(engine: Engine) -> Iterator[MLFlowHandler]:
    for handler, *_ in engine._event_handlers[Events.COMPLETED]:  # ignite has no other way to list them
        owner = getattr(handler, "__self__", None)
        if isinstance(owner, MLFlowHandler) and handler == owner.complete and owner.cur_run is not None:
            yield owner
