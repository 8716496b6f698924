# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Segmenting with the predicted modality, or a given one, and saying which."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from litemed.networks.class_prompt import MODALITIES, modality_index
from litemed.networks.mask_decoder import SharedImage
from litemed.prompting.box_3d import WhenEmpty
from litemed.prompting.box_network import BoxResult
from litemed.prompting.prompt_inferer import PromptInferer
from litemed.prompting.zoom import Zoom

__all__ = ["ClassPromptInferer", "ConditionedNetwork", "Modality"]


class Modality(NamedTuple):
    """What the class head says of an image, and what the mask decoder was told.

    Attributes:
        told: the given modality, else the predicted one; None where that was too unsure to be told, in a volume by the
            mean probability of its slices, each of which is told its own.
        predicted: the most probable one; in a volume by the mean probability of its slices.
        probability: of the predicted one.
    """

    told: str | None
    predicted: str
    probability: float


class ConditionedNetwork:
    """A network that is told a modality, for one image or volume, and remembers what its class head said.

    Args:
        network: a `classprompt.ClassPromptMedSAM`, or what stands for one.
        modality: to tell, see `litemed.networks.modality_index`; None tells each slice what the head predicts where it
            is sure.

    Raises:
        ValueError: for an unknown modality.
    """

    def __init__(self, network: Any, modality: str | None = None) -> None:
        self.network = network
        self.index = None if modality is None else modality_index(modality)
        self._probabilities: list[torch.Tensor] = []
        self._last: torch.Tensor | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def decode(self, embedding: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See `litemed.prompting.BoxNetwork`."""
        return self.network.decode(embedding, boxes, class_id=self._tell(embedding))

    def share(self, embedding: torch.Tensor) -> SharedImage:
        """See `litemed.prompting.BoxNetwork`."""
        return self.network.share(embedding, class_id=self._tell(embedding))

    @property
    def modality(self) -> Modality:
        """Of the images that were decoded so far.

        Raises:
            ValueError: when there were none.
        """
        if not self._probabilities:
            raise ValueError("no image was decoded yet")
        mean = torch.cat(self._probabilities).mean(dim=0)
        predicted = int(mean.argmax())
        told: str | None = MODALITIES[predicted if self.index is None else self.index]
        if not self.network.class_prompt or (self.index is None and mean[predicted] < self.network.sure):
            told = None
        return Modality(told, MODALITIES[predicted], round(float(mean[predicted]), 4))

    def _tell(self, embedding: torch.Tensor) -> torch.Tensor | None:
        if embedding is not self._last:
            self._last = embedding
            self._probabilities.append(self.network.classify(embedding).float().softmax(dim=1).cpu())
        return None if self.index is None else torch.full(embedding.shape[:1], self.index, device=embedding.device)


class ClassPromptInferer(PromptInferer):
    """`litemed.prompting.PromptInferer` that tells the network a modality.

    Args:
        modality: to tell; None tells what the class head predicts where it is sure, in a volume for each slice.
        challenge_compat: see `litemed.prompting.PromptInferer`, as for the other arguments.
        when_empty: see there.
        cache_size: see there.
        embedding_cache: see there.
        deploy: see there.
        keep: see there.
        zoom: see there.

    Attributes:
        modalities: of each image of the last call.
    """

    def __init__(
        self,
        modality: str | None = None,
        challenge_compat: bool = False,
        when_empty: WhenEmpty = "stop",
        cache_size: int = 32,
        embedding_cache: str | os.PathLike[str] | None = None,
        deploy: Callable[[Any], Any] | None = None,
        keep: int = 0,
        zoom: Zoom = "off",
    ) -> None:
        super().__init__(challenge_compat, when_empty, cache_size, embedding_cache, deploy, keep, zoom)
        self.modality = modality
        self.modalities: list[Modality] = []

    def segment(self, inputs: torch.Tensor, network: Any, boxes: Any = None) -> torch.Tensor:
        """Label maps ``(B, 1, ...)``, and `modalities`."""
        told = [ConditionedNetwork(network, self.modality) for _ in inputs]
        labels: list[torch.Tensor] = []
        results: list[BoxResult] = []
        for index, each in enumerate(told):
            one = slice(index, index + 1)
            labels.append(super().segment(inputs[one], each, None if boxes is None else boxes[one]))
            results += self.results
        self.results = results
        self.modalities = [each.modality for each in told]
        return torch.cat(labels)

    def describe(self, index: int) -> dict[str, Any]:
        """The modality that the network was told, None where the head was unsure, and the predicted one."""
        told, predicted, probability = self.modalities[index]
        return {"modality": told, "predicted_modality": predicted, "modality_probability": probability}
