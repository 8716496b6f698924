# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Segment Anything's mask decoder, and the same with what the prompts of one image share computed once."""

# Annotations stay types in this module: TorchScript reads those of a named tuple only so.
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from litemed.networks.tiny_vit import LayerNorm2d

__all__ = ["MaskDecoder", "Perceptron", "SharedImage", "TwoWayTransformer"]


class SharedImage(NamedTuple):
    """What all prompts of one image share in the mask decoder; `L` pixels of the embedding, `C` channels.

    Attributes:
        image: the embedding with the dense prompt, ``(1, L, C)``.
        position: encoding of its pixels, ``(1, L, C)``.
        keys: of the first block's attention from tokens to image, ``(1, heads, L, C / 2 / heads)``.
        values: of the same.
        queries: of the first block's attention from image to tokens.
        corners: what the image adds to the corner tokens of boxes, ``(1, 2, C)``; zeros without a class prompt.
    """

    image: torch.Tensor
    position: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor
    queries: torch.Tensor
    corners: torch.Tensor


class Perceptron(nn.Module):
    """Linear layers with ReLU between.

    Args:
        in_channels: of the input.
        hidden_channels: of all layers but the last.
        out_channels: of the output.
        depth: number of layers.
    """

    def __init__(self, in_channels: int, hidden_channels: int, out_channels: int, depth: int) -> None:
        super().__init__()
        widths = [in_channels] + [hidden_channels] * (depth - 1) + [out_channels]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for i, layer in enumerate(self.layers):
            x = layer(x) if i == 0 else layer(F.relu(x))
        return x


class Attention(nn.Module):
    """Attention of several heads, whose inner channels may be fewer.

    Between ``T`` prompt tokens and ``L`` >> ``T`` image tokens, `forward` spends nearly all its time on the two
    projections of the image tokens. `from_tokens` and `from_image` give the same result without them: a matrix that
    would project every image token is applied to the few prompt tokens instead (the product is associative).

    Args:
        channels: of queries, keys, values and the output.
        num_heads: heads.
        reduction: factor by which the inner channels are fewer.
    """

    def __init__(self, channels: int, num_heads: int, reduction: int = 1) -> None:
        super().__init__()
        inner = channels // reduction
        if inner % num_heads:
            raise ValueError(f"expected heads that divide {inner} channels, got {num_heads}")
        self.num_heads = num_heads
        self.scale = (inner // num_heads) ** -0.5
        self.q_proj = nn.Linear(channels, inner)
        self.k_proj = nn.Linear(channels, inner)
        self.v_proj = nn.Linear(channels, inner)
        self.out_proj = nn.Linear(inner, channels)

    def queries(self, x: torch.Tensor) -> torch.Tensor:
        """Project ``(N, tokens, channels)`` to scaled queries, ``(N, heads, tokens, inner / heads)``."""
        return self._split(self.q_proj(x)) * self.scale

    def keys(self, x: torch.Tensor) -> torch.Tensor:
        """Project to keys of that shape."""
        return self._split(self.k_proj(x))

    def values(self, x: torch.Tensor) -> torch.Tensor:
        """Project to values of that shape."""
        return self._split(self.v_proj(x))

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """Queries ``(N, tokens, channels)`` look at keys and values ``(N, others, channels)``."""
        return self.from_projected(q, self.keys(k), self.values(v))

    def from_projected(self, q: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """`forward` with projected keys and values, of ``N`` or 1 that all share."""
        weights = (self.queries(q) @ keys.transpose(2, 3)).softmax(dim=3)
        return self._merge(weights @ values)

    def from_tokens(self, tokens: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """Tokens ``(N, T, channels)`` look at an image, ``keys`` and ``values`` of ``(N, L, channels)``.

        The keys' bias adds the same to all of a token's scores, which softmax ignores.
        """
        folded = self.queries(tokens) @ self.k_proj.weight.view(self.num_heads, -1, keys.shape[2])
        weights = (folded.flatten(1, 2) @ keys.transpose(1, 2)).softmax(dim=2)
        looked = (weights @ values).view(folded.shape)
        looked = looked @ self.v_proj.weight.view(self.num_heads, -1, values.shape[2]).transpose(1, 2)
        return self._merge(looked + self.v_proj.bias.view(self.num_heads, 1, -1))

    def from_image(self, image: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """An image ``(N, L, channels)`` looks at tokens, ``keys`` and ``values`` of ``(N, T, channels)``."""
        k = self.keys(keys) * self.scale
        folded = k @ self.q_proj.weight.view(self.num_heads, -1, image.shape[2])
        bias = k @ self.q_proj.bias.view(self.num_heads, -1, 1)
        scores = (folded.flatten(1, 2) @ image.transpose(1, 2)).unflatten(1, (self.num_heads, -1))
        return self._mix(scores + bias, values)

    def from_queries(self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """`from_image` with the image's queries at hand, ``(1, heads, L, inner / heads)``, which all prompts share."""
        return self._mix(self.keys(keys) @ queries.transpose(2, 3), values)

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(2, (self.num_heads, -1)).transpose(1, 2)

    def _merge(self, x: torch.Tensor) -> torch.Tensor:
        return self.out_proj(x.transpose(1, 2).flatten(2))

    def _mix(self, scores: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """Softmax of scores ``(N, heads, T, L)`` over the tokens, and the projected values by these weights."""
        v = self.values(values) @ self.out_proj.weight.view(values.shape[2], self.num_heads, -1).permute(1, 2, 0)
        weights = scores.softmax(dim=2).flatten(1, 2)
        return weights.transpose(1, 2) @ v.flatten(1, 2) + self.out_proj.bias


class MLPBlock(nn.Module):
    """Linear, ReLU, linear.

    Args:
        channels: of input and output.
        hidden_channels: between.
    """

    def __init__(self, channels: int, hidden_channels: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(channels, hidden_channels)
        self.lin2 = nn.Linear(hidden_channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lin2(F.relu(self.lin1(x)))


class TwoWayBlock(nn.Module):
    """Self-attention of the tokens, tokens to image, MLP of the tokens, image to tokens.

    Args:
        channels: of the tokens.
        num_heads: of each attention.
        mlp_channels: hidden channels of the MLP.
        first: whether it is the first block, whose self-attention leaves out position and residual.
    """

    def __init__(self, channels: int, num_heads: int, mlp_channels: int, first: bool) -> None:
        super().__init__()
        self.first = first
        self.self_attn = Attention(channels, num_heads)
        self.norm1 = nn.LayerNorm(channels)
        self.cross_attn_token_to_image = Attention(channels, num_heads, reduction=2)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = MLPBlock(channels, mlp_channels)
        self.norm3 = nn.LayerNorm(channels)
        self.norm4 = nn.LayerNorm(channels)
        self.cross_attn_image_to_token = Attention(channels, num_heads, reduction=2)

    def forward(
        self, tokens: torch.Tensor, image: torch.Tensor, prompt: torch.Tensor, position: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens ``(N, T, C)`` and image ``(N, L, C)``, with their encodings, to the same two."""
        tokens = self._look_at_each_other(tokens, prompt)
        placed = image + position
        looked = self.cross_attn_token_to_image(tokens + prompt, placed, image)
        tokens = self._look_within(tokens + looked)
        return tokens, self.norm4(image + self.cross_attn_image_to_token(placed, tokens + prompt, tokens))

    @torch.jit.export
    def fast(
        self, tokens: torch.Tensor, image: torch.Tensor, prompt: torch.Tensor, position: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`forward` without projecting the image."""
        tokens = self._look_at_each_other(tokens, prompt)
        placed = image + position
        looked = self.cross_attn_token_to_image.from_tokens(tokens + prompt, placed, image)
        tokens = self._look_within(tokens + looked)
        return tokens, self.norm4(image + self.cross_attn_image_to_token.from_image(placed, tokens + prompt, tokens))

    @torch.jit.export
    def share(self, image: torch.Tensor, position: torch.Tensor, corners: torch.Tensor) -> SharedImage:
        """Project an image ``(1, L, C)``, once for all its prompts."""
        placed = image + position
        return SharedImage(
            image,
            position,
            self.cross_attn_token_to_image.keys(placed),
            self.cross_attn_token_to_image.values(image),
            self.cross_attn_image_to_token.queries(placed),
            corners,
        )

    @torch.jit.export
    def shared(
        self, tokens: torch.Tensor, shared: SharedImage, prompt: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`forward` on an image that was projected before."""
        tokens = self._look_at_each_other(tokens, prompt)
        looked = self.cross_attn_token_to_image.from_projected(tokens + prompt, shared.keys, shared.values)
        tokens = self._look_within(tokens + looked)
        looked = self.cross_attn_image_to_token.from_queries(shared.queries, tokens + prompt, tokens)
        return tokens, self.norm4(shared.image + looked)

    def _look_at_each_other(self, tokens: torch.Tensor, prompt: torch.Tensor) -> torch.Tensor:
        if self.first:
            return self.norm1(self.self_attn(tokens, tokens, tokens))
        placed = tokens + prompt
        return self.norm1(tokens + self.self_attn(placed, placed, tokens))

    def _look_within(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = self.norm2(tokens)
        return self.norm3(tokens + self.mlp(tokens))


class TwoWayTransformer(nn.Module):
    """Blocks in which tokens and image look at each other, then a last look of the tokens at the image.

    Args:
        channels: of the tokens.
        depth: number of blocks.
        num_heads: of each attention.
        mlp_channels: hidden channels of the blocks' MLP.
    """

    def __init__(self, channels: int, depth: int, num_heads: int, mlp_channels: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.layers = nn.ModuleList(TwoWayBlock(channels, num_heads, mlp_channels, i == 0) for i in range(depth))
        self.final_attn_token_to_image = Attention(channels, num_heads, reduction=2)
        self.norm_final_attn = nn.LayerNorm(channels)

    def forward(
        self, prompt: torch.Tensor, image: torch.Tensor, position: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens ``(N, T, C)`` and image ``(N, L, C)`` with the encoding of its pixels to the same two."""
        tokens = prompt
        for block in self.layers:
            tokens, image = block(tokens, image, prompt, position)
        looked = self.final_attn_token_to_image(tokens + prompt, image + position, image)
        return self.norm_final_attn(tokens + looked), image

    def share(self, image: torch.Tensor, position: torch.Tensor, corners: torch.Tensor) -> SharedImage:
        """What prompts on an image ``(1, L, C)`` share."""
        return self.layers[0].share(image, position, corners)  # type: ignore[operator]

    def shared(self, prompt: torch.Tensor, shared: SharedImage) -> tuple[torch.Tensor, torch.Tensor]:
        """`forward` on a shared image, equal up to rounding."""
        tokens, image = self.layers[0].shared(prompt, shared, prompt)  # type: ignore[operator]
        return self._onwards(1, tokens, image, prompt, shared.position)

    def fast(
        self, prompt: torch.Tensor, image: torch.Tensor, position: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`forward` without projecting the image where tokens are few, equal up to rounding."""
        if prompt.shape[1] * self.num_heads > prompt.shape[2] // 2:
            return self(prompt, image, position)
        return self._onwards(0, prompt, image, prompt, position)

    def _onwards(
        self, first: int, tokens: torch.Tensor, image: torch.Tensor, prompt: torch.Tensor, position: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """From block ``first`` to the end."""
        for i, block in enumerate(self.layers):
            if i >= first:
                tokens, image = block.fast(tokens, image, prompt, position)  # type: ignore[operator]
        looked = self.final_attn_token_to_image.from_tokens(tokens + prompt, image + position, image)
        return self.norm_final_attn(tokens + looked), image


class MaskDecoder(nn.Module):
    """Decodes prompts on an image embedding to mask logits and the IoU it predicts for them.

    Source: Kirillov et al., "Segment Anything", 2023, section 3 and appendix A. Names of all entries are those of the
    public checkpoints. Of its four masks, number 0 is the one for an unambiguous prompt.

    Args:
        channels: of the embedding.
        depth: blocks of the transformer.
        num_heads: heads of its attentions. It changes no weight's shape.
        mlp_channels: hidden channels of its MLP.
        iou_depth: layers of the head that predicts the IoU.
        num_masks: masks of each prompt.
    """

    def __init__(
        self,
        channels: int = 256,
        depth: int = 2,
        num_heads: int = 8,
        mlp_channels: int = 2048,
        iou_depth: int = 3,
        num_masks: int = 4,
    ) -> None:
        super().__init__()
        self.transformer = TwoWayTransformer(channels, depth, num_heads, mlp_channels)
        self.iou_token = nn.Embedding(1, channels)
        self.mask_tokens = nn.Embedding(num_masks, channels)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(channels, channels // 4, 2, stride=2),
            LayerNorm2d(channels // 4),
            nn.GELU(),
            nn.ConvTranspose2d(channels // 4, channels // 8, 2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            Perceptron(channels, channels, channels // 8, 3) for _ in range(num_masks)
        )
        self.iou_prediction_head = Perceptron(channels, channels, num_masks, iou_depth)

    def forward(
        self,
        embedding: torch.Tensor,
        position: torch.Tensor,
        sparse: torch.Tensor,
        dense: torch.Tensor,
        multimask: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Args:
            embedding: of the images, ``(N, C, h, w)``, or ``(1, C, h, w)`` of one that all prompts are on.
            position: encoding of its pixels, ``(1, C, h, w)``.
            sparse: tokens of the prompts, ``(N, S, C)``.
            dense: what the prompts add to the embedding, broadcast to it.
            multimask: give all masks, not the first alone.

        Returns:
            Mask logits ``(N, M, 4h, 4w)`` and predicted IoU ``(N, M)``, with ``M`` = 1, or all.
        """
        image = _to_tokens(embedding + dense).expand(sparse.shape[0], -1, -1)
        tokens, image = self.transformer(self._with_output_tokens(sparse), image, _to_tokens(position))
        return self._read(tokens, image, embedding.shape[2], embedding.shape[3], multimask)

    def decode_each(
        self,
        embedding: torch.Tensor,
        position: torch.Tensor,
        sparse: torch.Tensor,
        dense: torch.Tensor,
        multimask: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`forward` for prompts that share no image, equal up to rounding, without projecting the images' pixels."""
        image = _to_tokens(embedding + dense).expand(sparse.shape[0], -1, -1)
        tokens, image = self.transformer.fast(self._with_output_tokens(sparse), image, _to_tokens(position))
        return self._read(tokens, image, embedding.shape[2], embedding.shape[3], multimask)

    def share(
        self, embedding: torch.Tensor, position: torch.Tensor, dense: torch.Tensor, corners: torch.Tensor
    ) -> SharedImage:
        """What all prompts on one embedding ``(1, C, h, w)`` share.

        The arguments are those of `forward`; ``corners`` is kept for whoever embeds the prompts.
        """
        return self.transformer.share(_to_tokens(embedding + dense), _to_tokens(position), corners)

    def decode(
        self, shared: SharedImage, sparse: torch.Tensor, multimask: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`forward` on a shared image, equal up to rounding; the embedding must have been square."""
        tokens, image = self.transformer.shared(self._with_output_tokens(sparse), shared)
        side = int(image.shape[1] ** 0.5)
        return self._read(tokens, image, side, side, multimask)

    def _with_output_tokens(self, sparse: torch.Tensor) -> torch.Tensor:
        output = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        return torch.cat([output.to(sparse.dtype).expand(sparse.shape[0], -1, -1), sparse], dim=1)

    def _read(
        self, tokens: torch.Tensor, image: torch.Tensor, height: int, width: int, multimask: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        upscaled = self.output_upscaling(image.transpose(1, 2).unflatten(2, (height, width)))
        filters = []
        for i, perceptron in enumerate(self.output_hypernetworks_mlps):
            if i == 0 or multimask:
                filters.append(perceptron(tokens[:, 1 + i]))
        masks = torch.stack(filters, dim=1) @ upscaled.flatten(2)
        iou = self.iou_prediction_head(tokens[:, 0])
        return masks.unflatten(2, (4 * height, 4 * width)), iou if multimask else iou[:, :1]


def _to_tokens(image: torch.Tensor) -> torch.Tensor:
    """``(B, C, h, w)`` to ``(B, h * w, C)``."""
    return image.flatten(2).transpose(1, 2)
