# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TF-Net, which segments tear-film break-up, and the encoder that the bundle's three networks share."""

from __future__ import annotations

import torch
from litemed.networks.architecture import set_architecture
from litemed.networks.reparam import ReparamConv
from torch import nn
from torch.nn import functional as F

__all__ = ["VARIANTS", "MobileOneMini", "PyramidPooling", "TFNet"]

VARIANTS = {"mini0": 0.25, "mini1": 0.5, "mini2": 0.75, "mini3": 1.0, "mini4": 1.25}
"""Widths of the published variants."""

_BASE_CHANNELS = (64, 128, 256, 512)
_BLOCKS = (2, 3, 4, 3)
_POOLS = (1, 2, 3, 6)


class MobileOneMini(nn.Module):
    """MobileOne-mini (TF-Net paper, section IV.B): re-parameterised 3x3 blocks, 2, 3, 4 and 3 in four stages.

    Args:
        width: factor on 64, 128, 256 and 512 channels.
        in_channels: channels of the image.

    Shape:
        ``(B, in_channels, H, W)`` to four maps with ``channels``, at 1/2, 1/4, 1/8 and 1/16 of the sides.
    """

    def __init__(self, width: float, in_channels: int = 3) -> None:
        super().__init__()
        self.channels = tuple(int(width * base) for base in _BASE_CHANNELS)
        first = self.channels[0]
        self.stem = nn.Sequential(ReparamConv(in_channels, first, stride=2), ReparamConv(first, first))
        self.stage_1 = self._stage(0, first, stride=1)
        self.stage_2 = self._stage(1, first)
        self.stage_3 = self._stage(2, self.channels[1])
        self.stage_4 = self._stage(3, self.channels[2])

    def _stage(self, index: int, in_channels: int, stride: int = 2) -> nn.Sequential:
        channels = self.channels[index]
        others = [ReparamConv(channels, channels) for _ in range(_BLOCKS[index] - 1)]
        return nn.Sequential(ReparamConv(in_channels, channels, stride=stride), *others)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        half = self.stage_1(self.stem(x))
        quarter = self.stage_2(half)
        eighth = self.stage_3(quarter)
        return half, quarter, eighth, self.stage_4(eighth)


class PyramidPooling(nn.Module):
    """Pyramid pooling (eq. 8): averages over 1, 4, 9 and 36 parts of the map beside the map itself, mixed.

    Args:
        in_channels: channels of the map.
        out_channels: channels of each of the five parts, and of the result.

    Shape:
        ``(B, in_channels, H, W)`` to ``(B, out_channels, H, W)``.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.pools = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(parts), ReparamConv(in_channels, out_channels, 1)) for parts in _POOLS
        )
        self.unpooled = ReparamConv(in_channels, out_channels, 1)
        self.mix = ReparamConv((len(_POOLS) + 1) * out_channels, out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [_resized(pool(x), x) for pool in self.pools]
        parts.append(self.unpooled(x))
        return self.mix(torch.cat(parts, dim=1))


class _DecoderStep(nn.Module):
    """Bilinear enlargement to twice the size, concatenation with the encoder's map of that size, two blocks."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            ReparamConv(in_channels + skip_channels, out_channels), ReparamConv(out_channels, out_channels)
        )
        self.uses_skip = skip_channels > 0

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        x = _resized(x, skip)
        return self.blocks(torch.cat([x, skip], dim=1) if self.uses_skip else x)


class TFNet(nn.Module):
    """TF-Net (TF-Net paper, section IV.B): MobileOne-mini, pyramid pooling and a decoder with skip connections.

    Trained with parallel branches; :func:`litemed.networks.fuse` folds them for inference.

    ======== ===== =================== ===================
    variant  width parameters, trained parameters, fused
    ======== ===== =================== ===================
    mini0    .25   721,026             651,282
    mini1    .5    2,552,386           2,300,514
    mini2    .75   5,734,658           5,173,922
    mini3    1     10,187,650          9,196,098
    mini4    1.25  15,911,362          14,367,042
    ======== ===== =================== ===================

    Args:
        variant: ``"mini0"`` to ``"mini4"``.
        in_channels: channels of the image.
        out_channels: channels of the logits, background first.
        use_ppm: pool the deepest map (Table V); without it the decoder starts from that map, at twice the width.
        use_skips: concatenate the encoder's maps in the decoder (Table V).
        as_published: return softmax probabilities, as the published code does, which applies the softmax once more
            in its loss. For comparison only.

    Shape:
        ``(B, in_channels, H, W)`` to logits ``(B, out_channels, H, W)``; ``H`` and ``W`` divisible by 16.

    Raises:
        ValueError: for another variant, sides that aren't divisible by 16, or a single picture in training mode.
    """

    def __init__(
        self,
        variant: str = "mini0",
        in_channels: int = 3,
        out_channels: int = 2,
        use_ppm: bool = True,
        use_skips: bool = True,
        as_published: bool = False,
    ) -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise ValueError(f"expected a variant among {', '.join(VARIANTS)}, got {variant!r}")
        set_architecture(
            self,
            network="TFNet",
            variant=variant,
            in_channels=in_channels,
            out_channels=out_channels,
            use_ppm=use_ppm,
            use_skips=use_skips,
            as_published=None if as_published else False,  # it takes the same weights
        )
        self.as_published = as_published
        self.encoder = MobileOneMini(VARIANTS[variant], in_channels)
        half, quarter, eighth, deepest = self.encoder.channels
        width = max(64, deepest // 4) if use_ppm else deepest
        self.context = PyramidPooling(deepest, width) if use_ppm else nn.Identity()
        skips = (eighth, quarter, half) if use_skips else (0, 0, 0)
        self.decoder_3 = _DecoderStep(width, skips[0], width // 2)
        self.decoder_2 = _DecoderStep(width // 2, skips[1], width // 4)
        self.decoder_1 = _DecoderStep(width // 4, skips[2], width // 8)
        self.head = nn.Conv2d(width // 8, out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[-2] % 16 != 0 or x.shape[-1] % 16 != 0:
            raise ValueError(f"expected an image with sides divisible by 16, got {x.shape[-2]}x{x.shape[-1]}")
        if self.training and x.shape[0] == 1:
            raise ValueError(
                "expected at least 2 pictures in a training batch, got 1: batch normalisation of a map that is pooled "
                "to one pixel has nothing to average over. Use --batch_size 2 or more, or .eval()"
            )
        half, quarter, eighth, deepest = self.encoder(x)
        decoded = self.decoder_3(self.context(deepest), eighth)
        decoded = self.decoder_2(decoded, quarter)
        decoded = self.decoder_1(decoded, half)
        logits = _resized(self.head(decoded), x)
        return logits.softmax(dim=1) if self.as_published else logits


def _resized(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A map at the size of another one."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
