# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Mini-Net's layers, counts and shapes."""

from __future__ import annotations

import pytest
import torch
from mininet.network import DualMultiResidual, ExpandSqueeze, MiniNet
from torch import nn


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_published_counts() -> None:
    network = MiniNet()
    statistics = sum(
        buffer.numel() for name, buffer in network.named_buffers() if name.endswith(("running_mean", "running_var"))
    )
    assert _count(network) == 36_657
    assert statistics == 1_028
    assert _count(network) + statistics == 37_685


@pytest.mark.parametrize(
    ("block", "weights"),
    [
        # depthwise 9C + 25C twice, expand-squeeze 4CC, shortcut CC
        (DualMultiResidual(8), 864),
        (DualMultiResidual(16), 2_368),
        (DualMultiResidual(32), 7_296),
        # depthwise once, full deconvolutions 9CC + 25CC
        (DualMultiResidual(16, decoder=True), 10_528),
        (DualMultiResidual(8, decoder=True), 2_768),
        (ExpandSqueeze(8), 256),
    ],
)
def test_convolution_weights_of_a_block(block: nn.Module, weights: int) -> None:
    convolutions = [m for m in block.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert sum(_count(convolution) for convolution in convolutions) == weights


def test_multiply_accumulates_at_256() -> None:
    """0.570 GMAC, counted from the sizes of what every convolution reads and writes."""
    total = 0

    def count(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        nonlocal total
        # a convolution applies its kernel at every output pixel, a deconvolution at every input pixel
        pixels = (inputs[0] if isinstance(module, nn.ConvTranspose2d) else output)[0, 0].numel()
        total += module.weight.numel() * pixels

    network = MiniNet().eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 3, 256, 256))
    assert total / 1e9 == pytest.approx(0.570, abs=5e-4)


@pytest.mark.parametrize("size", [(4, 4), (64, 96), (20, 36)])
def test_logits_have_the_size_of_the_image(size: tuple[int, int]) -> None:
    with torch.no_grad():
        assert MiniNet(out_channels=3).eval()(torch.zeros(2, 3, *size)).shape == (2, 3, *size)


def test_side_not_divisible_by_4_is_refused() -> None:
    with pytest.raises(ValueError, match="divisible by 4, got 64x66"):
        MiniNet()(torch.zeros(1, 3, 64, 66))


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    network = MiniNet()
    network(torch.randn(2, 3, 32, 32)).square().mean().backward()
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not without


def test_channels_last_gives_the_same_logits() -> None:
    torch.manual_seed(0)
    network = MiniNet().eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = network(image)
        torch.testing.assert_close(network.to(memory_format=torch.channels_last)(image), expected, rtol=1e-5, atol=1e-5)
