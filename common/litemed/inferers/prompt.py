# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and volumes by one inferer."""

from __future__ import annotations

from typing import Any

import torch
from monai.inferers import Inferer

from litemed.inferers.box_2d import Box2DInferer
from litemed.inferers.box_3d import Box3DInferer, WhenEmpty

__all__ = ["PromptInferer"]


class PromptInferer(Inferer):
    """`Box2DInferer` for pictures ``(B, 4, W, H)``, `Box3DInferer` for volumes ``(B, 2 or 4, X, Y, Z)``.

    Args:
        challenge_compat: reproduce the protocol that the MedSAM on Laptop challenge published.
        when_empty: see `Box3DInferer`.
        cache_size: embeddings held at a time.
    """

    def __init__(self, challenge_compat: bool = False, when_empty: WhenEmpty = "stop", cache_size: int = 32) -> None:
        self.pictures = Box2DInferer(challenge_compat)
        self.volumes = Box3DInferer(challenge_compat, when_empty, cache_size=cache_size)

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Label maps ``(B, 1, ...)``, box i labelled i + 1."""
        return (self.pictures if inputs.ndim == 4 else self.volumes)(inputs, network)
