# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Embeddings are made once, and few are held."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor

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


def test_gives_what_is_held_while_another_is_made() -> None:
    begun, finish = threading.Event(), threading.Event()

    def slow(key: Hashable) -> torch.Tensor:
        if key == 2:
            begun.set()
            assert finish.wait(60)
        return _make(key)

    cache = EmbeddingCache(slow)
    cache[1]
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(lambda: cache[2])
        assert begun.wait(60)
        assert cache.get(1) == 1
        assert cache.get(2) is None
        finish.set()
        assert made.result() == 2
    assert cache.get(2) == 2


def test_discards_on_request() -> None:
    cache = EmbeddingCache(_make)
    cache[1]
    cache.discard(1)
    cache.discard(7)
    assert len(cache) == 0


def test_refuses_no_capacity() -> None:
    with pytest.raises(ValueError, match="got 0"):
        EmbeddingCache(_make, capacity=0)
