# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Which constant, added to a network's logits, makes 0 the best threshold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

__all__ = ["best_offset"]


def best_offset(pictures: Iterable[tuple[Any, Any]], offsets: Sequence[float] | Any) -> tuple[float, float, float]:
    """The constant that, added to the logits, gives the highest mean Dice (F1) of the masks where they are above 0.

    Args:
        pictures: for each picture the logits of its scored pixels and the true mask (bool), arrays or tensors on the
            CPU, of equal shape.
        offsets: the constants to try, rising, on both sides of 0.

    Returns:
        the constant, the mean Dice without it and the mean Dice with it. A picture without anything to find and
        without anything marked scores 1.

    Raises:
        ValueError: when there is no picture.
    """
    offsets = np.asarray(offsets)
    scores = []
    for logits, truth in pictures:
        logits, truth = np.asarray(logits), np.asarray(truth)
        marked, hits = (
            len(part) - np.searchsorted(np.sort(part), -offsets, "right") for part in (logits.ravel(), logits[truth])
        )
        total = marked + np.count_nonzero(truth)
        scores.append(np.where(total > 0, 2 * hits / np.maximum(total, 1), 1.0))
    if not scores:
        raise ValueError("no picture to calibrate on")
    mean = np.mean(scores, axis=0)
    best = int(mean.argmax())
    return float(offsets[best]), float(np.interp(0, offsets, mean)), float(mean[best])
