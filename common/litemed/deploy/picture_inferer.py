# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Whole-picture inference at the picture's own size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import Inferer
from torch.nn import functional as F

__all__ = ["PictureInferer"]


class PictureInferer(Inferer):
    """Run a fully convolutional network over whole pictures of any size and return logits of that size.

    The picture is optionally scaled so that its longer side is ``longest_side``, padded by reflection at its far edges
    until both sides are divisible by ``divisor``, and the logits are cropped, and scaled, back exactly.

    Args:
        divisor: sides given to the network are multiples of it.
        longest_side: longer side, in pixels, that the network works at; None keeps the picture's own.
        flips: test-time augmentation: average the sigmoid probabilities over the eight flips and quarter turns.

    Raises:
        ValueError: when ``divisor`` or ``longest_side`` is below 1, or the input isn't ``(B, C, H, W)``.
    """

    def __init__(self, divisor: int = 1, longest_side: int | None = None, flips: bool = False) -> None:
        if divisor < 1 or (longest_side is not None and longest_side < 1):
            raise ValueError(f"expected divisor and longest_side of at least 1, got {divisor} and {longest_side}")
        self.divisor = divisor
        self.longest_side = longest_side
        self.flips = flips

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        if inputs.ndim != 4:
            raise ValueError(f"expected pictures as (B, C, H, W), got shape {tuple(inputs.shape)}")
        size = inputs.shape[-2:]
        scaled = self._scale(inputs)
        if self.flips:
            logits = self._average_over_flips(scaled, network)
        else:
            logits = self._padded(scaled, network, *args, **kwargs)
        if logits.shape[-2:] != size:
            logits = F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
        return logits

    def _scale(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.longest_side is None:
            return inputs
        factor = self.longest_side / max(inputs.shape[-2:])
        size = [max(1, round(side * factor)) for side in inputs.shape[-2:]]
        return F.interpolate(inputs, size=size, mode="bilinear", align_corners=False, antialias=factor < 1)

    def _padded(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        height, width = inputs.shape[-2:]
        below, right = -height % self.divisor, -width % self.divisor
        # reflection needs more pixels than it adds
        mode = "reflect" if below < height and right < width else "replicate"
        logits = network(F.pad(inputs, (0, right, 0, below), mode=mode), *args, **kwargs)
        return logits[..., :height, :width]

    def _average_over_flips(self, inputs: torch.Tensor, network: Callable[..., torch.Tensor]) -> torch.Tensor:
        total = torch.zeros((), device=inputs.device)
        for turns in range(4):
            for mirrored in (False, True):
                view = torch.rot90(inputs, turns, (-2, -1))
                view = view.flip(-1) if mirrored else view
                probability = self._padded(view.contiguous(), network).sigmoid()
                probability = probability.flip(-1) if mirrored else probability
                total = total + torch.rot90(probability, -turns, (-2, -1))
        return torch.logit(total / 8, eps=1e-6)
