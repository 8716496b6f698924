# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Counts, shapes and export of the three networks."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest
import torch
from monai.networks.nets import ResNet
from tiu_ocular.network import FCN8s, build_network
from torch import nn
from torch.nn import functional as F


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("architecture", "variant", "millions"),
    [("unet", "light", 1.629), ("unet", "paper", 31.113), ("unetr", "light", 6.682), ("unetr", "paper", 87.992)],
)
def test_published_counts(architecture: str, variant: str, millions: float) -> None:
    with torch.device("meta") if variant == "paper" and architecture == "unet" else torch.device("cpu"):
        assert _count(build_network(architecture, variant)) / 1e6 == pytest.approx(millions, abs=5e-4)


def test_count_of_fcn_is_that_of_resnet_18_without_its_classifier_and_a_head() -> None:
    # ResNet-18 has 11,689,512 weights, 513,000 of them in its classifier of 1000 classes
    head = sum(c * 5 + 5 for c in (128, 256, 512)) + 2 * 5 * 5 * 16
    assert _count(FCN8s()) == 11_689_512 - 513_000 + head


@pytest.mark.parametrize("architecture", ["unet", "fcn", "unetr"])
def test_logits_have_the_size_of_the_picture_and_every_weight_learns(architecture: str) -> None:
    torch.manual_seed(0)
    network = build_network(architecture, size=(48, 32))
    logits = network(torch.randn(2, 3, 48, 32))
    assert logits.shape == (2, 5, 48, 32)
    logits.square().mean().backward()
    # MONAI's transformer blocks hold a norm for cross attention, which UNETR has not
    weights = {name: weight for name, weight in network.named_parameters() if "cross_attn" not in name}
    idle = [name for name, weight in weights.items() if weight.grad is None]
    assert not idle


@pytest.mark.parametrize("size", [(33, 47), (64, 96), (240, 160)])
def test_fcn_takes_any_size(size: tuple[int, int]) -> None:
    with torch.no_grad():
        assert FCN8s(channels=(4, 4, 8, 8)).eval()(torch.zeros(1, 3, *size)).shape == (1, 5, *size)


def test_fcn_starts_as_bilinear_upsampling_of_the_summed_scores() -> None:
    torch.manual_seed(0)
    network = FCN8s(channels=(4, 4, 8, 8)).eval()
    image = torch.randn(1, 3, 64, 64)

    def double(scores: torch.Tensor) -> torch.Tensor:
        # zeros lie beyond the border of a transposed convolution: bilinear interpolation of the padded map
        return F.interpolate(F.pad(scores, [1] * 4), scale_factor=2, mode="bilinear")[..., 2:-2, 2:-2]

    with torch.no_grad():
        at_8 = network.stage_8(network.stage_4(network.stem(image)))
        at_16 = network.stage_16(at_8)
        scores = double(network.score_32(network.stage_32(at_16))) + network.score_16(at_16)
        scores = double(scores) + network.score_8(at_8)
        expected = F.interpolate(scores, size=(64, 64), mode="bilinear")
        torch.testing.assert_close(network(image), expected)


def test_encoder_of_fcn_is_monais_resnet() -> None:
    network = FCN8s(channels=(4, 4, 8, 8)).eval()
    resnet = ResNet(
        "basic", [2] * 4, [4, 4, 8, 8], 2, 3, conv1_t_stride=2, feed_forward=False, bias_downsample=False
    ).eval()
    source = [network.stem[0], network.stem[1], network.stage_4, network.stage_8, network.stage_16, network.stage_32]
    copy = [resnet.conv1, resnet.bn1, resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4]
    for ours, theirs in zip(source, copy, strict=True):
        theirs.load_state_dict(ours.state_dict())
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        at_8 = network.stage_8(network.stage_4(network.stem(image)))
        deepest = network.stage_32(network.stage_16(at_8))
        torch.testing.assert_close(deepest.mean((2, 3)), resnet(image))


@pytest.mark.parametrize("architecture", ["unet", "fcn", "unetr"])
def test_export_gives_the_same_logits(architecture: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network(architecture, size=(48, 32)).eval()
    image = torch.randn(1, 3, 48, 32)
    with torch.no_grad():
        expected = network(image)
        torch.testing.assert_close(torch.jit.script(network)(image), expected)
        torch.onnx.export(network, (image,), str(tmp_path / "network.onnx"), dynamo=False, input_names=["image"])
    session = onnxruntime.InferenceSession(str(tmp_path / "network.onnx"), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"image": image.numpy()})
    torch.testing.assert_close(torch.from_numpy(logits), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"architecture": "vnet"}, "got 'vnet' 'light'"),
        ({"variant": "huge"}, "got 'unet' 'huge'"),
        ({"size": (480, 300)}, r"got \[480, 300\]"),
        ({"size": (480,)}, r"got \[480\]"),
        ({"size": (0, 16)}, r"got \[0, 16\]"),
    ],
)
def test_what_cannot_be_built(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_network(**arguments)
