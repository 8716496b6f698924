# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Embeddings on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from litemed.prompting.embedding_store import EmbeddingStore


class _Network:
    """The embedding is the picture's first channel at a quarter of the size, times a weight."""

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.encoded = 0

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        self.encoded += len(image)
        return image[:, :1, ::4, ::4] * self.weight

    def decode(self, embedding: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        raise NotImplementedError


def test_each_image_is_embedded_once(tmp_path: Path) -> None:
    images = torch.rand(3, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    network = _Network(2.0)
    store = EmbeddingStore(tmp_path / "store")
    found = store(network, images[:2])
    assert network.encoded == 3  # with the reference picture
    again = EmbeddingStore(tmp_path / "store")(network, images)
    assert network.encoded == 5
    expected = images[:, :1, ::4, ::4] * 2
    assert again.dtype == torch.float32
    torch.testing.assert_close(again, expected, atol=1e-3, rtol=0)
    assert torch.equal(found, again[:2])
    assert len(list((tmp_path / "store").iterdir())) == 4


def test_another_encoder_is_refused(tmp_path: Path) -> None:
    images = torch.zeros(1, 3, 256, 256)
    EmbeddingStore(tmp_path)(_Network(2.0), images)
    EmbeddingStore(tmp_path)(_Network(2.001), images)  # half-precision weights
    with pytest.raises(ValueError, match="are of another image encoder"):
        EmbeddingStore(tmp_path)(_Network(2.2), images)
