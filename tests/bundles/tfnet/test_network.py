# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TF-Net's layers, counts, shapes and refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from litemed.networks.reparam import fuse
from tfnet.network import VARIANTS, TFNet
from torch import nn

PUBLISHED = {
    "mini0": (721_026, 651_282),
    "mini1": (2_552_386, 2_300_514),
    "mini2": (5_734_658, 5_173_922),
    "mini3": (10_187_650, 9_196_098),
    "mini4": (15_911_362, 14_367_042),
}


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _trained(network: nn.Module) -> nn.Module:
    """Running statistics, scales and shifts as after some training."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return network.eval()


@pytest.mark.parametrize("variant", VARIANTS)
def test_published_counts(variant: str) -> None:
    network = TFNet(variant).eval()
    assert (_count(network), _count(fuse(network))) == PUBLISHED[variant]


@pytest.mark.parametrize(
    ("use_ppm", "use_skips", "counts"),
    [(False, False, (753_474, 674_258)), (True, False, (694_146, 627_090)), (False, True, (807_234, 722_642))],
)
def test_published_counts_of_the_ablations(use_ppm: bool, use_skips: bool, counts: tuple[int, int]) -> None:
    network = TFNet(use_ppm=use_ppm, use_skips=use_skips).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 32, 48)).shape == (1, 2, 32, 48)
    assert (_count(network), _count(fuse(network))) == counts


@pytest.mark.parametrize(("fused", "expected"), [(False, 2.621), (True, 2.362)])
def test_multiply_accumulates_at_512(fused: bool, expected: float) -> None:
    """GMAC of mini0's convolutions, counted from the sizes of what each writes."""
    total = 0

    def count(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        nonlocal total
        total += module.weight.numel() * output[0, 0].numel()

    network = TFNet().eval()
    network = fuse(network) if fused else network
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 3, 512, 512))
    assert total / 1e9 == pytest.approx(expected, abs=5e-4)


@torch.no_grad()
def test_fused_network_gives_the_same_logits() -> None:
    torch.manual_seed(0)
    network, image = _trained(TFNet()), torch.rand(2, 3, 64, 96)
    before = network(image)
    torch.testing.assert_close(fuse(network)(image), before, rtol=1e-5, atol=1e-5 * float(before.abs().max()))


@torch.no_grad()
def test_as_published_gives_probabilities_of_the_same_logits() -> None:
    torch.manual_seed(0)
    network = _trained(TFNet())
    published = TFNet(as_published=True).eval()
    published.load_state_dict(network.state_dict())
    image = torch.rand(1, 3, 32, 32)
    logits = network(image)
    # two classes: the softmax is the logistic function of their difference
    expected = 1 / (1 + torch.exp(logits[:, 0] - logits[:, 1]))
    torch.testing.assert_close(published(image)[:, 1], expected)


@torch.no_grad()
def test_channels_and_classes() -> None:
    assert TFNet(in_channels=1, out_channels=4).eval()(torch.zeros(1, 1, 16, 32)).shape == (1, 4, 16, 32)


def test_a_training_batch_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 2 pictures in a training batch, got 1.*--batch_size 2"):
        TFNet()(torch.zeros(1, 3, 64, 64))


def test_side_not_divisible_by_16_is_refused() -> None:
    with pytest.raises(ValueError, match="divisible by 16, got 64x72"):
        TFNet().eval()(torch.zeros(1, 3, 64, 72))


def test_unknown_variant() -> None:
    with pytest.raises(ValueError, match=r"mini0, mini1.*got 'mini9'"):
        TFNet("mini9")


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    network = TFNet()
    network(torch.randn(2, 3, 32, 32)).square().mean().backward()
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not without


@pytest.mark.parametrize("fused", [False, True])
@torch.no_grad()
def test_torchscript_gives_the_same_logits(fused: bool) -> None:
    torch.manual_seed(0)
    network = _trained(TFNet())
    network = fuse(network) if fused else network
    image = torch.rand(1, 3, 48, 32)
    torch.testing.assert_close(torch.jit.script(network)(image), network(image), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_onnx_gives_the_same_logits(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    network, image = fuse(_trained(TFNet())), torch.rand(1, 3, 64, 96)
    torch.onnx.export(network, (image,), tmp_path / "network.onnx", dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    (result,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    torch.testing.assert_close(torch.from_numpy(result), network(image), rtol=1e-4, atol=1e-4)
