# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A small network in place of the class-prompt network, and its checkpoint."""

from __future__ import annotations

from pathlib import Path

import classprompt
import pytest
import torch
from classprompt import PromptedNetwork
from litemed.networks.architecture import set_architecture
from litemed.networks.class_prompt import ClassHead, modality_index
from litemed.training.checkpoints import save_checkpoint
from torch import nn


class BrightNetwork(nn.Module):
    """The mask of a box is where the picture is brighter than a threshold, inside the box; told PET it finds nothing.

    The class is read from the mean brightness; before training it is Microscopy.
    """

    forward = PromptedNetwork.forward
    sure = 0.3

    def __init__(self, pooling: str = "sum", class_prompt: bool = True) -> None:
        super().__init__()
        set_architecture(self, network="BrightNetwork", pooling=pooling, class_prompt=class_prompt)
        self.class_prompt = class_prompt
        self.image_encoder = nn.Conv2d(1, 1, 1)
        self.prompt_encoder = nn.Identity()
        self.threshold = nn.Parameter(torch.tensor(0.5))
        self.iou = nn.Parameter(torch.tensor(0.75))
        self.class_head = ClassHead(pooling, channels=3, pixels=256 * 256)
        last = self.class_head.perceptron.layers[-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        nn.init.constant_(last.bias[modality_index("Microscopy")], 2.0)
        self.encoded = 0

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        self.encoded += len(image)
        return image

    def classify(self, embedding: torch.Tensor) -> torch.Tensor:
        return self.class_head(embedding)

    def decode(
        self, embedding: torch.Tensor, boxes: torch.Tensor, class_id: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        places = torch.arange(256.0)
        across = (places >= boxes[:, 0:1] - 2) & (places <= boxes[:, 2:3] + 2)
        down = (places >= boxes[:, 1:2] - 2) & (places <= boxes[:, 3:4] + 2)
        inside = down[:, None, :, None] & across[:, None, None, :]
        if class_id is not None:
            inside = inside & (class_id != modality_index("PET")).view(-1, 1, 1, 1)
        logits = torch.where(inside, (embedding[:, :1] - self.threshold) * 8, -4.0)
        return logits, self.iou.expand(len(boxes), 1)

    def fuse(self) -> BrightNetwork:
        return self

    def _class_tokens(self, class_logits: torch.Tensor, class_id: torch.Tensor | None) -> torch.Tensor:
        return class_logits.argmax(dim=1) if class_id is None else class_id

    def _decode(
        self, embedding: torch.Tensor, corners: torch.Tensor, boxes: torch.Tensor, *rest: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.decode(embedding, boxes)


@pytest.fixture
def bright(monkeypatch: pytest.MonkeyPatch) -> type[BrightNetwork]:
    """The configurations build this network."""
    monkeypatch.setattr(classprompt, "PromptedNetwork", BrightNetwork)
    return BrightNetwork


@pytest.fixture
def weights(bright: type[BrightNetwork], tmp_path: Path) -> str:
    """Its checkpoint."""
    save_checkpoint(tmp_path / "weights.pt", bright())
    return str(tmp_path / "weights.pt")
