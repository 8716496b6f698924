# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The networks that Mini-Net is compared with: their published counts, sizes and outputs."""

from __future__ import annotations

import controls
import pytest
import torch
from mininet import MiniNet
from torch import nn


def _trainable(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


@pytest.mark.parametrize(("name", "count"), [("SmallUNet", 34_201), ("WNet", 68_482)])
def test_published_counts(name: str, count: int) -> None:
    network = getattr(controls, name)().eval()
    assert _trainable(network) == count
    assert network(torch.zeros(2, 3, 20, 24)).shape == (2, 1, 20, 24)


def test_w_net_trains_on_both_of_its_halves() -> None:
    network = controls.WNet().train()
    image = torch.rand(2, 3, 16, 16)
    second, first = network(image)
    assert torch.equal(first, network.first(image))
    assert second.shape == first.shape == (2, 1, 16, 16)


@pytest.mark.parametrize("block", ["expanded_shortcut", "deconvolutions_first"])
def test_other_lists_of_layers_have_the_same_counts_and_other_layers(block: str) -> None:
    torch.manual_seed(0)
    network, ours = controls.rearranged(block), MiniNet()
    assert _trainable(network) == _trainable(ours) == 36_657
    assert {name: value.shape for name, value in network.state_dict().items()} != {
        name: value.shape for name, value in ours.state_dict().items()
    }
    assert network(torch.zeros(1, 3, 16, 24)).shape == (1, 1, 16, 24)
