# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and volumes by one inferer."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from monai.inferers import Inferer

from litemed.prompting.box_2d import Box2DInferer
from litemed.prompting.box_3d import Box3DInferer, WhenEmpty
from litemed.prompting.box_network import BoxResult
from litemed.prompting.click_inferer import segment_clicks
from litemed.prompting.embedding_store import EmbeddingStore, KeptEmbeddings, StoredEncoder
from litemed.prompting.zoom import Zoom
from litemed.transforms.prompts import channel_to_clicks

__all__ = ["PromptInferer"]


class PromptInferer(Inferer):
    """`Box2DInferer` for pictures ``(B, C, W, H)``, `Box3DInferer` for volumes ``(B, C, X, Y, Z)``; where their prompt
    channel has clicks, see `litemed.prompting.click_inferer.segment_clicks`.

    Args:
        challenge_compat: reproduce the protocol that the MedSAM on Laptop challenge published.
        when_empty: see `Box3DInferer`.
        cache_size: embeddings held at a time.
        embedding_cache: folder of a `litemed.prompting.EmbeddingStore`, for evaluations of the same images by networks
            of the same encoder; None embeds them anew.
        keep: embeddings kept in memory from call to call, for a server that is asked about an image again and again.
        deploy: makes the network ready, such as a `litemed.deploy.BoxDeployment`; None takes it as it is.
        zoom: "auto" sees small objects in windows of their own, see `Box2DInferer` and `Box3DInferer`.

    Attributes:
        results: of each image of the last call.
    """

    def __init__(
        self,
        challenge_compat: bool = False,
        when_empty: WhenEmpty = "stop",
        cache_size: int = 32,
        embedding_cache: str | os.PathLike[str] | None = None,
        deploy: Callable[[Any], Any] | None = None,
        keep: int = 0,
        zoom: Zoom = "off",
    ) -> None:
        self.pictures = Box2DInferer(challenge_compat, zoom=zoom)
        self.volumes = Box3DInferer(challenge_compat, when_empty, cache_size=cache_size, zoom=zoom)
        self.store: EmbeddingStore | KeptEmbeddings | None = None
        if embedding_cache is not None:
            self.store = EmbeddingStore(embedding_cache)
        elif keep:
            self.store = KeptEmbeddings(keep)
        self.deploy = deploy
        self.results: Sequence[BoxResult] = ()

    def __call__(
        self, inputs: torch.Tensor, network: Any, *args: Any, boxes: Any = None, **kwargs: Any
    ) -> torch.Tensor:
        """Label maps ``(B, 1, ...)``, box i labelled i + 1; arguments as of `litemed.prompting.BoxInferer`."""
        ready = network if self.deploy is None else self.deploy(network)
        return self.segment(inputs, ready if self.store is None else StoredEncoder(ready, self.store), boxes)

    def segment(self, inputs: torch.Tensor, network: Any, boxes: Any = None) -> torch.Tensor:
        """What a call does, with the network that embeds as it is told."""
        clicks = [channel_to_clicks(item[-1]) for item in inputs] if boxes is None else []
        if clicks and all(clicks):
            images = (item[:-1].cpu().numpy().T for item in inputs)
            self.results = [segment_clicks(*each, network) for each in zip(images, clicks, strict=True)]
            found = np.stack([result.labels.T for result in self.results])[:, None].astype(np.float32)
            return torch.from_numpy(found).to(inputs.device)
        inferer = self.pictures if inputs.ndim == 4 else self.volumes
        labels = inferer(inputs, network, boxes=boxes)
        self.results = inferer.results
        return labels

    def describe(self, index: int) -> dict[str, Any]:
        """Further entries of the object table of an image of the last call."""
        return {}
