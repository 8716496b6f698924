# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Branches that fold into one convolution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from litemed.networks.reparam import ReparamConv, fuse
from torch import nn

BLOCKS = {
    "3x3 with identity": ((6, 6, 3, 1), 6 * 6 * 10 + 3 * 12, 6 * 6 * 9 + 6),
    "3x3 with stride": ((6, 6, 3, 2), 6 * 6 * 10 + 2 * 12, 6 * 6 * 9 + 6),
    "3x3 to other channels": ((4, 6, 3, 1), 4 * 6 * 10 + 2 * 12, 4 * 6 * 9 + 6),
    "1x1": ((4, 6, 1, 1), 4 * 6 + 12, 4 * 6 + 6),
    "1x1 with identity": ((6, 6, 1, 1), 6 * 6 + 2 * 12, 6 * 6 + 6),
    "5x5": ((4, 6, 5, 2), 4 * 6 * 26 + 2 * 12, 4 * 6 * 25 + 6),
}


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _trained(block: nn.Module) -> nn.Module:
    """Running statistics, scales and shifts as after some training."""
    generator = torch.Generator().manual_seed(0)
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.3, 3, generator=generator)
            nn.init.normal_(module.weight, generator=generator)
            nn.init.normal_(module.bias, generator=generator)
    return block.eval()


@pytest.mark.parametrize(("arguments", "trained", "fused"), BLOCKS.values(), ids=BLOCKS)
@torch.no_grad()
def test_one_convolution_equals_the_branches(arguments: tuple[int, ...], trained: int, fused: int) -> None:
    torch.manual_seed(0)
    block = _trained(ReparamConv(*arguments))
    image = torch.randn(2, arguments[0], 13, 10)
    conv = block.fuse()
    assert (_count(block), _count(conv)) == (trained, fused)
    torch.testing.assert_close(conv(image).relu(), block(image), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_sum_of_branches_by_hand() -> None:
    block = ReparamConv(1, 1, activation=False).eval()
    for branch, weight in ((block.kernel, 2.0), (block.pointwise, 3.0)):
        branch.conv.weight.fill_(weight)
        branch.norm.running_var.fill_(4 - branch.norm.eps)  # deviation 2
    block.identity.running_var.fill_(1 - block.identity.eps)
    block.identity.running_mean.fill_(5)
    image = torch.ones(1, 1, 3, 3)
    # at the centre 9 x 2 / 2 + 3 / 2 + (1 - 5), at a corner 4 x 2 / 2 + 3 / 2 - 4
    for result in (block(image), block.fuse()(image)):
        assert result[0, 0, 1, 1].item() == pytest.approx(6.5, abs=1e-5)
        assert result[0, 0, 0, 0].item() == pytest.approx(1.5, abs=1e-5)


@torch.no_grad()
def test_without_activation_values_below_zero_stay() -> None:
    torch.manual_seed(0)
    image = torch.randn(1, 4, 8, 8)
    block = _trained(ReparamConv(4, 4, activation=False))
    assert block(image).min() < 0
    torch.testing.assert_close(fuse(block)(image), block(image), rtol=1e-5, atol=1e-5)


def _network() -> nn.Module:
    torch.manual_seed(0)
    inner = nn.Sequential(ReparamConv(4, 4), nn.MaxPool2d(2), nn.ModuleDict({"last": ReparamConv(4, 2)})["last"])
    return _trained(nn.Sequential(ReparamConv(3, 4, stride=2), inner, nn.Conv2d(2, 1, 1)))


@torch.no_grad()
def test_a_whole_network_is_fused_in_place() -> None:
    network, image = _network(), torch.randn(2, 3, 16, 16)
    before = network(image)
    assert fuse(network) is network
    assert not any(isinstance(module, ReparamConv | nn.BatchNorm2d) for module in network.modules())
    assert not any(module.training for module in network.modules())
    torch.testing.assert_close(network(image), before, rtol=1e-5, atol=1e-5)


def test_fusing_in_training_is_refused() -> None:
    with pytest.raises(ValueError, match=r"call \.eval\(\) before fuse"):
        fuse(nn.Sequential(ReparamConv(2, 2)))


def test_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="odd side, got 2"):
        ReparamConv(3, 4, 2)


def test_gradients_are_the_same_in_channels_last_order() -> None:
    """A picture's 3 channels and a stride of 2 once ended the process here."""
    torch.manual_seed(0)
    image, gradients = torch.rand(2, 3, 96, 96), []
    for order in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        block = ReparamConv(3, 16, stride=2).to(memory_format=order)
        block(image.contiguous(memory_format=order)).square().mean().backward()
        gradients.append([parameter.grad for parameter in block.parameters()])
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-5)


def test_double_precision_is_kept() -> None:
    assert ReparamConv(2, 2).double().eval().fuse().weight.dtype == torch.float64


@pytest.mark.parametrize("fused", [False, True])
@torch.no_grad()
def test_export_as_torchscript_and_onnx(fused: bool, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network, image = _network(), torch.randn(1, 3, 16, 16)
    expected = network(image)
    network = fuse(network) if fused else network
    torch.testing.assert_close(torch.jit.script(network)(image), expected, rtol=1e-5, atol=1e-5)
    torch.onnx.export(network, (image,), tmp_path / "network.onnx", dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    (result,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    np.testing.assert_allclose(result, expected.numpy(), rtol=1e-4, atol=1e-5)
