"""The network: replace it by yours."""

from __future__ import annotations

import torch
from litemed.networks.architecture import set_architecture
from torch import nn

__all__ = ["Network"]


class Network(nn.Module):
    """A small encoder and decoder with one skip connection.

    Takes pictures ``(B, in_channels, H, W)`` whose sides are multiples of 4, and returns logits ``(B, out_channels, H,
    W)``.

    Args:
        in_channels: of the picture.
        out_channels: of the mask.
        width: channels of the first layer.
    """

    def __init__(self, in_channels: int = 3, out_channels: int = 1, width: int = 16) -> None:
        super().__init__()
        set_architecture(self, network="mybundle", in_channels=in_channels, out_channels=out_channels, width=width)
        self.first = _block(in_channels, width)
        self.down = nn.Sequential(nn.MaxPool2d(2), _block(width, 2 * width), nn.MaxPool2d(2), _block(2 * width, width))
        self.up = nn.Upsample(scale_factor=4.0, mode="bilinear", align_corners=False)
        self.head = nn.Sequential(_block(2 * width, width), nn.Conv2d(width, out_channels, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the mask."""
        fine = self.first(x)
        return self.head(torch.cat([fine, self.up(self.down(fine))], dim=1))


def _block(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU()
    )
