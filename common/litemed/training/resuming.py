# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Handlers that make a training resumable and keep its best weights."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from ignite.engine import Engine, Events
from monai.transforms import Randomizable
from torch import nn

from litemed.training.checkpoints import save_checkpoint, write_state

__all__ = ["BestWeights", "EpochSeed", "TrainingCheckpoint"]

logger = logging.getLogger(__name__)


def _is_first_rank() -> bool:
    """Whether this process writes the files: in distributed training the first rank does it for all."""
    return not dist.is_initialized() or dist.get_rank() == 0


class EpochSeed:
    """Reseed every source of randomness at the start of each epoch, from the seed and the epoch's number.

    An epoch's draws then don't depend on the epochs before it, so a resumed training repeats an unbroken one.

    Args:
        seed: seed of the training; in distributed training give each rank another.
        transform: the random transform of the training data, if any.
    """

    def __init__(self, seed: int, transform: Randomizable | None = None) -> None:
        self.seed = seed
        self.transform = transform

    def attach(self, engine: Engine) -> None:
        """Register with the trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        seed = (self.seed * 100_003 + engine.state.epoch) % 2**32
        torch.manual_seed(seed)
        if self.transform is not None:
            self.transform.set_random_state(seed=seed)


class TrainingCheckpoint:
    """Save all that a training needs to go on after each epoch, and go on from there when it starts again.

    Put it last among the train handlers: it then sees the epoch's validation, schedule and early stopping.

    Args:
        path: the checkpoint file; it is replaced as a whole, so a kill leaves the previous one.
        objects: what to keep, by name: anything with ``state_dict`` and ``load_state_dict`` but the trainer itself.
        resume: go on from ``path`` when it exists; otherwise start anew and overwrite it.

    Raises:
        ValueError: when the checkpoint holds other objects, or doesn't fit them.
    """

    def __init__(self, path: str | Path, objects: Mapping[str, Any], resume: bool = True) -> None:
        self.path = Path(path)
        self.objects = dict(objects)
        self.resume = resume
        self.resumed = False

    def attach(self, engine: Engine) -> None:
        """Register with the trainer."""
        engine.add_event_handler(Events.STARTED, self._load)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save)

    def _load(self, engine: Engine) -> None:
        if not (self.resume and self.path.exists()):
            return
        try:
            states = torch.load(self.path, map_location="cpu", weights_only=True)
            missing = {"epoch", "iteration", *self.objects} ^ set(states)
            if missing:
                raise KeyError(f"not in both: {', '.join(sorted(missing))}")
            for name, thing in self.objects.items():
                thing.load_state_dict(states[name])
        except Exception as error:
            raise ValueError(
                f"cannot resume from {self.path}: {error}. Use --resume False to start anew, or another --output_dir"
            ) from error
        engine.state.epoch, engine.state.iteration = states["epoch"], states["iteration"]
        self.resumed = True
        logger.info("resumed from %s after epoch %d", self.path, engine.state.epoch)

    def _save(self, engine: Engine) -> None:
        if _is_first_rank():
            states = {name: thing.state_dict() for name, thing in self.objects.items()}
            write_state(self.path, {**states, "epoch": engine.state.epoch, "iteration": engine.state.iteration})


class BestWeights:
    """Keep the weights of the best validation so far, and stop the training when none has been better for long.

    Attach it to the trainer, after the ``ValidationHandler``. ``keep="last"`` is for a training that validates on too
    little to choose by: it runs its schedule to the end and keeps the weights it ends with.

    Args:
        network: the network whose weights are saved, see `litemed.training.checkpoints.save_checkpoint`.
        evaluator: the engine whose metric decides.
        metric: name of that metric; more is better.
        path: file of the weights.
        patience: validations without improvement after which the training ends; None never ends it early.
        interval: epochs between two validations.
        keep: ``"best"``, or ``"last"`` for the weights of the last validation whatever its score.
        record: what the record beside the weights says, besides the validation's score.

    Raises:
        ValueError: when ``keep`` is neither, or the metric is not a number.
    """

    def __init__(
        self,
        network: nn.Module,
        evaluator: Engine,
        metric: str,
        path: str | Path,
        patience: int | None = None,
        interval: int = 1,
        keep: str = "best",
        record: Mapping[str, Any] | None = None,
    ) -> None:
        if keep not in ("best", "last"):
            raise ValueError(f"expected keep to be 'best' or 'last', got {keep!r}")
        self.network = network
        self.evaluator = evaluator
        self.metric = metric
        self.path = Path(path)
        self.patience = patience
        self.interval = interval
        self.keep = keep
        self.record = dict(record or {})
        self.best = -math.inf
        self.best_epoch = 0
        self.saved_epoch = 0
        self.waited = 0

    def attach(self, engine: Engine) -> None:
        """Register with the trainer."""
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self)

    def state_dict(self) -> dict[str, float]:
        """Score, epoch and patience so far."""
        return {"best": self.best, "best_epoch": self.best_epoch, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Take up a state saved before."""
        self.best, self.best_epoch, self.waited = state["best"], int(state["best_epoch"]), int(state["waited"])

    def __call__(self, engine: Engine) -> None:
        score = self.evaluator.state.metrics[self.metric]
        if not math.isfinite(score):
            raise ValueError(f"validation {self.metric} is {score} in epoch {engine.state.epoch}")
        better = score > self.best
        if better or self.keep == "last":
            if _is_first_rank():
                save_checkpoint(self.path, self.network, record=self._record(score, engine.state.epoch))
            self.saved_epoch = engine.state.epoch
        if better:
            self.best, self.best_epoch, self.waited = score, engine.state.epoch, 0
            return
        if self.keep == "last":
            return
        self.waited += 1
        if self.patience is not None and self.waited >= self.patience:
            logger.info("no better %s for %d validations: stopping", self.metric, self.waited)
            engine.terminate()

    def _record(self, score: float, epoch: int) -> dict[str, Any]:
        return {**self.record, "scores": [{"data": "validation", "metric": self.metric, "mean": score, "epoch": epoch}]}
