# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Exponential averaging of weights."""

from __future__ import annotations

import torch
from ignite.engine import Engine, Events
from torch import nn
from torch.optim.swa_utils import AveragedModel

__all__ = ["WeightAverage"]

_WARM_UP = 9


class WeightAverage:
    """Average the weights and running statistics of a network over its training.

    After update ``n`` (from 0) the average moves towards the network by ``max(momentum, 9 / (10 + n))``: the first
    updates follow it closely, so that a short training has a useful average too.

    Args:
        network: the network in training; one wrapped in ``DistributedDataParallel`` is averaged without the wrapper.
        momentum: share of the newest weights in the average, above 0 and up to 1.

    Raises:
        ValueError: when ``momentum`` is out of range.
    """

    def __init__(self, network: nn.Module, momentum: float) -> None:
        if not 0 < momentum <= 1:
            raise ValueError(f"expected a momentum above 0 and up to 1, got {momentum}")
        self.momentum = momentum
        self.source = network.module if isinstance(network, nn.parallel.DistributedDataParallel) else network
        self.average = AveragedModel(self.source, avg_fn=self._mix, use_buffers=True).eval()

    @property
    def network(self) -> nn.Module:
        """The network with averaged weights, in evaluation mode."""
        return self.average.module

    def attach(self, engine: Engine) -> None:
        """Register with the trainer."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The average and the number of updates."""
        return self.average.state_dict()

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Take up a state saved before."""
        self.average.load_state_dict(state)

    def __call__(self, engine: Engine) -> None:
        self.average.update_parameters(self.source)

    def _mix(self, average: torch.Tensor, newest: torch.Tensor, updates: torch.Tensor | int) -> torch.Tensor:
        return average + max(self.momentum, _WARM_UP / (_WARM_UP + 1 + int(updates))) * (newest - average)
