# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Weights at the start of an engine: strictly for inference, strictly or by name and shape for training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ignite.engine import Engine, Events
from torch import nn

from litemed.training.checkpoints import load_checkpoint, warm_start
from litemed.training.pretrained import weights_path

__all__ = ["LoadWeights", "StartFrom"]


class LoadWeights:
    """Load a checkpoint strictly when an engine starts; one of another network is refused by its name.

    Args:
        network: what to load into.
        path: the checkpoint, see `weights_path` and `load_checkpoint`.
    """

    def __init__(self, network: nn.Module, path: str | Path) -> None:
        self.network = network
        self.path = path

    def attach(self, engine: Engine) -> None:
        """Register with the engine."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        load_checkpoint(self.network, weights_path(self.path))


class StartFrom:
    """Start a training from given weights.

    Args:
        network: what to load into.
        path: the checkpoint, see `weights_path`; None or "" is random initialisation.
        strict: take weights of this very network, of any application (`litemed.training.checkpoints.load_checkpoint`).
            Otherwise copy what has the same name and shape, and print what was taken
            (`litemed.training.checkpoints.warm_start`).
        keep_blocks: see there; for ``strict=False``.
        narrow: see there.
    """

    def __init__(
        self,
        network: nn.Module,
        path: str | Path | None,
        strict: bool = True,
        keep_blocks: Mapping[int | str, Sequence[int]] | None = None,
        narrow: bool = False,
    ) -> None:
        self.network = network
        self.path = path
        self.strict = strict
        self.keep_blocks = keep_blocks
        self.narrow = narrow

    def attach(self, engine: Engine) -> None:
        """Register with the trainer, before what takes up an interrupted training."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        if self.path and self.strict:
            load_checkpoint(self.network, weights_path(self.path), any_application=True)
        elif self.path:
            report = warm_start(self.network, weights_path(self.path), self.keep_blocks, self.narrow)
            print(f"start from {self.path}: {report}", flush=True)
