# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The three networks of the paper, each in a light size and in the paper's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from litemed.networks.architecture import set_architecture
from monai.networks.nets import UNETR, BasicUNet, ResNet, UNet
from torch import nn
from torch.nn import functional as F

__all__ = ["FCN8s", "build_network"]


class FCN8s(nn.Module):
    """Fully convolutional network with strides 32, 16 and 8 fused (Long et al. 2015), on a residual encoder.

    The head is that of FCN-8s: a 1x1 convolution scores the classes at each of the three strides; the coarser scores
    are upsampled by two with a learnt transposed convolution that starts as bilinear interpolation, and added to the
    finer ones; the sum is interpolated to the picture's size. Long et al. score VGG's features, this one a ResNet's
    (He et al. 2016).

    Args:
        in_channels: channels of the picture.
        out_channels: number of classes.
        layers: residual blocks of the four stages; (2, 2, 2, 2) is ResNet-18.
        channels: channels of the four stages; (64, 128, 256, 512) is ResNet-18's.
        block: ``"basic"``, or ``"bottleneck"``, whose stages have four times the channels.

    Shape:
        ``(B, in_channels, H, W)`` to logits ``(B, out_channels, H, W)``, any size.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 5,
        layers: Sequence[int] = (2, 2, 2, 2),
        channels: Sequence[int] = (64, 128, 256, 512),
        block: str = "basic",
    ) -> None:
        super().__init__()
        encoder = ResNet(
            block,
            list(layers),
            list(channels),
            spatial_dims=2,
            n_input_channels=in_channels,
            conv1_t_stride=2,
            feed_forward=False,
            bias_downsample=False,
        )
        self.stem = nn.Sequential(encoder.conv1, encoder.bn1, encoder.act, encoder.maxpool)
        self.stage_4, self.stage_8, self.stage_16, self.stage_32 = (
            encoder.layer1,
            encoder.layer2,
            encoder.layer3,
            encoder.layer4,
        )
        expansion = 4 if block == "bottleneck" else 1
        self.score_8, self.score_16, self.score_32 = (nn.Conv2d(expansion * c, out_channels, 1) for c in channels[1:])
        self.up_32, self.up_16 = _double(out_channels), _double(out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[-2], x.shape[-1]
        at_8 = self.stage_8(self.stage_4(self.stem(x)))
        at_16 = self.stage_16(at_8)
        finer = self.score_16(at_16)
        scores = finer + self.up_32(self.score_32(self.stage_32(at_16)))[:, :, : finer.shape[2], : finer.shape[3]]
        finer = self.score_8(at_8)
        scores = finer + self.up_16(scores)[:, :, : finer.shape[2], : finer.shape[3]]
        return F.interpolate(scores, size=(height, width), mode="bilinear", align_corners=False)


def _double(channels: int) -> nn.ConvTranspose2d:
    """A transposed convolution that doubles the size and starts as bilinear interpolation of each channel."""
    layer = nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1, bias=False)
    line = torch.tensor([0.25, 0.75, 0.75, 0.25])
    with torch.no_grad():
        layer.weight.zero_()
        for channel in range(channels):
            layer.weight[channel, channel] = torch.outer(line, line)
    return layer


def _light_unet(size: tuple[int, int], in_channels: int, out_channels: int) -> nn.Module:
    channels = (16, 32, 64, 128, 256)
    return UNet(2, in_channels, out_channels, channels, strides=(2, 2, 2, 2), num_res_units=2, norm="batch")


def _paper_unet(size: tuple[int, int], in_channels: int, out_channels: int) -> nn.Module:
    return BasicUNet(2, in_channels, out_channels, features=(64, 128, 256, 512, 1024, 64), norm="batch")


def _light_fcn(size: tuple[int, int], in_channels: int, out_channels: int) -> nn.Module:
    return FCN8s(in_channels, out_channels, channels=(32, 64, 128, 256))


def _paper_fcn(size: tuple[int, int], in_channels: int, out_channels: int) -> nn.Module:
    return FCN8s(in_channels, out_channels, layers=(3, 4, 6, 3), block="bottleneck")


def _light_unetr(size: tuple[int, int], in_channels: int, out_channels: int) -> nn.Module:
    return UNETR(in_channels, out_channels, size, hidden_size=192, mlp_dim=768, num_heads=6, spatial_dims=2)


def _paper_unetr(size: tuple[int, int], in_channels: int, out_channels: int) -> nn.Module:
    return UNETR(in_channels, out_channels, size, spatial_dims=2)


_BUILDERS: dict[tuple[str, str], Callable[[tuple[int, int], int, int], nn.Module]] = {
    ("unet", "light"): _light_unet,
    ("unet", "paper"): _paper_unet,
    ("fcn", "light"): _light_fcn,
    ("fcn", "paper"): _paper_fcn,
    ("unetr", "light"): _light_unetr,
    ("unetr", "paper"): _paper_unetr,
}


def build_network(
    architecture: str = "unet",
    variant: str = "light",
    size: Sequence[int] = (480, 320),
    in_channels: int = 3,
    out_channels: int = 5,
) -> nn.Module:
    """Build one of the paper's networks.

    ============  =========  ==========  ==============================================================
    architecture  variant    parameters  what it is (parameters at 480x320, 3 channels, 5 classes)
    ============  =========  ==========  ==============================================================
    ``"unet"``    light      1.629 M     residual U-Net, 16 to 256 channels, two units a level
    ``"unet"``    paper      31.113 M    U-Net of Ronneberger et al. 2015, 64 to 1024 channels
    ``"fcn"``     light      2.802 M     FCN-8s on a ResNet-18 of half the width
    ``"fcn"``     paper      23.527 M    FCN-8s on a ResNet-50
    ``"unetr"``   light      6.682 M     UNETR (Hatamizadeh et al. 2022), 12 layers of 192 channels
    ``"unetr"``   paper      87.992 M    UNETR with the 12 layers of 768 channels of its paper
    ============  =========  ==========  ==============================================================

    The paper names the networks and no sizes: ``"paper"`` means the size in which each was published.

    Args:
        architecture: ``"unet"``, ``"fcn"`` or ``"unetr"``.
        variant: ``"light"`` or ``"paper"``.
        size: width and height of the pictures that the network gets, in pixels, multiples of 16. UNETR's position
            embedding is made for this size; the others take any multiple of 16.
        in_channels: channels of the picture.
        out_channels: number of classes.

    Raises:
        ValueError: for another architecture or variant, or a size that is no pair of multiples of 16.
    """
    if (architecture, variant) not in _BUILDERS:
        known = ", ".join(f"{name} {kind}" for name, kind in _BUILDERS)
        raise ValueError(f"expected an architecture and variant among {known}; got {architecture!r} {variant!r}")
    if len(size) != 2 or any(side < 16 or side % 16 for side in size):
        raise ValueError(f"expected a size of two multiples of 16 (width, height), got {list(size)}")
    network = _BUILDERS[architecture, variant]((int(size[0]), int(size[1])), in_channels, out_channels)
    set_architecture(network, network=architecture, variant=variant, in_channels=in_channels, out_channels=out_channels)
    return network
