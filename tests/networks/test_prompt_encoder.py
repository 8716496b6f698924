# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Prompt tokens, from the formula of the position encoding."""

from __future__ import annotations

import math

import pytest
import torch
from litemed.networks.prompt_encoder import PromptEncoder


@pytest.fixture
def encoder() -> PromptEncoder:
    torch.manual_seed(0)
    return PromptEncoder(channels=8, embedding_size=4, image_size=16, mask_channels=4)


def _encoded(encoder: PromptEncoder, x: float, y: float) -> torch.Tensor:
    """Position (x, y) in [0, 1]: sine and cosine of 2 pi (2x - 1, 2y - 1) G."""
    matrix = encoder.pe_layer.positional_encoding_gaussian_matrix.tolist()
    phases = [2 * math.pi * ((2 * x - 1) * a + (2 * y - 1) * b) for a, b in zip(*matrix, strict=True)]
    return torch.tensor([math.sin(phase) for phase in phases] + [math.cos(phase) for phase in phases])


def test_parameters() -> None:
    assert sum(parameter.numel() for parameter in PromptEncoder().parameters()) == 6_220


def test_a_box_is_two_corners(encoder: PromptEncoder) -> None:
    tokens = encoder.boxes(torch.tensor([[1.0, 2, 7, 12]]))
    first = _encoded(encoder, 1.5 / 16, 2.5 / 16) + encoder.point_embeddings[2].weight[0]
    second = _encoded(encoder, 7.5 / 16, 12.5 / 16) + encoder.point_embeddings[3].weight[0]
    torch.testing.assert_close(tokens, torch.stack([first, second])[None], rtol=1e-5, atol=1e-5)


def test_integer_boxes_are_the_same(encoder: PromptEncoder) -> None:
    box = torch.tensor([[1, 2, 7, 12]])
    torch.testing.assert_close(encoder.boxes(box), encoder.boxes(box.float()), rtol=0, atol=0)


@pytest.mark.parametrize("padded", [False, True])
def test_points_by_label(encoder: PromptEncoder, padded: bool) -> None:
    points = torch.tensor([[[3.0, 5], [3, 5], [3, 5]]])
    tokens = encoder.points(points, torch.tensor([[1, 0, -1]]), padded)
    position = _encoded(encoder, 3.5 / 16, 5.5 / 16)
    none = encoder.not_a_point_embed.weight[0]
    expected = [
        position + encoder.point_embeddings[1].weight[0],
        position + encoder.point_embeddings[0].weight[0],
        none,
    ]
    if padded:
        expected.append(none)
    torch.testing.assert_close(tokens, torch.stack(expected)[None], rtol=1e-5, atol=1e-5)


def test_image_positions_are_pixel_centres(encoder: PromptEncoder) -> None:
    positions = encoder.image_positions()
    assert positions.shape == (1, 8, 4, 4)
    for row, column in ((0, 0), (1, 3), (3, 2)):
        expected = _encoded(encoder, (column + 0.5) / 4, (row + 0.5) / 4)
        torch.testing.assert_close(positions[0, :, row, column], expected, rtol=1e-5, atol=1e-5)


def test_masks_become_the_size_of_the_embedding(encoder: PromptEncoder) -> None:
    assert encoder.masks(torch.zeros(3, 1, 16, 16)).shape == (3, 8, 4, 4)
    torch.testing.assert_close(encoder.no_mask()[0, :, 0, 0], encoder.no_mask_embed.weight[0])
