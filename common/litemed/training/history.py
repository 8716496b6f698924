# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A table and a picture of how a training went."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch.distributed as dist
from ignite.engine import Engine, Events
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch.optim import Optimizer

from litemed.files import replacing

__all__ = ["TrainingHistory"]


class TrainingHistory:
    """Print a row an epoch, and keep the rows as ``history.csv`` and as curves in ``history.png``.

    The table is written after each epoch. The curves, which take longer to draw than a small epoch takes, are drawn
    after each validation and at the end.

    Attach it to the trainer, after the ``ValidationHandler``. An epoch without validation has no metrics in its row. A
    resumed training continues its table.

    Args:
        output_dir: folder of the files.
        optimizer: its first group's learning rate is a column.
        evaluator: engine that holds the validation metrics.
        metrics: names of the metrics to show.
    """

    def __init__(
        self, output_dir: str | Path, optimizer: Optimizer, evaluator: Engine, metrics: Sequence[str] = ()
    ) -> None:
        self.output_dir = Path(output_dir)
        self.optimizer = optimizer
        self.evaluator = evaluator
        self.metrics = list(metrics)
        self.columns = ["epoch", "seconds", "learning_rate", "loss", *self.metrics]
        self.rows: list[dict[str, float]] = []
        self._losses: list[float] = []
        self._validation: dict[str, float] = {}
        self._started = 0.0

    def attach(self, engine: Engine) -> None:
        """Register with the trainer."""
        if dist.is_initialized() and dist.get_rank() != 0:
            return
        self.evaluator.add_event_handler(Events.COMPLETED, self._validated)
        engine.add_event_handler(Events.EPOCH_STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write)
        engine.add_event_handler(Events.COMPLETED, self._plot)

    @property
    def path(self) -> Path:
        """The table."""
        return self.output_dir / "history.csv"

    def _start(self, engine: Engine) -> None:
        self._losses, self._validation = [], {}
        self._started = time.monotonic()
        if not self.rows:
            self.rows = self._earlier(engine.state.epoch)
            print("  ".join(f"{name:>13}" for name in self.columns), flush=True)

    def _earlier(self, epoch: int) -> list[dict[str, float]]:
        """Rows of the epochs before ``epoch`` that a resumed training left."""
        if epoch == 1 or not self.path.exists():
            return []
        with self.path.open(newline="") as file:
            rows = [{key: float(value or "nan") for key, value in row.items()} for row in csv.DictReader(file)]
        return [row for row in rows if row["epoch"] < epoch]

    def _collect(self, engine: Engine) -> None:
        output: Any = engine.state.output  # MONAI's trainers give one item for each image of the batch
        self._losses.append(float((output[0] if isinstance(output, list) else output)["loss"]))

    def _validated(self, evaluator: Engine) -> None:
        self._validation = {name: float(evaluator.state.metrics[name]) for name in self.metrics}

    def _write(self, engine: Engine) -> None:
        row = {
            "epoch": float(engine.state.epoch),
            "seconds": time.monotonic() - self._started,
            "learning_rate": float(self.optimizer.param_groups[0]["lr"]),
            "loss": sum(self._losses) / len(self._losses),
        }
        row.update({name: self._validation.get(name, math.nan) for name in self.metrics})
        self.rows.append(row)
        print("  ".join(f"{_shown(row[name]):>13}" for name in self.columns), flush=True)
        with replacing(self.path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows({name: _shown(value, 8) for name, value in row.items()} for row in self.rows)
        if self._validation:
            self._plot()

    def _plot(self) -> None:
        figure = Figure(figsize=(9, 4), layout="constrained")
        FigureCanvasAgg(figure)
        loss_axis, metric_axis = figure.subplots(1, 2)
        epochs = [row["epoch"] for row in self.rows]
        loss_axis.plot(epochs, [row["loss"] for row in self.rows], color="tab:red")
        loss_axis.set(xlabel="epoch", ylabel="training loss")
        for name in self.metrics:
            points = [(row["epoch"], row[name]) for row in self.rows if not math.isnan(row[name])]
            if points:
                metric_axis.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
        metric_axis.set(xlabel="epoch", ylabel="validation")
        if metric_axis.get_lines():
            metric_axis.legend(frameon=False)
        for axis in (loss_axis, metric_axis):
            axis.grid(alpha=0.3)
        with replacing(self.output_dir / "history.png") as temporary:
            figure.savefig(temporary, dpi=120)


def _shown(value: float, digits: int = 5) -> str:
    """A number for the table; nothing in an epoch without validation."""
    return "" if math.isnan(value) else f"{value:.{digits}g}"
