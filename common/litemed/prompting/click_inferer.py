# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""One object by clicks, in a picture or in slices of a volume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from litemed.prompting.box_network import BoxResult, encode
from litemed.prompting.embedding_cache import EmbeddingCache
from litemed.prompting.refining import Place, Prompt, Refiner
from litemed.transforms.longest_side import LongestSide

__all__ = ["segment_clicks"]


def segment_clicks(image: Any, clicks: Sequence[tuple[tuple[int, ...], bool]], network: Any) -> BoxResult:
    """Segment an object as a `litemed.prompting.Session` does; of a volume the slices with clicks on it.

    Args:
        image: ``(H, W[, C])``, or slices ``(D, H, W[, C])``.
        clicks: in their order: column, row and, in a volume, slice; and whether it is on the object.
        network: a `litemed.prompting.refining.PromptNetwork`, in evaluation mode.

    Returns:
        Labels, 1 on the object, and no boxes.
    """
    is_volume = len(clicks[0][0]) == 3
    slices = image if is_volume else np.asarray(image)[None]
    geometry = LongestSide(*slices.shape[1:3])
    embeddings = EmbeddingCache(lambda place: encode(network, geometry, slices[place.index], rounded=False), 1)  # type: ignore[attr-defined]
    refiner = Refiner(network, lambda place, _: embeddings[place], lambda plane: geometry, "off")
    own: dict[Place, list[Prompt]] = {}
    for (x, y, *rest), positive in clicks:
        place = Place("seen", rest[0] if rest else 0)
        own.setdefault(place, []).append(Prompt("click", (x, y), positive, place.plane, place.index))
    labels = np.zeros(slices.shape[:3], np.uint8)
    for place, prompts in own.items():
        if any(prompt.positive for prompt in prompts):
            found = refiner.answer(prompts)
            labels[place.index][found.region] = found.logits > -np.inf
    dims = 6 if is_volume else 4
    return BoxResult(labels if is_volume else labels[0], np.zeros(0), embeddings.encoded, np.zeros((0, dims)))
