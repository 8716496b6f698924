# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Training in bfloat16 where a processor multiplies it faster; MONAI's engines do so on GPUs only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import SimpleInferer

__all__ = ["AutocastInferer"]


class AutocastInferer(SimpleInferer):
    """Run a network's convolutions and matrix products in bfloat16, and give float32.

    Weights and their gradients stay in float32. It pays on processors with AMX or AVX512-BF16, and on GPUs.

    Args:
        enabled: False runs the network as it is.
    """

    def __init__(self, enabled: bool = True) -> None:
        super().__init__()
        self.enabled = enabled

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=self.enabled):
            outputs = super().__call__(inputs, network, *args, **kwargs)
        return outputs.float() if self.enabled else outputs
