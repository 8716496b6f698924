# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What box-prompted inference asks of a network, and gives back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from monai.inferers import Inferer

from litemed.prompting.pieces import keep_meant
from litemed.transforms.longest_side import LongestSide
from litemed.transforms.prompts import channel_to_boxes

__all__ = ["BoxInferer", "BoxNetwork", "BoxResult"]


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
        boxes: ``(N, 4)`` or ``(N, 6)``, as they were used.
    """

    labels: np.ndarray
    iou: np.ndarray
    encoded: int
    boxes: np.ndarray


class BoxInferer(Inferer):
    """An inferer of pictures or of volumes, prompted by boxes.

    As MONAI calls it, it takes images ``(B, C, W, H)`` or ``(B, C, X, Y, Z)`` of 1 or 3 channels and their boxes, or
    instead of the boxes a further channel, the prompt of `litemed.transforms.RasterizePromptsd`. It returns label maps
    ``(B, 1, ...)`` float32, box i labelled i + 1. MONAI's readers put x first; the network sees rows and columns.

    Attributes:
        dims: 2 or 3, of the images.
        results: of each image of the last call.
    """

    dims: int
    results: Sequence[BoxResult] = ()

    def __call__(
        self, inputs: torch.Tensor, network: Any, *args: Any, boxes: Any = None, **kwargs: Any
    ) -> torch.Tensor:
        """Label maps of images.

        Args:
            inputs: the images.
            network: a `BoxNetwork`, in evaluation mode.
            *args: not used.
            boxes: of each image, in pixels of its axes, x first; None reads them from the last channel.
            **kwargs: not used.

        Raises:
            ValueError: for another number of channels, or bad boxes.
        """
        more = 0 if boxes is not None else 1
        if inputs.ndim != 2 + self.dims or inputs.shape[1] - more not in (1, 3):
            axes = "W, H" if self.dims == 2 else "X, Y, Z"
            channels = "1 or 3" if boxes is not None else "2 or 4, the last one a prompt"
            raise ValueError(f"expected images (B, channels, {axes}) of {channels} channels, got {tuple(inputs.shape)}")
        results = []
        for index, item in enumerate(inputs.cpu()):
            own = channel_to_boxes(item[-1]) if boxes is None else np.asarray(torch.as_tensor(boxes[index]).cpu())
            results.append(self.segment(item[: len(item) - more].numpy().T, own, network))
        self.results = results
        labels = np.stack([result.labels.T for result in results])[:, None].astype(np.float32)
        return torch.from_numpy(labels).to(inputs.device)

    @abstractmethod
    def segment(self, image: Any, boxes: np.ndarray, network: BoxNetwork) -> BoxResult:
        """Segment an array ``(H, W[, C])`` or slices ``(D, H, W[, C])``, with boxes of columns, rows and slices."""


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
    network: BoxNetwork, embedding: torch.Tensor, boxes: np.ndarray, boxes_per_call: int | None, as_published: bool
) -> Iterator[tuple[torch.Tensor, float]]:
    """Logits ``(256, 256)`` and predicted IoU of each box, a few boxes at a time so that memory stays flat.

    By default a call has 4 boxes on a CPU, where batches gain nothing, and 64 elsewhere. Pieces of masks that lie
    wholly outside their box are left out, but ``as_published``.
    """
    step = boxes_per_call or (4 if embedding.device.type == "cpu" else 64)
    run: Callable[..., tuple[torch.Tensor, torch.Tensor]] = network.decode
    share = getattr(network, "share", None)
    if share is not None and len(boxes) > step:
        embedding, run = share(embedding), network.decode_shared  # type: ignore[attr-defined]
    for first in range(0, len(boxes), step):
        some = boxes[first : first + step]
        logits, iou = run(embedding, torch.as_tensor(some, dtype=torch.float32, device=device_of(network)))
        for box, found, value in zip(some, logits[:, 0].float().cpu(), iou[:, 0].tolist(), strict=True):
            yield found if as_published else keep_meant(found, box), value
