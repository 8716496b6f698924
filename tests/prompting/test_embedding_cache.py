# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Embeddings are made once, and few are held."""

from __future__ import annotations

from collections.abc import Hashable

import pytest
import torch
from litemed.prompting.embedding_cache import EmbeddingCache


def _make(key: Hashable) -> torch.Tensor:
    return torch.tensor(float(str(key)))


def test_makes_an_embedding_once() -> None:
    cache = EmbeddingCache(_make)
    assert [float(cache[key]) for key in (3, 4, 3, 3)] == [3, 4, 3, 3]
    assert cache.encoded == 2


def test_drops_the_least_recently_used() -> None:
    cache = EmbeddingCache(_make, capacity=2)
    for key in (1, 2, 1, 3):  # 3 takes the place of 2
        cache[key]
    assert len(cache) == 2
    assert cache.encoded == 3
    cache[1]
    assert cache.encoded == 3
    cache[2]
    assert cache.encoded == 4


def test_discards_on_request() -> None:
    cache = EmbeddingCache(_make)
    cache[1]
    cache.discard(1)
    cache.discard(7)
    assert len(cache) == 0


def test_refuses_no_capacity() -> None:
    with pytest.raises(ValueError, match="got 0"):
        EmbeddingCache(_make, capacity=0)
