# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Any network of pictures in a runtime, in the place of the network itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.utils import convert_to_dst_type
from torch import nn

from litemed.deploy.runtimes import choose_runtime, deploy

__all__ = ["DeployedNetwork"]


class DeployedNetwork(nn.Module):
    """A network that is exported at its first call with each input shape, and run by `litemed.deploy.deploy`.

    It stands for ``network`` in a configuration. Weights that are loaded into the network before the first call count.

    Args:
        network: takes one tensor and gives one; on the CPU.
        runtime: see `litemed.deploy.deploy`.
    """

    def __init__(self, network: nn.Module, runtime: str = "auto") -> None:
        super().__init__()
        self.network = network
        self.runtime = choose_runtime(runtime)
        self._by_shape: dict[tuple[int, ...], Callable[..., Any]] = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the network gives for ``x``."""
        plain = x.as_subclass(torch.Tensor)
        shape = tuple(plain.shape)
        if shape not in self._by_shape:
            self._by_shape[shape] = deploy(self.network.eval(), shape, self.runtime)
        return convert_to_dst_type(self._by_shape[shape](plain), x)[0]  # what MONAI knows of the picture goes along
