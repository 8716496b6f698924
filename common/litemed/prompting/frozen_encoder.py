# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Training on the embeddings of an image encoder that is frozen."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import Inferer
from torch import nn

from litemed.prompting.embedding_store import EmbeddingStore

__all__ = ["FrozenEncoderInferer"]


class FrozenEncoderInferer(Inferer):
    """Embed the images without gradients, and give the network images and embeddings.

    The encoder works as in inference, with the running statistics of its normalisations. With a folder every image is
    embedded once, and from then on a training step costs the decoder alone.

    It takes ``(B, 4, 256, 256)``, images and prompts, and calls ``network(inputs, embedding, *args, **kwargs)``.

    Args:
        embedding_cache: folder of a `litemed.prompting.EmbeddingStore`; None embeds the images of every step anew.
    """

    def __init__(self, embedding_cache: str | os.PathLike[str] | None = None) -> None:
        self.store = None if embedding_cache is None else EmbeddingStore(embedding_cache)

    def __call__(self, inputs: torch.Tensor, network: Callable[..., Any], *args: object, **kwargs: object) -> object:
        """What the network gives.

        Raises:
            ValueError: when the network's image encoder isn't frozen.
        """
        plain = network.module if isinstance(network, nn.parallel.DistributedDataParallel) else network
        return network(inputs, self.embed(plain, inputs[:, :3]), *args, **kwargs)

    @torch.no_grad()
    def embed(self, network: Any, images: torch.Tensor) -> torch.Tensor:
        """Embeddings ``(B, 256, 64, 64)`` of images ``(B, 3, 256, 256)``.

        Raises:
            ValueError: when the network's image encoder isn't frozen.
        """
        encoder: nn.Module = network.image_encoder
        if any(parameter.requires_grad for parameter in encoder.parameters()):
            raise ValueError("expected a frozen image encoder, this one is trained: freeze it, or leave out the cache")
        training = encoder.training
        encoder.eval()
        embedding = network.encode_image(images) if self.store is None else self.store(network, images)
        encoder.train(training)
        return embedding
