# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Image embeddings that several prompts share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

import torch

__all__ = ["EmbeddingCache"]


class EmbeddingCache:
    """Embeddings by slice, made when first asked for; the least recently used one goes when there are too many.

    Args:
        encode: makes the embedding of a key.
        capacity: most embeddings held at a time; one of a MedSAM-lite network takes 4 MiB.

    Attributes:
        encoded: how many embeddings were made.

    Raises:
        ValueError: when ``capacity`` is below 1.
    """

    def __init__(self, encode: Callable[[Hashable], torch.Tensor], capacity: int = 32) -> None:
        if capacity < 1:
            raise ValueError(f"expected a capacity of at least 1 embedding, got {capacity}")
        self._encode = encode
        self._capacity = capacity
        self._held: OrderedDict[Hashable, torch.Tensor] = OrderedDict()
        self._lock = threading.Lock()
        self.encoded = 0

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._held

    def __getitem__(self, key: Hashable) -> torch.Tensor:
        held = self.get(key)
        if held is not None:
            return held
        embedding = self._encode(key)
        with self._lock:
            while len(self._held) >= self._capacity:
                self._held.popitem(last=False)
            self._held[key] = embedding
        self.encoded += 1
        return embedding

    def get(self, key: Hashable) -> torch.Tensor | None:
        """An embedding that is held, else None; never waits for one that another thread makes."""
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key]

    def discard(self, key: Hashable) -> None:
        """Let go of an embedding that isn't needed any more."""
        with self._lock:
            self._held.pop(key, None)
