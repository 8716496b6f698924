# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""All that a training does around its steps, attached in the right order by one handler."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import torch.distributed as dist
from ignite.engine import Engine, Events
from ignite.handlers import ProgressBar
from monai.handlers import LrScheduleHandler, ValidationHandler
from monai.transforms import Randomizable
from torch import nn
from torch.optim import Optimizer

from litemed.files import only_writer
from litemed.training.averaging import WeightAverage
from litemed.training.history import TrainingHistory
from litemed.training.record import record_run
from litemed.training.resuming import BestWeights, EpochSeed, TrainingCheckpoint
from litemed.training.serving import ServedTraining, is_served
from litemed.training.tracking import continue_run, track_files

__all__ = ["Training"]


class Training:
    """Start, schedule, validate, record, average, keep the best weights, and resume; in a MONAI Label server, serve.

    Attach it to the trainer before any other handler. It writes into ``output_dir``, one training at a time:

    - ``history.csv`` and ``history.png``, see `TrainingHistory`, and ``run.json``, see `record_run`;
    - ``model.pt``, the best weights so far, and its record ``model.json``, see `BestWeights`;
    - ``checkpoint.pt`` after each epoch. A training that starts again goes on from there, bit by bit as if it had never
      stopped, see `TrainingCheckpoint` and `EpochSeed`. ``--tracking mlflow`` then goes on with the same run.

    Args:
        bundle_root: folder of the bundle.
        output_dir: folder of the training's files.
        network: the network in training, perhaps wrapped in ``DistributedDataParallel``.
        optimizer: its optimizer.
        lr_scheduler: its learning-rate schedule.
        evaluator: engine of the validation. With ``ema_momentum`` it validates the average of the weights.
        metric: name of the validation metric that decides which weights are best; more is better.
        lr_step: when the schedule steps: after each ``"iteration"``, each ``"epoch"``, or with the value of a
            validation metric, by its name.
        metrics: further validation metrics to show in the history.
        val_interval: epochs between two validations.
        early_stop_patience: validations without improvement after which the training ends; None never ends it early.
        keep: ``"best"`` or ``"last"``, see `BestWeights`.
        ema_momentum: average the weights, see `WeightAverage`; None keeps those of the network.
        seed: of all that is random in the epochs; in distributed training each rank gets another one from it.
        transform: the random transform of the training data, if any.
        resume: go on from ``checkpoint.pt`` when it is there.
        start: handlers that give the network its first weights, such as `StartFrom`. In a MONAI Label server, which
            gives the served weights, they are left out.
        record: what the record beside the weights says besides what the training knows: licence and data.
    """

    def __init__(
        self,
        *,
        bundle_root: str | os.PathLike[str],
        output_dir: str | os.PathLike[str],
        network: nn.Module,
        optimizer: Optimizer,
        lr_scheduler: Any,
        evaluator: Any,
        metric: str,
        lr_step: str = "iteration",
        metrics: Sequence[str] = (),
        val_interval: int = 1,
        early_stop_patience: int | None = None,
        keep: str = "best",
        ema_momentum: float | None = None,
        seed: int = 0,
        transform: Randomizable | None = None,
        resume: bool = True,
        start: Sequence[Any] = (),
        record: Mapping[str, Any] | None = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        self._held = ExitStack()
        self.evaluator = evaluator
        module = network.module if isinstance(network, nn.parallel.DistributedDataParallel) else network
        self.average = None if ema_momentum is None else WeightAverage(network, ema_momentum)
        validated = module if self.average is None else self.average.network
        evaluator.network = validated
        self.best_weights = BestWeights(
            validated,
            evaluator,
            metric,
            self.output_dir / "model.pt",
            early_stop_patience,
            val_interval,
            keep,
            {"bundle": Path(bundle_root).name, **(record or {})},
        )
        kept = {"network": module, "average": self.average, "optimizer": optimizer, "lr_scheduler": lr_scheduler}
        self.checkpoint = TrainingCheckpoint(
            self.output_dir / "checkpoint.pt",
            {name: thing for name, thing in kept.items() if thing is not None} | {"best_weights": self.best_weights},
            resume,
        )
        if dist.is_initialized():
            seed = 1000 * seed + dist.get_rank()
        # in this order: a validation sees the average, then history and best weights see the validation; the checkpoint
        # sees all of them, and a server the weights that were kept
        served = is_served(bundle_root)
        self._before = [] if served else list(start)
        self._before += [ProgressBar(desc="training", disable=None), EpochSeed(seed, transform)]
        schedule = partial(LrScheduleHandler, lr_scheduler, print_lr=False)
        if lr_step in ("iteration", "epoch"):
            self._before.append(schedule(epoch_level=lr_step == "epoch"))
        else:
            schedule(step_transform=lambda engine: engine.state.metrics[lr_step]).attach(evaluator)
        if self.average is not None:
            self._before.append(self.average)
        self._before += [
            ValidationHandler(val_interval, evaluator),
            TrainingHistory(self.output_dir, optimizer, evaluator, [metric, *metrics]),
            self.best_weights,
            self.checkpoint,
            ServedTraining(bundle_root, self.best_weights, self.checkpoint),
        ]

    def attach(self, engine: Engine) -> None:
        """Register with the trainer."""
        is_first = not dist.is_initialized() or dist.get_rank() == 0
        if is_first:
            engine.add_event_handler(Events.STARTED, self._hold)
        for handler in self._before:
            handler.attach(engine)
        if is_first:
            engine.add_event_handler(Events.STARTED, self._record)
            engine.add_event_handler(Events.COMPLETED, track_files, self.output_dir)
            engine.add_event_handler(Events.COMPLETED, self._held.close)
            engine.add_event_handler(Events.EXCEPTION_RAISED, self._give_up)

    def _hold(self) -> None:
        self._held.enter_context(only_writer(self.output_dir))

    def _give_up(self, engine: Engine, error: BaseException) -> None:
        self._held.close()
        raise error

    def _record(self, engine: Engine) -> None:
        tracked = continue_run([engine, self.evaluator], self.output_dir, self.checkpoint.resumed)
        record_run(self.output_dir, **({"mlflow_run": tracked} if tracked else {}))
