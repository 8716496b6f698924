# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Small networks that Mini-Net is compared with, and two other orders of its layers with equal counts."""

from __future__ import annotations

import torch
from mininet.network import ConvNorm, DualMultiResidual, ExpandSqueeze, MiniNet
from torch import nn

__all__ = ["DeconvolutionsFirst", "ExpandedShortcut", "SmallUNet", "WNet", "rearranged"]


class _Block(nn.Module):
    """Two 3x3 convolutions, each with ReLU and batch normalisation, beside a 1x1 shortcut."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.shortcut = ConvNorm(in_channels, out_channels, 1)
        self.convolutions = nn.Sequential(
            *(nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(out_channels)),
            *(nn.Conv2d(out_channels, out_channels, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(out_channels)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.convolutions(x) + self.shortcut(x)


class _Up(nn.Module):
    """Twice the size by a 2x2 deconvolution, joined with a skip that a 3x3 convolution has gone over."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.deconvolution = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)
        self.bridge = nn.Sequential(
            nn.Conv2d(out_channels, out_channels, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(out_channels)
        )
        self.block = _Block(2 * out_channels, out_channels)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return self.block(torch.cat([self.deconvolution(x), self.bridge(skip)], dim=1))


class SmallUNet(nn.Module):
    """U-Net of 8, 16 and 32 channels (Galdran et al., Scientific Reports 12, 2022): 34,201 trainable parameters.

    Args:
        in_channels: channels of the image.
        out_channels: channels of the logits.

    Shape:
        ``(B, in_channels, H, W)`` to ``(B, out_channels, H, W)``; ``H`` and ``W`` divisible by 4.
    """

    def __init__(self, in_channels: int = 3, out_channels: int = 1) -> None:
        super().__init__()
        self.encoder_1, self.encoder_2, self.bottleneck = _Block(in_channels, 8), _Block(8, 16), _Block(16, 32)
        self.up_2, self.up_1 = _Up(32, 16), _Up(16, 8)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Conv2d(8, out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.encoder_1(x)
        second = self.encoder_2(self.pool(first))
        return self.head(self.up_1(self.up_2(self.bottleneck(self.pool(second)), second), first))


class WNet(nn.Module):
    """Two of `SmallUNet`, the second seeing the image and the first's logits (same paper): 68,482 parameters.

    In training it returns the logits of both, the second's first, for `monai.losses.DeepSupervisionLoss`; in
    evaluation the second's alone.

    Args:
        in_channels: channels of the image.
        out_channels: channels of the logits.
    """

    def __init__(self, in_channels: int = 3, out_channels: int = 1) -> None:
        super().__init__()
        self.first = SmallUNet(in_channels, out_channels)
        self.second = SmallUNet(in_channels + out_channels, out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor | list[torch.Tensor]:
        first = self.first(x)
        second = self.second(torch.cat([x, first], dim=1))
        return [second, first] if self.training else second


class ExpandedShortcut(DualMultiResidual):
    """Mini-Net's block with its expand-squeeze block at the 1x1 convolution of eq. 4, a plain one at that of eq. 3."""

    def __init__(self, channels: int, *, decoder: bool = False) -> None:
        super().__init__(channels, decoder=decoder)
        self.expand_squeeze = ConvNorm(channels, channels, 1)  # type: ignore[assignment]
        self.shortcut = ExpandSqueeze(channels)  # type: ignore[assignment]


class DeconvolutionsFirst(DualMultiResidual):
    """Mini-Net's block with the decoder's full deconvolutions in the first pair and depthwise kernels in the second."""

    def __init__(self, channels: int, *, decoder: bool = False) -> None:
        super().__init__(channels, decoder=decoder)
        self.first_3, self.second_3 = self.second_3, self.first_3
        self.first_5, self.second_5 = self.second_5, self.first_5


def rearranged(block: str) -> MiniNet:
    """Mini-Net built of another block of this module, with the same counts.

    Args:
        block: ``"expanded_shortcut"`` or ``"deconvolutions_first"``.
    """
    kind = {"expanded_shortcut": ExpandedShortcut, "deconvolutions_first": DeconvolutionsFirst}[block]
    network = MiniNet()
    for name, channels in (("encoder_1", 8), ("encoder_2", 16), ("bottleneck", 32)):
        setattr(network, name, kind(channels))
    for name, channels in (("decoder_2", 16), ("decoder_1", 8)):
        setattr(network, name, kind(channels, decoder=True))
    return network
