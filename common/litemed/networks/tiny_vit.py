# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TinyViT, the image encoder of the MedSAM-lite family."""

# Annotations stay types in this module: TorchScript reads those of attributes only so.
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["ConvNorm", "LayerNorm2d", "TinyViT", "TinyViTBlock", "WindowAttention", "fold_batch_norms"]


class ConvNorm(nn.Module):
    """Convolution without bias, then batch normalisation; the size is kept at ``stride=1``.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: odd side of the kernel, in pixels.
        stride: of the convolution.
        groups: as in :class:`torch.nn.Conv2d`.
        scale: what the normalisation's weights start at; 0 lets a residual branch start as nothing.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        stride: int = 1,
        groups: int = 1,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.c = nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        nn.init.constant_(self.bn.weight, scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.c(x))


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation over the channels of ``(B, C, H, W)``, at each pixel, as in Segment Anything.

    Args:
        channels: channels of the input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


class InvertedBottleneck(nn.Module):
    """MBConv: expand pointwise, convolve each channel, reduce pointwise, add the input, then GELU.

    Args:
        channels: channels of input and output.
        expansion: channels within, as a multiple.
    """

    def __init__(self, channels: int, expansion: int = 4) -> None:
        super().__init__()
        hidden = channels * expansion
        self.conv1 = ConvNorm(channels, hidden)
        self.conv2 = ConvNorm(hidden, hidden, 3, groups=hidden)
        self.conv3 = ConvNorm(hidden, channels, scale=0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.gelu(x + self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x))))))


class PatchMerging(nn.Module):
    """Changes the channels between two stages, and halves the size at ``stride=2``.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: 2, or 1 to keep the size.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(in_channels, out_channels)
        self.conv2 = ConvNorm(out_channels, out_channels, 3, stride, groups=out_channels)
        self.conv3 = ConvNorm(out_channels, out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))


class WindowAttention(nn.Module):
    """Self-attention in a square window, with one learned bias for each head and absolute offset (dy, dx).

    The biases of all pairs are looked up in every pass, so they always are those of the current weights. The offsets
    are numbered in the order in which the pairs (first pixel, any pixel), (second pixel, any pixel), ... show them.

    Args:
        channels: channels of the tokens.
        num_heads: heads; each has ``channels / num_heads`` channels.
        window_size: side of the window, in pixels.
    """

    bias_index: torch.Tensor

    def __init__(self, channels: int, num_heads: int, window_size: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.attention_biases = nn.Parameter(torch.zeros(num_heads, window_size**2))
        rows, columns = torch.meshgrid(torch.arange(window_size), torch.arange(window_size), indexing="ij")
        rows, columns = rows.flatten(), columns.flatten()
        # the first pixel meets every absolute offset, in order of rows and columns
        index = (rows[:, None] - rows).abs() * window_size + (columns[:, None] - columns).abs()
        self.register_buffer("bias_index", index, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens ``(windows, window_size ** 2, channels)`` to the same shape."""
        windows, length, channels = x.shape
        qkv = self.qkv(self.norm(x)).view(windows, length, self.num_heads, -1).transpose(1, 2)
        q, k, v = qkv.chunk(3, dim=3)
        bias = self.attention_biases[:, self.bias_index].unsqueeze(0)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        return self.proj(x.transpose(1, 2).reshape(windows, length, channels))


class MLP(nn.Module):
    """Layer normalisation, expansion, GELU, reduction.

    Args:
        channels: channels of input and output.
        expansion: channels within, as a multiple.
    """

    def __init__(self, channels: int, expansion: int = 4) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.fc1 = nn.Linear(channels, channels * expansion)
        self.fc2 = nn.Linear(channels * expansion, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(F.gelu(self.fc1(self.norm(x))))


class TinyViTBlock(nn.Module):
    """Window attention, a depthwise 3x3 convolution, then the MLP; attention and MLP are added to their input.

    An image whose sides aren't multiples of the window is padded with zeros at the right and bottom; the padding
    takes part in the attention, as the published weights expect.

    Args:
        channels: channels of input and output.
        num_heads: heads of the attention.
        window_size: side of the windows, in pixels.
    """

    def __init__(self, channels: int, num_heads: int, window_size: int) -> None:
        super().__init__()
        self.window_size = window_size
        self.attn = WindowAttention(channels, num_heads, window_size)
        self.mlp = MLP(channels)
        self.local_conv = ConvNorm(channels, channels, 3, groups=channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, channels, H, W)`` to the same shape."""
        x = x + self._attend(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x = self.local_conv(x)
        return x + self.mlp(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def _attend(self, x: torch.Tensor) -> torch.Tensor:
        batch, height, width, channels = x.shape
        side = self.window_size
        down, right = -height % side, -width % side
        x = F.pad(x, (0, 0, 0, right, 0, down))
        rows, columns = (height + down) // side, (width + right) // side
        windows = x.view(batch, rows, side, columns, side, channels).transpose(2, 3)
        windows = self.attn(windows.reshape(-1, side * side, channels))
        x = windows.view(batch, rows, columns, side, side, channels).transpose(2, 3)
        return x.reshape(batch, rows * side, columns * side, channels)[:, :height, :width]


class Stage(nn.Module):
    """Blocks of one resolution, then the merge that leads to the next.

    Args:
        blocks: the blocks.
        downsample: the merge, or the identity at the last stage.
    """

    def __init__(self, blocks: Sequence[nn.Module], downsample: nn.Module | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = nn.Identity() if downsample is None else downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return self.downsample(x)


class PatchEmbed(nn.Module):
    """LiteMedSAM's patch embedding: two pointwise convolutions at full resolution, with GELU between.

    Args:
        in_channels: channels of the image.
        out_channels: channels of the embedding.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.seq = nn.Sequential(
            ConvNorm(in_channels, out_channels // 2), nn.GELU(), ConvNorm(out_channels // 2, out_channels)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.seq(x)


class TinyViT(nn.Module):
    """LiteMedSAM's image encoder.

    Source: Wu et al., "TinyViT: Fast Pretraining Distillation for Small Vision Transformers", 2022, with LiteMedSAM's
    patch embedding and Segment Anything's neck. The first stage is convolutional, the others attend in windows. The
    last merge keeps the size. Names of all entries are those of the public checkpoint.

    Args:
        in_channels: channels of the image.
        out_channels: channels of the embedding.
        channels: channels of the four stages.
        depths: blocks of the four stages.
        num_heads: heads of the three attention stages.
        window_sizes: sides of their windows, in pixels.

    Shape:
        ``(B, in_channels, H, W)`` to ``(B, out_channels, H / 4, W / 4)``.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 256,
        channels: Sequence[int] = (64, 128, 160, 320),
        depths: Sequence[int] = (2, 2, 6, 2),
        num_heads: Sequence[int] = (4, 5, 10),
        window_sizes: Sequence[int] = (7, 14, 7),
    ) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(in_channels, channels[0])
        stages = [
            Stage(
                [InvertedBottleneck(channels[0]) for _ in range(depths[0])], PatchMerging(channels[0], channels[1], 2)
            )
        ]
        merges = [PatchMerging(channels[1], channels[2], 2), PatchMerging(channels[2], channels[3], 1), None]
        for width, depth, heads, side, merge in zip(
            channels[1:], depths[1:], num_heads, window_sizes, merges, strict=True
        ):
            stages.append(Stage([TinyViTBlock(width, heads, side) for _ in range(depth)], merge))
        self.layers = nn.ModuleList(stages)
        for module in self.layers.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        self.neck = nn.Sequential(
            nn.Conv2d(channels[3], out_channels, 1, bias=False),
            LayerNorm2d(out_channels),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            LayerNorm2d(out_channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch_embed(x.contiguous(memory_format=torch.channels_last))
        for stage in self.layers:
            x = stage(x)
        return self.neck(x)


def fold_batch_norms(module: nn.Module) -> None:
    """Replace every `ConvNorm` within by one convolution with bias, in place; for inference only.

    Args:
        module: a network in evaluation mode.

    Raises:
        RuntimeError: when it is in training mode, where batch normalisation depends on the batch.
    """
    if module.training:
        raise RuntimeError("batch norms can only be folded in evaluation mode: call eval() first")
    for name, child in module.named_children():
        if isinstance(child, ConvNorm):
            setattr(module, name, fuse_conv_bn_eval(child.c, child.bn))
        else:
            fold_batch_norms(child)
