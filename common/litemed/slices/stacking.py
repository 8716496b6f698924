# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Slices, taken one after the other, into one array."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from typing import Protocol

import numpy as np

__all__ = ["stack_slices"]


class Slices(Sized, Iterable[np.ndarray], Protocol):
    """Slices whose number is known, such as a `litemed.images.orientation.PlaneView`."""


def stack_slices(slices: Slices, change: Callable[[np.ndarray], np.ndarray] = np.asarray) -> np.ndarray:
    """An array of all slices, in memory for it alone: no list of slices is held beside it.

    Args:
        slices: arrays of one shape.
        change: what is done with each before it is put in its place, such as scaling to 8 bits.

    Returns:
        ``(number of slices, ...)``, of the type that ``change`` gives the first.

    Raises:
        ValueError: when there are none, or their shapes differ.
    """
    result: np.ndarray | None = None
    for place, pixels in enumerate(slices):
        changed = change(pixels)
        if result is None:
            result = np.empty((len(slices), *changed.shape), dtype=changed.dtype)
        if changed.shape != result.shape[1:]:
            raise ValueError(f"expected slices of shape {result.shape[1:]}, got {changed.shape} (slice {place})")
        result[place] = changed
    if result is None:
        raise ValueError("no slices to stack")
    return result
