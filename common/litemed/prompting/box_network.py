# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What box-prompted inference asks of a network, and gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from litemed.transforms.longest_side import LongestSide

__all__ = ["BoxNetwork", "BoxResult"]


class BoxNetwork(Protocol):
    """A network of the MedSAM-lite family, in PyTorch or exported.

    One that also has ``share(embedding)`` and ``decode_shared(shared, boxes)`` computes once a slice what all boxes
    have in common.
    """

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        """Embed ``(1, 3, 256, 256)`` pictures, values 0 to 1."""

    def decode(self, embedding: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits ``(N, 1, 256, 256)`` and predicted IoU ``(N, 1)`` of boxes ``(N, 4)`` x0, y0, x1, y1 in the square."""


@dataclass(frozen=True)
class BoxResult:
    """Segmented objects.

    Attributes:
        labels: ``(H, W)`` or ``(D, H, W)``, object i labelled i + 1; uint8, or wider when there are more than 255.
        iou: ``(N,)`` IoU that the network predicts for each object; in a volume the mean over its slices, NaN where no
            slice shows the object.
        encoded: how many embeddings were computed.
    """

    labels: np.ndarray
    iou: np.ndarray
    encoded: int


def label_dtype(count: int) -> np.dtype:
    """The smallest unsigned type that holds labels up to ``count``."""
    return np.min_scalar_type(count)


def device_of(network: BoxNetwork) -> torch.device:
    """Where a network's weights are; the CPU for one that isn't a PyTorch module."""
    parameters = getattr(network, "parameters", tuple)
    return next((parameter.device for parameter in parameters()), torch.device("cpu"))


def encode(network: BoxNetwork, geometry: LongestSide, image: np.ndarray, rounded: bool) -> torch.Tensor:
    """Embedding ``(1, 256, 64, 64)`` of one picture."""
    return network.encode_image(geometry.prepare(image, rounded)[None].to(device_of(network)))


def decode(
    network: BoxNetwork, embedding: torch.Tensor, boxes: np.ndarray, boxes_per_call: int | None
) -> Iterator[tuple[torch.Tensor, float]]:
    """Logits ``(256, 256)`` and predicted IoU of each box, a few boxes at a time so that memory stays flat.

    By default a call has 4 boxes on a CPU, where batches gain nothing, and 64 elsewhere.
    """
    step = boxes_per_call or (4 if embedding.device.type == "cpu" else 64)
    run: Callable[..., tuple[torch.Tensor, torch.Tensor]] = network.decode
    share = getattr(network, "share", None)
    if share is not None and len(boxes) > step:
        embedding, run = share(embedding), network.decode_shared  # type: ignore[attr-defined]
    for first in range(0, len(boxes), step):
        prompts = torch.as_tensor(boxes[first : first + step], dtype=torch.float32, device=device_of(network))
        logits, iou = run(embedding, prompts)
        yield from zip(logits[:, 0].float().cpu(), iou[:, 0].tolist(), strict=True)
