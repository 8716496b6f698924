# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A network whose answers are known: what is bright inside the box."""

from __future__ import annotations

import pytest
import torch


class BrightNetwork:
    """Embeds a picture as itself; the mask of a box is where the picture is brighter than half, inside the box."""

    def __init__(self) -> None:
        self.encoded: list[torch.Tensor] = []
        self.calls: list[torch.Tensor] = []

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        assert image.shape == (1, 3, 256, 256)
        self.encoded.append(image)
        return image

    def decode(self, embedding: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        assert embedding.shape == (1, 3, 256, 256)
        self.calls.append(boxes)
        places = torch.arange(256.0)
        across = (places >= boxes[:, 0:1]) & (places <= boxes[:, 2:3])
        down = (places >= boxes[:, 1:2]) & (places <= boxes[:, 3:4])
        inside = down[:, None, :, None] & across[:, None, None, :]
        logits = torch.where(inside, (embedding[:, :1] - 0.5) * 8, -4.0)
        return logits, torch.full((len(boxes), 1), 0.5) + boxes[:, :1] / 1000


@pytest.fixture
def network() -> BrightNetwork:
    return BrightNetwork()
