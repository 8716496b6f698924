# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A network of two parameters in place of SwiftMedSAM's, and its checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
import swiftmedsam
import torch
from litemed.networks.architecture import set_architecture
from litemed.training.checkpoints import save_checkpoint
from swiftmedsam import PromptedNetwork
from torch import nn


class BrightNetwork(nn.Module):
    """The mask of a box is where the picture is brighter than half, inside the box; the IoU is always 0.75."""

    forward = PromptedNetwork.forward

    def __init__(self, variant: str = "v2") -> None:
        super().__init__()
        self.variant = variant
        set_architecture(self, network="BrightNetwork", variant=variant)
        self.threshold = nn.Parameter(torch.tensor(0.5))
        self.iou = nn.Parameter(torch.tensor(0.75))
        self.encoded = 0

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        self.encoded += len(image)
        return image

    def decode(self, embedding: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        places = torch.arange(256.0)
        across = (places >= boxes[:, 0:1] - 2) & (places <= boxes[:, 2:3] + 2)
        down = (places >= boxes[:, 1:2] - 2) & (places <= boxes[:, 3:4] + 2)
        inside = down[:, None, :, None] & across[:, None, None, :]
        logits = torch.where(inside, (embedding[:, :1] - self.threshold) * 8, -4.0)
        return logits, self.iou.expand(len(boxes), 1)

    def fuse(self) -> BrightNetwork:
        return self


@pytest.fixture
def bright(monkeypatch: pytest.MonkeyPatch) -> type[BrightNetwork]:
    """The configurations build this network."""
    monkeypatch.setattr(swiftmedsam, "PromptedNetwork", BrightNetwork)
    return BrightNetwork


@pytest.fixture
def weights(bright: type[BrightNetwork], tmp_path: Path) -> str:
    """Its checkpoint."""
    save_checkpoint(tmp_path / "weights.pt", bright("fast"))
    return str(tmp_path / "weights.pt")
