# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Weights at the start of an engine: strictly, for inference and for training."""

from __future__ import annotations

from pathlib import Path

from ignite.engine import Engine, Events
from torch import nn

from litemed.training.checkpoints import load_checkpoint
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
    """Start a training from weights of this very network, of any application.

    Args:
        network: what to load into.
        path: the checkpoint, see `weights_path`; None or "" is random initialisation.
    """

    def __init__(self, network: nn.Module, path: str | Path | None) -> None:
        self.network = network
        self.path = path

    def attach(self, engine: Engine) -> None:
        """Register with the trainer, before what takes up an interrupted training."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        if self.path:
            self.load(self.path)

    def load(self, path: str | Path) -> None:
        """Load a checkpoint into the network."""
        load_checkpoint(self.network, weights_path(path), any_application=True)
