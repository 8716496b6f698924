# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The frame classifier: is the eye clear, closed, broken or blurred?"""

from __future__ import annotations

import torch
from litemed.networks.architecture import set_architecture
from torch import nn

from tfnet.network import MobileOneMini

__all__ = ["CLASSES", "FrameClassifier"]

CLASSES = ("clear", "closed", "broken", "blur")
"""What a frame shows, in the order of the logits (TFM, section III.A): crisp rings without break-up; a lid over the
eye; rings with break-up; an open eye whose rings aren't resolved."""
_N_CLASSES = len(CLASSES)


class FrameClassifier(nn.Module):
    """Classify frames by the part around the rings, with a narrow MobileOne-mini.

    The paper doesn't say what it classifies with; this network is ours. It sees the outside box only
    (:func:`tfnet.ring_window`): a break-up is a few pixels large when it begins, and would be lost in a whole frame at
    this size. The deepest map is pooled by its mean, which tells a closed or blurred frame, and by its maximum, which
    tells a single small break-up.

    Args:
        width: factor on the encoder's 64, 128, 256 and 512 channels.
        in_channels: channels of the image.
        out_channels: number of classes.

    Shape:
        ``(B, in_channels, W, H)`` to logits ``(B, out_channels)``; trained at the size of ``train_classifier.json``.
    """

    def __init__(self, width: float = 0.25, in_channels: int = 3, out_channels: int = _N_CLASSES) -> None:
        super().__init__()
        set_architecture(
            self, network="FrameClassifier", width=width, in_channels=in_channels, out_channels=out_channels
        )
        self.encoder = MobileOneMini(width, in_channels)
        self.head = nn.Linear(2 * self.encoder.channels[-1], out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        deepest = self.encoder(x)[3]
        return self.head(torch.cat([deepest.mean(dim=(2, 3)), deepest.amax(dim=(2, 3))], dim=1))
