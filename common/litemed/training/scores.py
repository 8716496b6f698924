# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The result of an evaluation: a table with intervals, and every case's scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from ignite.engine import Engine, Events
from monai.utils import string_list_all_gather

from litemed.images.names import stem_of
from litemed.metrics.tables import Table, write_json, write_rows
from litemed.training.record import record_run
from litemed.training.tracking import track_files

__all__ = ["CaseTable", "ScoreTable"]


class CaseTable(ABC):
    """Base of tables of an evaluation: it collects the names of the cases, each that of its image's file.

    ``run.json`` beside them tells what run it was (:func:`litemed.training.record_run`). With ``--tracking mlflow``
    tables and pictures are logged there too.

    Args:
        output_dir: folder of the table's files.
    """

    def __init__(self, output_dir: str | Path) -> None:
        self.output_dir = Path(output_dir)
        self._cases: list[str] = []

    def attach(self, engine: Engine) -> None:
        """Register with the evaluator."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
        engine.add_event_handler(Events.COMPLETED, self._complete)

    def _start(self, engine: Engine) -> None:
        self._cases = []

    def _collect(self, engine: Engine) -> None:
        output: Any = engine.state.output
        self._cases.extend(stem_of(item["image"].meta) for item in output)

    def _complete(self, engine: Engine) -> None:
        cases = string_list_all_gather(self._cases)
        if dist.is_initialized() and dist.get_rank() != 0:
            return
        details = getattr(engine.state, "metric_details", None)
        if not details:
            raise ValueError("the evaluator has no metric that saves details")
        self._write(cases, details)
        record_run(self.output_dir)
        track_files(engine, self.output_dir)

    @abstractmethod
    def _write(self, cases: list[str], details: Mapping[str, torch.Tensor]) -> None:
        """Write the table of all processes' cases, whose scores are ``(cases, classes)`` by name."""


class ScoreTable(CaseTable):
    """Print the mean of each score with its bootstrap 95 % interval, and write ``scores.json`` and ``scores.csv``.

    It reads what the evaluator's metrics leave in ``engine.state.metric_details``, takes the mean over classes for each
    case, and counts the cases in which a score is undefined. A case is named for the file of its image.

    Args:
        output_dir: folder of the two files.
        patient_of: the patient of a case, from its name; the interval then resamples patients, not pictures.

    Raises:
        ValueError: when the evaluator keeps no details.
    """

    def __init__(self, output_dir: str | Path, patient_of: Callable[[str], str] | None = None) -> None:
        super().__init__(output_dir)
        self.patient_of = patient_of

    def _write(self, cases: list[str], details: Mapping[str, torch.Tensor]) -> None:
        columns = {name: values.double().nanmean(dim=1).tolist() for name, values in details.items()}
        table = Table.of(columns, patients=[self.patient_of(case) for case in cases] if self.patient_of else None)
        rows = [
            {"case": case, **{name: values[place] for name, values in columns.items()}}
            for place, case in enumerate(cases)
        ]
        write_json(self.output_dir / "scores.json", table.as_dict())
        write_rows(self.output_dir / "scores.csv", rows)
        print(table.text(), flush=True)
