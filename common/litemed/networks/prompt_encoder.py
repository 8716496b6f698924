# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Segment Anything's prompt encoder: boxes, points and masks to embeddings."""

# Annotations stay types in this module: TorchScript reads those of attributes only so.
import math

import torch
from torch import nn

from litemed.networks.tiny_vit import LayerNorm2d

__all__ = ["PromptEncoder", "RandomPositionEncoding"]


class RandomPositionEncoding(nn.Module):
    """Sine and cosine of random frequencies of a position.

    Source: Tancik et al., "Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional Domains".

    Args:
        channels: of the encoding; the first half are sines, the second cosines.
    """

    positional_encoding_gaussian_matrix: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, channels // 2))

    def forward(self, positions: torch.Tensor) -> torch.Tensor:
        """Positions ``(..., 2)`` as x, y in [0, 1] to ``(..., channels)``."""
        x, y = (2 * positions - 1).split(1, dim=-1)
        # products and a sum, which stay in full precision where autocast would round a matrix product
        across, down = self.positional_encoding_gaussian_matrix.unbind(0)
        phases = 2 * math.pi * (x * across + y * down)
        return torch.cat([phases.sin(), phases.cos()], dim=-1)


class PromptEncoder(nn.Module):
    """Turns prompts into the sparse and dense embeddings that the mask decoder reads.

    Source: Kirillov et al., "Segment Anything", 2023, section 3 and appendix A. Names of all entries are those of the
    public checkpoints. A box becomes two tokens, its corners; a point becomes one; a mask is added to the image.

    Args:
        channels: of the embeddings.
        embedding_size: side of the image embedding, in its pixels.
        image_size: side of the image in which prompts are given, in pixels.
        mask_channels: channels within the mask's convolutions.
    """

    def __init__(
        self, channels: int = 256, embedding_size: int = 64, image_size: int = 256, mask_channels: int = 16
    ) -> None:
        super().__init__()
        self.embedding_size = embedding_size
        self.image_size = image_size
        self.pe_layer = RandomPositionEncoding(channels)
        # background point, foreground point, top-left corner, bottom-right corner
        self.point_embeddings = nn.ModuleList([nn.Embedding(1, channels) for _ in range(4)])
        self.not_a_point_embed = nn.Embedding(1, channels)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, mask_channels // 4, 2, stride=2),
            LayerNorm2d(mask_channels // 4),
            nn.GELU(),
            nn.Conv2d(mask_channels // 4, mask_channels, 2, stride=2),
            LayerNorm2d(mask_channels),
            nn.GELU(),
            nn.Conv2d(mask_channels, channels, 1),
        )
        self.no_mask_embed = nn.Embedding(1, channels)

    def boxes(self, boxes: torch.Tensor) -> torch.Tensor:
        """Embed boxes.

        Args:
            boxes: ``(N, 4)`` as x0, y0, x1, y1 in pixels of the image the network sees.

        Returns:
            Two tokens each, ``(N, 2, channels)``.
        """
        corners = self._positions(boxes.unflatten(1, (2, 2)))
        kinds: list[torch.Tensor] = [kind.weight for kind in self.point_embeddings]  # type: ignore[misc]
        return corners + torch.cat(kinds[2:])

    def points(self, points: torch.Tensor, labels: torch.Tensor, padded: bool = False) -> torch.Tensor:
        """Embed points.

        Args:
            points: ``(N, P, 2)`` as x, y in pixels of the image the network sees.
            labels: ``(N, P)``, 1 on the object, 0 on the background, -1 for no point.
            padded: add a token "no point" at the end, as Segment Anything does for points without a box.

        Returns:
            One token each, ``(N, P, channels)``, and one more when ``padded``.
        """
        label = labels.unsqueeze(2)
        tokens = self._positions(points)
        kinds: list[torch.Tensor] = [kind.weight for kind in self.point_embeddings]  # type: ignore[misc]
        for known in (0, 1):
            tokens = torch.where(label == known, tokens + kinds[known], tokens)
        tokens = torch.where(label == -1, self.not_a_point_embed.weight, tokens)
        if padded:
            tokens = torch.cat([tokens, self.not_a_point_embed.weight.expand(tokens.shape[0], 1, -1)], dim=1)
        return tokens

    def masks(self, masks: torch.Tensor) -> torch.Tensor:
        """Embed mask logits ``(N, 1, image_size, image_size)`` as ``(N, channels, embedding_size, embedding_size)``."""
        return self.mask_downscaling(masks)

    def no_mask(self) -> torch.Tensor:
        """The dense embedding without a mask, ``(1, channels, 1, 1)``: the same at each pixel."""
        return self.no_mask_embed.weight.view(1, -1, 1, 1)

    def image_positions(self) -> torch.Tensor:
        """Encoding of the pixel centres of the image embedding, ``(1, channels, embedding_size, embedding_size)``."""
        side = self.embedding_size
        matrix = self.pe_layer.positional_encoding_gaussian_matrix
        centres = (torch.arange(side, dtype=matrix.dtype, device=matrix.device) + 0.5) / side
        rows, columns = centres.view(-1, 1).expand(side, side), centres.view(1, -1).expand(side, side)
        return self.pe_layer(torch.stack([columns, rows], dim=-1)).permute(2, 0, 1).unsqueeze(0)

    def _positions(self, pixels: torch.Tensor) -> torch.Tensor:
        matrix = self.pe_layer.positional_encoding_gaussian_matrix
        return self.pe_layer((pixels.to(matrix.dtype) + 0.5) / self.image_size)
