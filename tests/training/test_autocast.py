# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Training in bfloat16 on processors."""

from __future__ import annotations

import torch
from litemed.training import AutocastInferer
from torch import nn


def test_products_are_rounded_and_weights_stay_exact() -> None:
    network = nn.Linear(64, 8)
    inputs = torch.rand(2, 64, generator=torch.Generator().manual_seed(0))
    outputs = AutocastInferer()(inputs, network)
    expected = nn.functional.linear(inputs.bfloat16(), network.weight.bfloat16(), network.bias.bfloat16()).float()
    assert torch.equal(outputs, expected)
    outputs.sum().backward()
    assert network.weight.grad is not None
    assert network.weight.grad.dtype == network.weight.dtype == torch.float32
    assert torch.equal(AutocastInferer(enabled=False)(inputs, network), network(inputs))
