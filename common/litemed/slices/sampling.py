# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Which slices of a volume to take."""

from __future__ import annotations

import numpy as np

from litemed.images.volume import Volume, check_axis

__all__ = ["label_slices", "sample_slices"]


def sample_slices(volume: Volume, interval: int = 5, axis: int = 2, *, label: Volume | None = None) -> list[int]:
    """Indices of slices at a uniform interval, the data sampling of "Lite Class-prompt Tiny-VIT" (section 3.2).

    With a label, every ``interval``-th of the slices that bear one is taken, beginning with the first: chosen slices
    lie at least ``interval`` apart, and no labelled object is lost because it is thinner than that.

    Args:
        volume: the volume to sample.
        interval: distance between neighbouring slices, from 1.
        axis: the axis across the slices, 0 to 2.
        label: where given, its slices are read one after the other, and those without a label are left out.

    Returns:
        Ascending indices along the axis; empty when no slice bears a label.

    Raises:
        ValueError: for an interval below 1 or another axis.
    """
    check_axis(axis)
    if interval < 1:
        raise ValueError(f"expected an interval of at least 1, got {interval}")
    candidates = range(volume.shape[axis]) if label is None else label_slices(label, axis)
    return list(candidates[::interval])


def label_slices(label: Volume, axis: int = 2) -> list[int]:
    """Indices of the slices with any non-zero voxel, found in one pass that holds one slice at a time.

    Args:
        label: a label volume.
        axis: the axis across the slices, 0 to 2.
    """
    check_axis(axis)
    scanned = label.slowest_axis
    own_axes = [other for other in range(3) if other != scanned]
    found = np.zeros(label.shape[axis], dtype=bool)
    for index in range(label.shape[scanned]):
        pixels = label.read_slice(scanned, index)
        if axis == scanned:
            found[index] = pixels.any()
        else:
            found |= pixels.any(axis=1 - own_axes.index(axis))
    return np.flatnonzero(found).tolist()
