# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The class prompt: a head that tells the modality from an image embedding, and its answer as prompt tokens."""

from __future__ import annotations

import torch
from torch import nn

from litemed.networks.mask_decoder import Perceptron
from litemed.networks.prompt_encoder import PromptEncoder

__all__ = ["MODALITIES", "ClassHead", "ClassPromptEncoder", "modality_index"]

MODALITIES = (
    "CT",
    "MR",
    "PET",
    "X-Ray",
    "Ultrasound",
    "Mammography",
    "OCT",
    "Endoscopy",
    "Fundus",
    "Dermoscopy",
    "Microscopy",
)
"""The eleven modalities, in the order of the class head's logits."""

_ALIASES = {"mri": "mr", "us": "ultrasound", "microscope": "microscopy"}


def modality_index(name: str) -> int:
    """Index of a modality in `MODALITIES`, whatever its case and hyphens; the challenge's short names are taken too.

    Raises:
        ValueError: for another name.
    """

    def plain(text: str) -> str:
        return "".join(filter(str.isalnum, text.lower()))

    known = [plain(modality) for modality in MODALITIES]
    wanted = _ALIASES.get(plain(name), plain(name))
    if wanted not in known:
        raise ValueError(f"expected a modality of {', '.join(MODALITIES)}, got {name!r}")
    return known.index(wanted)


class ClassHead(nn.Module):
    """Logits of the modality, from an image embedding (class-prompt paper, section 2.2, eqs. 1-3).

    Args:
        pooling: ``"sum"`` over the pixels, as the authors' code has it, or ``"mean"``. The sum's first layer starts
            smaller by the number of pixels, so that both start with logits of the same size.
        channels: of the embedding.
        pixels: of the embedding.

    Raises:
        ValueError: for another pooling.
    """

    def __init__(self, pooling: str = "sum", channels: int = 256, pixels: int = 64 * 64) -> None:
        super().__init__()
        if pooling not in ("sum", "mean"):
            raise ValueError(f'expected pooling "sum" or "mean", got {pooling!r}')
        self.pooling = pooling
        self.perceptron = Perceptron(channels, channels, len(MODALITIES), 3)
        if pooling == "sum":
            with torch.no_grad():
                next(self.perceptron.parameters()).div_(pixels)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        """``(B, channels, h, w)`` to logits ``(B, 11)``."""
        return self.perceptron(self.pool(embedding))

    def pool(self, embedding: torch.Tensor) -> torch.Tensor:
        """What the perceptron takes, ``(B, channels)``."""
        return embedding.sum(dim=(2, 3)) if self.pooling == "sum" else embedding.mean(dim=(2, 3))


class ClassPromptEncoder(nn.Module):
    """Tokens that tell the mask decoder the modality; they are added to the two corners of a box.

    As the authors' code has it, they are the sum of two parts: the class head's logits through a five-layer
    perceptron, and the corners of the box (c, c, c, c) through a second prompt encoder, ``c`` the class. What both
    start as is ours: the perceptron's last layer at zero, and the second encoder's corners at minus the mean of their
    positions over the classes. So the tokens start near zero, and a network that starts from LiteMedSAM's weights
    starts near LiteMedSAM's masks.

    Args:
        channels: of the tokens.
    """

    def __init__(self, channels: int = 256) -> None:
        super().__init__()
        classes = len(MODALITIES)
        self.perceptron = Perceptron(classes, 2 * channels, 2 * channels, 5)
        self.prompt_encoder = PromptEncoder(channels)
        for parameter in self.perceptron.layers[-1].parameters():
            nn.init.zeros_(parameter)
        corners = [*self.prompt_encoder.point_embeddings.parameters()][2:]
        with torch.no_grad():
            mean = self._boxes(torch.arange(classes)).mean(dim=0)
            for corner, shift in zip(corners, mean, strict=True):
                corner.sub_(shift)

    def forward(self, logits: torch.Tensor, class_id: torch.Tensor) -> torch.Tensor:
        """
        Args:
            logits: of the class head, ``(B, 11)``.
            class_id: of the class to tell, ``(B,)``.

        Returns:
            Two tokens each, ``(B, 2, channels)``.
        """
        return self.perceptron(logits).unflatten(1, (2, -1)) + self._boxes(class_id)

    def _boxes(self, class_id: torch.Tensor) -> torch.Tensor:
        return self.prompt_encoder.boxes(class_id.unsqueeze(1).expand(-1, 4))
