# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Training on the embeddings of a frozen encoder, and evaluating on stored ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from litemed.networks.freezing import freeze
from litemed.prompting.frozen_encoder import FrozenEncoderInferer
from litemed.prompting.prompt_inferer import PromptInferer
from torch import nn


class _Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.image_encoder = nn.BatchNorm2d(3)
        self.weight = nn.Parameter(torch.tensor(2.0))
        self.encoded = 0

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        self.encoded += len(image)
        return self.image_encoder(image)

    def decode(self, embedding: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return (embedding[:, :1] - 0.5).expand(len(boxes), -1, -1, -1), self.weight.expand(len(boxes), 1)

    def forward(self, image: torch.Tensor, embedding: torch.Tensor, told: int) -> tuple[torch.Tensor, int]:
        return embedding * self.weight, told


def test_the_encoder_works_as_in_inference(tmp_path: Path) -> None:
    network = freeze(_Network(), ["image_encoder"]).train()
    images = torch.rand(2, 4, 256, 256, generator=torch.Generator().manual_seed(0))
    mean = network.image_encoder.running_mean.clone()
    answer, told = FrozenEncoderInferer()(images, network, 7)
    assert told == 7
    assert network.image_encoder.training
    assert torch.equal(network.image_encoder.running_mean, mean)
    torch.testing.assert_close(answer, 2 * images[:, :3], rtol=1e-4, atol=1e-4)
    answer.sum().backward()
    assert network.weight.grad is not None
    network.encoded = 0
    for _ in range(2):
        stored, _ = FrozenEncoderInferer(tmp_path)(images, network, 7)
        torch.testing.assert_close(stored, answer, rtol=1e-3, atol=1e-3)
    assert network.encoded == 4  # two images once, and each time the reference


def test_an_encoder_in_training_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a frozen image encoder"):
        FrozenEncoderInferer()(torch.zeros(1, 4, 256, 256), _Network(), 0)


def test_evaluation_takes_stored_embeddings(tmp_path: Path) -> None:
    network = _Network().eval()
    picture = torch.zeros(1, 4, 30, 40)
    picture[:, :3, 5:15, 10:30] = 1
    picture[:, 3, 5:15, 10:30] = 1
    expected = PromptInferer()(picture, network)
    network.encoded = 0
    for _ in range(2):
        assert torch.equal(PromptInferer(embedding_cache=tmp_path)(picture, network), expected)
    assert network.encoded == 3
    assert expected.sum() == 200
