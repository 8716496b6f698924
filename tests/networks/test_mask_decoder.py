# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The mask decoder, its attention by loops, and the shared form against the plain one."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from litemed.networks.mask_decoder import Attention, MaskDecoder, Perceptron, TwoWayTransformer


def _double(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [((2, 8, 2048, 3), 4_058_340), ((1, 8, 1024, 2), 1_887_716), ((1, 4, 256, 2), 1_493_732)],
)
def test_parameters(arguments: tuple[int, int, int, int], parameters: int) -> None:
    assert sum(parameter.numel() for parameter in MaskDecoder(256, *arguments).parameters()) == parameters


def test_perceptron_has_relu_between_its_layers_only() -> None:
    perceptron = Perceptron(3, 5, 2, 3).double()
    x = _double(4, 3)
    a, b, c = perceptron.layers
    expected = (((x @ a.weight.T + a.bias).clamp(min=0) @ b.weight.T + b.bias).clamp(min=0)) @ c.weight.T + c.bias
    torch.testing.assert_close(perceptron(x), expected)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_equals_loops_over_heads(heads: int) -> None:
    attention = Attention(16, heads, reduction=2).double()
    q, k, v = _double(2, 3, 16), _double(2, 5, 16), _double(2, 5, 16)
    width = 8 // heads
    parts = []
    for head in range(heads):
        rows = slice(head * width, (head + 1) * width)
        a, b, c = (
            F.linear(x, layer.weight[rows], layer.bias[rows])
            for x, layer in ((q, attention.q_proj), (k, attention.k_proj), (v, attention.v_proj))
        )
        parts.append(F.softmax(a @ b.transpose(1, 2) / width**0.5, dim=2) @ c)
    expected = attention.out_proj(torch.cat(parts, dim=2))
    torch.testing.assert_close(attention(q, k, v), expected)


@pytest.mark.parametrize("heads", [1, 4])
def test_attention_without_projecting_the_image(heads: int) -> None:
    attention = Attention(16, heads, reduction=2).double()
    tokens, image, other = _double(3, 5, 16), _double(3, 40, 16), _double(3, 40, 16)
    torch.testing.assert_close(attention.from_tokens(tokens, image, other), attention(tokens, image, other))
    values = _double(3, 5, 16)
    torch.testing.assert_close(attention.from_image(image, tokens, values), attention(image, tokens, values))
    shared = image[:1]
    torch.testing.assert_close(
        attention.from_queries(attention.queries(shared), tokens, values),
        attention(shared.expand(3, -1, -1), tokens, values),
    )


def test_heads_must_divide_the_channels() -> None:
    with pytest.raises(ValueError, match="expected heads that divide 8 channels, got 3"):
        Attention(16, 3, reduction=2)


@pytest.mark.parametrize("tokens", [3, 9])
def test_transformer_without_projecting_the_images(tokens: int) -> None:
    transformer = TwoWayTransformer(16, 2, 2, 32).double()  # 2 heads and 16 channels: up to 4 tokens are few
    prompt, image, position = _double(4, tokens, 16), _double(4, 25, 16), _double(1, 25, 16)
    torch.testing.assert_close(transformer.fast(prompt, image, position), transformer(prompt, image, position))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_shared_transformer_equals_the_plain_one(depth: int) -> None:
    transformer = TwoWayTransformer(16, depth, 2, 32).double()
    prompt, image, position = _double(4, 7, 16), _double(1, 25, 16), _double(1, 25, 16)
    expected = transformer(prompt, image.expand(4, -1, -1), position)
    found = transformer.shared(prompt, transformer.share(image, position, _double(1, 2, 16)))
    torch.testing.assert_close(found, expected)


def test_decoder_reads_masks_by_the_filters_of_its_tokens() -> None:
    """Logits are a filter's product with the upscaled image at each pixel; mask 0 comes first."""
    decoder = MaskDecoder(16, 1, 2, 32).double()
    embedding, position, sparse = _double(1, 16, 3, 3), _double(1, 16, 3, 3), _double(2, 2, 16)
    dense = _double(1, 16, 1, 1)
    logits, iou = decoder(embedding, position, sparse, dense, multimask=True)
    assert logits.shape == (2, 4, 12, 12)

    output = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight]).expand(2, -1, -1)
    tokens, image = decoder.transformer(
        torch.cat([output, sparse], dim=1),
        (embedding + dense).flatten(2).transpose(1, 2).expand(2, -1, -1),
        position.flatten(2).transpose(1, 2),
    )
    upscaled = decoder.output_upscaling(image.transpose(1, 2).reshape(2, 16, 3, 3))
    for mask in range(4):
        weights = decoder.output_hypernetworks_mlps[mask](tokens[:, 1 + mask])
        torch.testing.assert_close(logits[:, mask], torch.einsum("nc,nchw->nhw", weights, upscaled))
    torch.testing.assert_close(iou, decoder.iou_prediction_head(tokens[:, 0]))
    first = decoder(embedding, position, sparse, dense)
    torch.testing.assert_close(first, (logits[:, :1], iou[:, :1]))
    shared = decoder.share(embedding, position, dense, _double(1, 2, 16))
    torch.testing.assert_close(decoder.decode(shared, sparse, True), (logits, iou))
