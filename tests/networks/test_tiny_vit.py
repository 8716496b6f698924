# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TinyViT's counts, attention, windows and folding."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from litemed.networks.tiny_vit import (
    ConvNorm,
    InvertedBottleneck,
    LayerNorm2d,
    TinyViT,
    TinyViTBlock,
    WindowAttention,
    fold_batch_norms,
)
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def _randomise(module: nn.Module) -> nn.Module:
    """Give every parameter and running statistic a value that a wrong use of it would show."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            nn.init.normal_(buffer)
        elif name.endswith("running_var"):
            nn.init.uniform_(buffer, 0.5, 2)
    return module


@pytest.mark.parametrize(
    ("depths", "parameters", "giga_macs"),
    [((2, 2, 6, 2), 5_726_740, 37.5), ((2, 2, 4, 2), 5_102_700, 34.2), ((1, 2, 2, 2), 4_442_436, 28.6)],
)
def test_parameters_and_multiply_accumulates(depths: tuple[int, ...], parameters: int, giga_macs: float) -> None:
    with torch.device("meta"):
        encoder = TinyViT(depths=depths).eval()
        image = torch.zeros(1, 3, 256, 256)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == parameters
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        assert encoder(image).shape == (1, 256, 64, 64)
    assert counter.get_total_flops() / 2e9 == pytest.approx(giga_macs, abs=0.06)


def test_attention_equals_loops_over_heads_and_pairs() -> None:
    """The biases are numbered as their offsets first occur among all pairs of pixels, both in row order."""
    torch.manual_seed(0)
    side, heads, width = 3, 2, 4
    attention = _randomise(WindowAttention(heads * width, heads, side)).double()
    x = torch.randn(2, side * side, heads * width, dtype=torch.float64)

    pixels = [(row, column) for row in range(side) for column in range(side)]
    numbers: dict[tuple[int, int], int] = {}
    for a in pixels:
        for b in pixels:
            numbers.setdefault((abs(a[0] - b[0]), abs(a[1] - b[1])), len(numbers))
    qkv = F.linear(attention.norm(x), attention.qkv.weight, attention.qkv.bias)
    mixed = torch.zeros_like(x)
    for window in range(len(x)):
        for head in range(heads):
            # of each head in turn: its queries, its keys, its values
            q, k, v = qkv[window, :, head * 3 * width : (head + 1) * 3 * width].split(width, dim=1)
            for i, a in enumerate(pixels):
                scores = [
                    q[i] @ k[j] / width**0.5
                    + attention.attention_biases[head, numbers[abs(a[0] - b[0]), abs(a[1] - b[1])]]
                    for j, b in enumerate(pixels)
                ]
                weights = torch.stack(scores).softmax(0)
                mixed[window, i, head * width : (head + 1) * width] = weights @ v
    expected = F.linear(mixed, attention.proj.weight, attention.proj.bias)
    torch.testing.assert_close(attention(x), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("height", "width"), [(8, 12), (5, 6), (3, 9)])
def test_block_attends_within_windows_and_zero_padding(height: int, width: int) -> None:
    torch.manual_seed(0)
    side = 4
    block = _randomise(TinyViTBlock(6, 2, side)).double().eval()
    x = torch.randn(1, 6, height, width, dtype=torch.float64)

    down, across = -(-height // side) * side, -(-width // side) * side
    padded = torch.zeros(1, 6, down, across, dtype=torch.float64)
    padded[..., :height, :width] = x
    attended = torch.zeros_like(padded)
    for top in range(0, down, side):
        for left in range(0, across, side):
            window = padded[0, :, top : top + side, left : left + side].reshape(6, -1).T[None]
            attended[0, :, top : top + side, left : left + side] = block.attn(window)[0].T.view(6, side, side)
    expected = block.local_conv(x + attended[..., :height, :width])
    tokens = expected.flatten(2).transpose(1, 2)
    expected = expected + block.mlp(tokens).transpose(1, 2).view_as(expected)
    torch.testing.assert_close(block(x), expected, rtol=1e-10, atol=1e-10)


def test_no_order_of_eval_and_loading_matters() -> None:
    torch.manual_seed(0)
    trained = _randomise(TinyViT(depths=(1, 1, 1, 1))).eval()
    image = torch.rand(1, 3, 32, 32)
    early, late, used = (TinyViT(depths=(1, 1, 1, 1)) for _ in range(3))
    with torch.no_grad():
        expected = trained(image)
        early.eval().load_state_dict(trained.state_dict())
        late.load_state_dict(trained.state_dict())
        late.eval()
        used.eval()(image)
        used.load_state_dict(trained.state_dict())
        for network in (early, late, used):
            torch.testing.assert_close(network(image), expected, rtol=0, atol=0)


def test_residual_branch_starts_as_nothing() -> None:
    x = torch.randn(2, 8, 5, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(InvertedBottleneck(8)(x), F.gelu(x))


def test_layer_norm_over_channels() -> None:
    torch.manual_seed(0)
    norm = _randomise(LayerNorm2d(5)).double()
    x = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    mean = x.mean(dim=1, keepdim=True)
    variance = (x - mean).square().mean(dim=1, keepdim=True)
    expected = (x - mean) / (variance + 1e-6).sqrt() * norm.weight.view(5, 1, 1) + norm.bias.view(5, 1, 1)
    torch.testing.assert_close(norm(x), expected)


def test_folding_batch_norms_changes_nothing() -> None:
    torch.manual_seed(0)
    encoder = _randomise(TinyViT(depths=(1, 1, 1, 1))).eval()
    folded = copy.deepcopy(encoder)
    fold_batch_norms(folded)
    assert not any(isinstance(module, ConvNorm | nn.BatchNorm2d) for module in folded.modules())
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(folded(image), encoder(image), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(folded.double()(image.double()), encoder.double()(image.double()))


def test_folding_in_training_mode_is_refused() -> None:
    with pytest.raises(RuntimeError, match="call eval"):
        fold_batch_norms(TinyViT(depths=(1, 1, 1, 1)))
