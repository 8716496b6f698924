# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The MedSAM-lite family: TinyViT, Segment Anything's prompt encoder and its mask decoder."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn

from litemed.networks.architecture import set_architecture
from litemed.networks.mask_decoder import MaskDecoder, SharedImage
from litemed.networks.prompt_encoder import PromptEncoder
from litemed.networks.tiny_vit import TinyViT, fold_batch_norms

__all__ = ["EMBEDDING_SHAPE", "IMAGE_SIZE", "ImageSide", "MedSAMLite", "PromptSide"]

IMAGE_SIZE = 256
"""Side of the image that the networks see, in pixels; boxes and points are given in it."""

EMBEDDING_SHAPE = (256, 64, 64)
"""Channels, height and width of an image embedding."""


class MedSAMLite(nn.Module):
    """Box- and point-prompted segmentation of any medical image, in the architecture of LiteMedSAM.

    The defaults are LiteMedSAM's: 9,791,300 parameters, and state-dict entries named as in its public checkpoint.

    An image is embedded once (`encode_image`), then any number of prompts are decoded on the embedding (`decode`).
    Where these come in several calls, `share` computes once what all of them need, and `decode_shared` takes it.

    Args:
        encoder_depths: blocks of the four stages of the image encoder.
        decoder_depth: blocks of the mask decoder's transformer.
        decoder_mlp_channels: hidden channels of its MLPs.
        decoder_heads: heads of its attentions. It changes no weight's shape, so no strict loading would notice a
            wrong number: it is stated in `litemed.networks.architecture`.
        iou_depth: layers of the head that predicts the IoU.

    Example:
        >>> network = MedSAMLite().eval()
        >>> with torch.no_grad():
        ...     embedding = network.encode_image(torch.rand(1, 3, 256, 256))
        ...     logits, iou = network.decode(embedding, torch.tensor([[20.0, 30, 90, 99], [5, 5, 250, 200]]))
        >>> logits.shape, iou.shape
        (torch.Size([2, 1, 256, 256]), torch.Size([2, 1]))
    """

    def __init__(
        self,
        encoder_depths: Sequence[int] = (2, 2, 6, 2),
        decoder_depth: int = 2,
        decoder_mlp_channels: int = 2048,
        decoder_heads: int = 8,
        iou_depth: int = 3,
    ) -> None:
        super().__init__()
        set_architecture(
            self,
            network="MedSAMLite",
            encoder_depths=list(encoder_depths),
            decoder_depth=decoder_depth,
            decoder_mlp_channels=decoder_mlp_channels,
            decoder_heads=decoder_heads,
            iou_depth=iou_depth,
        )
        channels, side, _ = EMBEDDING_SHAPE
        self.image_encoder = TinyViT(out_channels=channels, depths=encoder_depths)
        self.mask_decoder = MaskDecoder(channels, decoder_depth, decoder_heads, decoder_mlp_channels, iou_depth)
        self.prompt_encoder = PromptEncoder(channels, side, IMAGE_SIZE)

    def forward(self, image: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Args:
            image: ``(B, 3, 256, 256)``, each scaled to [0, 1].
            boxes: ``(N, 4)`` as x0, y0, x1, y1 in pixels of that image; ``N`` = ``B``, or any where ``B`` = 1.

        Returns:
            Mask logits ``(N, 1, 256, 256)`` and predicted IoU ``(N, 1)``.
        """
        return self.decode(self.encode_image(image), boxes)

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        """Embed images ``(B, 3, 256, 256)`` in [0, 1] as ``(B, 256, 64, 64)``.

        Raises:
            ValueError: for another shape.
        """
        if image.ndim != 4 or image.shape[1] != 3 or image.shape[2] != 256 or image.shape[3] != 256:
            raise ValueError(f"expected images of shape (B, 3, 256, 256), got {list(image.shape)}")
        return self.image_encoder(image)

    def decode(
        self,
        embedding: torch.Tensor,
        boxes: torch.Tensor | None = None,
        points: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        masks: torch.Tensor | None = None,
        multimask: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Segment what the prompts point at. Each of the ``N`` prompts is a box, points, or both.

        On one embedding, what the prompts have in common is computed once, unless there are masks.

        Args:
            embedding: ``(N, 256, 64, 64)``, or ``(1, 256, 64, 64)`` that all prompts are on.
            boxes: ``(N, 4)`` as x0, y0, x1, y1 in pixels of the 256x256 image.
            points: ``(N, P, 2)`` as x, y in the same.
            labels: ``(N, P)``, 1 for a point on the object, 0 on the background, -1 for none.
            masks: logits ``(N, 1, 256, 256)`` of an earlier answer, to be refined.
            multimask: give all four masks of Segment Anything. LiteMedSAM was trained for the first, and with boxes.

        Returns:
            Mask logits ``(N, M, 256, 256)`` and predicted IoU ``(N, M)``, with ``M`` = 1, or 4.

        Raises:
            ValueError: when there is no prompt, or a shape doesn't fit.
        """
        return self._decode(embedding, self._corners(embedding), boxes, points, labels, masks, multimask)

    def share(self, embedding: torch.Tensor) -> SharedImage:
        """What all prompts on an embedding ``(1, 256, 64, 64)`` have in common, for `decode_shared`.

        Raises:
            ValueError: for another shape.
        """
        return self._share(embedding, self._corners(embedding))

    def decode_shared(
        self,
        shared: SharedImage,
        boxes: torch.Tensor | None = None,
        points: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        multimask: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`decode` on a shared image: the same arguments and results."""
        return self.mask_decoder.decode(shared, self._sparse(boxes, points, labels, shared.corners), multimask)

    def decode_plain(
        self, embedding: torch.Tensor, boxes: torch.Tensor, multimask: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`decode` of boxes as published, with nothing shared: what the others are compared with."""
        _check_embedding(embedding)
        sparse = self._sparse(boxes, None, None, self._corners(embedding))
        dense, position = self.prompt_encoder.no_mask(), self.prompt_encoder.image_positions()
        return self.mask_decoder(embedding, position, sparse, dense, multimask)

    def fuse(self) -> MedSAMLite:
        """A copy for inference, with the batch normalisations folded into the convolutions before them.

        It is in evaluation mode and equal up to rounding. Its weights have other names, so load before fusing.
        """
        network = copy.deepcopy(self).eval()
        fold_batch_norms(network.image_encoder)
        return network

    def _corners(self, embedding: torch.Tensor) -> torch.Tensor:
        """What images ``(B, 256, 64, 64)`` add to the corner tokens of boxes on them, ``(B or 1, 2, 256)``."""
        return embedding.new_zeros(1, 2, embedding.shape[1])

    def _sparse(
        self,
        boxes: torch.Tensor | None,
        points: torch.Tensor | None,
        labels: torch.Tensor | None,
        corners: torch.Tensor,
    ) -> torch.Tensor:
        """Tokens of prompts, ``(N, P + 2, 256)`` with boxes, else ``(N, P + 1, 256)``."""
        tokens = []
        if points is not None:
            if labels is None:
                raise ValueError("expected labels with the points, got none")
            if points.ndim != 3 or points.shape[2] != 2 or labels.shape != points.shape[:2]:
                raise ValueError(
                    f"expected points (N, P, 2) with labels (N, P), got {list(points.shape)} and {list(labels.shape)}"
                )
            tokens.append(self.prompt_encoder.points(points, labels, boxes is None))
        if boxes is not None:
            if boxes.ndim != 2 or boxes.shape[1] != 4:
                raise ValueError(f"expected boxes of shape (N, 4), got {list(boxes.shape)}")
            tokens.append(self.prompt_encoder.boxes(boxes) + corners)
        if len(tokens) == 0:
            raise ValueError("expected boxes or points, got neither")
        return torch.cat(tokens, dim=1)

    def _share(self, embedding: torch.Tensor, corners: torch.Tensor) -> SharedImage:
        _check_embedding(embedding)
        if embedding.shape[0] != 1:
            raise ValueError(f"expected one embedding to share, got {embedding.shape[0]}")
        dense, position = self.prompt_encoder.no_mask(), self.prompt_encoder.image_positions()
        return self.mask_decoder.share(embedding, position, dense, corners)

    def _decode(
        self,
        embedding: torch.Tensor,
        corners: torch.Tensor,
        boxes: torch.Tensor | None,
        points: torch.Tensor | None,
        labels: torch.Tensor | None,
        masks: torch.Tensor | None,
        multimask: bool,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        _check_embedding(embedding)
        if embedding.shape[0] == 1 and masks is None:
            return self.decode_shared(self._share(embedding, corners), boxes, points, labels, multimask)
        sparse = self._sparse(boxes, points, labels, corners)
        if embedding.shape[0] != 1 and embedding.shape[0] != sparse.shape[0]:
            raise ValueError(
                f"expected one embedding, or one a prompt, got {embedding.shape[0]} for {sparse.shape[0]} prompts"
            )
        dense = self.prompt_encoder.no_mask() if masks is None else self.prompt_encoder.masks(masks)
        return self.mask_decoder.decode_each(embedding, self.prompt_encoder.image_positions(), sparse, dense, multimask)


class ImageSide(nn.Module):
    """The half of a network that runs once an image, to be exported: image to embedding.

    Args:
        network: in evaluation mode; fuse it first.
    """

    def __init__(self, network: MedSAMLite) -> None:
        super().__init__()
        self.architecture = network.architecture
        self.image_encoder = network.image_encoder

    def extra_repr(self) -> str:
        return str(self.architecture)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """``(1, 3, 256, 256)`` to ``(1, 256, 64, 64)``."""
        return self.image_encoder(image)


class PromptSide(nn.Module):
    """The half that runs once a box, to be exported: what the boxes of an image share, and a box, to its mask.

    Args:
        network: in evaluation mode.
    """

    def __init__(self, network: MedSAMLite) -> None:
        super().__init__()
        self.architecture = network.architecture
        self.mask_decoder = network.mask_decoder
        self.prompt_encoder = network.prompt_encoder

    def extra_repr(self) -> str:
        return str(self.architecture)

    def forward(
        self,
        image: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        queries: torch.Tensor,
        corners: torch.Tensor,
        boxes: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The tensors of `SharedImage` but its position, and boxes ``(N, 4)``, to what `MedSAMLite.decode` gives."""
        position = self.prompt_encoder.image_positions().flatten(2).transpose(1, 2)
        shared = SharedImage(image, position, keys, values, queries, corners)
        return self.mask_decoder.decode(shared, self.prompt_encoder.boxes(boxes) + corners)

    @staticmethod
    def shared(shared: SharedImage) -> tuple[torch.Tensor, ...]:
        """What `forward` takes of it."""
        return shared.image, shared.keys, shared.values, shared.queries, shared.corners


def _check_embedding(embedding: torch.Tensor) -> None:
    if embedding.ndim != 4 or embedding.shape[1] != 256 or embedding.shape[2] != 64 or embedding.shape[3] != 64:
        raise ValueError(f"expected embeddings of shape (B, 256, 64, 64), got {list(embedding.shape)}")
