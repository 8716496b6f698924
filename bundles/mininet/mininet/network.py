# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Mini-Net: a segmentation network of 37,685 parameters."""

from __future__ import annotations

import torch
from litemed.networks.architecture import set_architecture
from torch import nn

__all__ = ["DualMultiResidual", "ExpandSqueeze", "MiniNet"]


class ConvNorm(nn.Sequential):
    """Convolution without bias, then batch normalisation; the size is kept (``stride=1``) or changed by ``stride``.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: odd side of the kernel, in pixels.
        groups: as in :class:`torch.nn.Conv2d`; ``in_channels`` makes it depthwise.
        transposed: use a transposed convolution (the paper's deconvolution).
        stride: 2 doubles the size, for ``transposed`` only.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        groups: int = 1,
        transposed: bool = False,
        stride: int = 1,
    ) -> None:
        padding = kernel_size // 2
        conv: nn.Module
        if transposed:
            conv = nn.ConvTranspose2d(
                in_channels, out_channels, kernel_size, stride, padding, output_padding=stride - 1, bias=False
            )
        else:
            conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False)
        super().__init__(conv, nn.BatchNorm2d(out_channels))


class ExpandSqueeze(nn.Sequential):
    """Pointwise expansion to twice the channels, ReLU, pointwise squeeze back, batch normalisation.

    It stands for the 1x1 convolution of eq. 3; only this reading gives the published count.

    Args:
        channels: channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.Conv2d(channels, 2 * channels, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(2 * channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )


class DualMultiResidual(nn.Module):
    """Dual multi-residual block (DMRes): 3x3 and 5x5 kernels side by side, twice, around an expand-squeeze block.

    Encoder: eqs. 2-4, all kernels depthwise. Decoder: eqs. 7-9, where the second pair are full deconvolutions.

    Args:
        channels: channels of input and output.
        decoder: build the decoder's form.
    """

    def __init__(self, channels: int, *, decoder: bool = False) -> None:
        super().__init__()
        self.first_3 = ConvNorm(channels, channels, 3, groups=channels)
        self.first_5 = ConvNorm(channels, channels, 5, groups=channels)
        self.expand_squeeze = ExpandSqueeze(channels)
        self.shortcut = ConvNorm(channels, channels, 1)
        groups = 1 if decoder else channels
        self.second_3 = ConvNorm(channels, channels, 3, groups=groups, transposed=decoder)
        self.second_5 = ConvNorm(channels, channels, 5, groups=groups, transposed=decoder)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.relu(self.first_3(x) + self.first_5(x))
        second = self.relu(self.expand_squeeze(first) + first)
        return self.shortcut(x) + self.second_3(second) + self.second_5(second)


class MiniNet(nn.Module):
    """Mini-Net (Mini-Net paper, section III.A), a light encoder-decoder for 2D segmentation.

    The paper publishes no code. The layers here honour every kernel size it names, the deconvolutions of eq. 9, and
    its counts: 36,657 trainable parameters and 1,028 running statistics, 37,685 in all, with the default arguments.

    Args:
        in_channels: channels of the image.
        out_channels: channels of the logits; 1 is the paper's binary mask.
        channels: channels at full resolution (the paper's 8); they double at each of the two levels below.
        application: what it segments; weights of another application, of the same shapes, are refused.

    Shape:
        ``(B, in_channels, H, W)`` to logits ``(B, out_channels, H, W)``; ``H`` and ``W`` divisible by 4.

    Raises:
        ValueError: when ``H`` or ``W`` isn't divisible by 4.
    """

    def __init__(
        self, in_channels: int = 3, out_channels: int = 1, channels: int = 8, application: str | None = None
    ) -> None:
        super().__init__()
        set_architecture(
            self,
            network="MiniNet",
            in_channels=in_channels,
            out_channels=out_channels,
            channels=channels,
            application=application,
        )
        c1, c2, c3 = channels, 2 * channels, 4 * channels
        self.stem = ConvNorm(in_channels, c1, 3)
        self.encoder_1 = DualMultiResidual(c1)
        self.down_1 = nn.Conv2d(c1, c2, 3, stride=2, padding=1)
        self.encoder_2 = DualMultiResidual(c2)
        self.down_2 = nn.Conv2d(c2, c3, 3, stride=2, padding=1)
        self.bottleneck = DualMultiResidual(c3)
        self.up_2 = ConvNorm(c3, c2, 3, transposed=True, stride=2)
        self.decoder_2 = DualMultiResidual(c2, decoder=True)
        self.up_1 = ConvNorm(c2, c1, 3, transposed=True, stride=2)
        self.decoder_1 = DualMultiResidual(c1, decoder=True)
        self.head = nn.Sequential(nn.Conv2d(c1, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, out_channels, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[-2] % 4 != 0 or x.shape[-1] % 4 != 0:
            raise ValueError(f"expected an image with sides divisible by 4, got {x.shape[-2]}x{x.shape[-1]}")
        skip_1 = self.encoder_1(self.stem(x))
        skip_2 = self.encoder_2(self.down_1(skip_1))
        x = self.bottleneck(self.down_2(skip_2))
        x = self.decoder_2(self.up_2(x)) + skip_2
        x = self.decoder_1(self.up_1(x)) + skip_1
        return self.head(x)
