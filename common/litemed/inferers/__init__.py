# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""MONAI inferers that several bundles share."""

from __future__ import annotations

from litemed.inferers.box_2d import Box2DInferer
from litemed.inferers.box_3d import Box3DInferer, SliceSource
from litemed.inferers.box_network import BoxNetwork, BoxResult
from litemed.inferers.embedding_cache import EmbeddingCache
from litemed.inferers.embedding_store import EmbeddingStore
from litemed.inferers.frozen_encoder import FrozenEncoderInferer
from litemed.inferers.picture import PictureInferer
from litemed.inferers.prompt import PromptInferer

__all__ = [
    "Box2DInferer",
    "Box3DInferer",
    "BoxNetwork",
    "BoxResult",
    "EmbeddingCache",
    "EmbeddingStore",
    "FrozenEncoderInferer",
    "PictureInferer",
    "PromptInferer",
    "SliceSource",
]
