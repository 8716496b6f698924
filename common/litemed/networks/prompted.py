# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Networks as one tensor in, one tensor out: the prompt is the image's fourth channel."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

__all__ = ["PromptChannel", "PromptedOutput", "prompt_to_boxes"]


class PromptedOutput(NamedTuple):
    """What a network gives in training.

    Attributes:
        logits: of the masks, ``(B, 1, 256, 256)``.
        iou: predicted IoU, ``(B, 1)``.
        embedding: of the images, ``(B, 256, 64, 64)``.
    """

    logits: torch.Tensor
    iou: torch.Tensor
    embedding: torch.Tensor


class PromptChannel(nn.Module):
    """Mixed into a network of the MedSAM-lite family: its `forward` takes the box as a fourth channel of the image.

    So it fits what hands a network one tensor: MONAI's engines, the Model Zoo's checks, TorchScript, ONNX,
    distributed training. Its weights, and all that it does with boxes as numbers, stay those of the network.

    Shape:
        ``(B, 4, 256, 256)``, three channels in [0, 1] and the prompt of `prompt_to_boxes`, to logits
        ``(B, 1, 256, 256)``; in training to a `PromptedOutput`. With the embedding ``(B, 256, 64, 64)`` of the images
        they aren't encoded.
    """

    def forward(self, image: torch.Tensor, embedding: torch.Tensor | None = None) -> Any:
        if image.ndim != 4 or image.shape[1] != 4:
            raise ValueError(f"expected images of three channels and a prompt, (B, 4, 256, 256), got {image.shape}")
        if embedding is None:
            embedding = self.encode_image(image[:, :3])  # type: ignore[operator]
        logits, iou = self.decode(embedding, prompt_to_boxes(image[:, 3]))  # type: ignore[operator]
        if not torch.jit.is_scripting():  # noqa: SIM102 - TorchScript leaves out this branch, but not a joined one
            if self.training:
                return PromptedOutput(logits, iou, embedding)
        return logits


def prompt_to_boxes(prompt: torch.Tensor) -> torch.Tensor:
    """The box that spans the marked pixels of each prompt channel.

    Args:
        prompt: ``(B, H, W)``; values above 0.5 are marked. An empty channel means the whole image.

    Returns:
        ``(B, 4)`` x0, y0, x1, y1: the first and the last marked column and row, at least one apart.
    """
    marked = prompt > 0.5
    x0, x1 = _span(marked.any(dim=1))
    y0, y1 = _span(marked.any(dim=2))
    return torch.stack([x0, y0, x1, y1], dim=1).to(prompt.dtype)


def _span(held: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """First and last true place of each row of ``(B, L)``; all of a row without any."""
    length = held.shape[1]
    places = torch.arange(length, device=held.device).expand_as(held)
    first = torch.where(held, places, length).amin(dim=1)
    last = torch.where(held, places, -1).amax(dim=1)
    return torch.where(last < 0, 0, first), torch.where(last < 0, length - 1, torch.maximum(last, first + 1))
