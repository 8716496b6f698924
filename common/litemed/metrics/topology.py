# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Topology of masks: connected components and Betti numbers."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from litemed.metrics.inputs import Image, mask_pair, to_mask

__all__ = ["TopologyScores", "betti_numbers", "topology_scores"]


def betti_numbers(mask: Image) -> tuple[int, ...]:
    """Count the components, holes and cavities of a mask.

    Pixels that share a corner are connected (8 neighbours in 2D, 26 in 3D), so that the background is connected
    through faces. What lies outside the image is background.

    Args:
        mask: 2D or 3D, bool or 0 and 1.

    Returns:
        (components, holes) in 2D, (components, tunnels, cavities) in 3D.

    Raises:
        ValueError: when the mask is not binary or has another number of dimensions.
    """
    array = to_mask(mask, "mask")
    if array.ndim not in (2, 3):
        raise ValueError(f"expected a 2D or 3D mask, got shape {array.shape}")
    occupied = ndimage.find_objects(array.view(np.uint8))
    if not occupied:
        return (0,) * array.ndim
    array = np.pad(array[occupied[0]], 1)
    _, components = ndimage.label(array, structure=np.ones((3,) * array.ndim))
    euler = _euler_number(array)
    if array.ndim == 2:
        return components, components - euler
    _, background = ndimage.label(~array)
    cavities = background - 1
    return components, components + cavities - euler, cavities


@dataclass(frozen=True)
class TopologyScores:
    """Betti numbers of two masks, as :py:func:`betti_numbers` counts them, and their differences.

    Attributes:
        pred: Betti numbers of the predicted mask.
        truth: Betti numbers of the true mask.
    """

    pred: tuple[int, ...]
    truth: tuple[int, ...]

    @property
    def components(self) -> int:
        """Connected components of the predicted mask."""
        return self.pred[0]

    @property
    def component_error(self) -> int:
        """Components too many or too few."""
        return abs(self.pred[0] - self.truth[0])

    @property
    def betti_error(self) -> int:
        """Sum of the absolute differences of all Betti numbers, over the whole image."""
        return sum(abs(ours - theirs) for ours, theirs in zip(self.pred, self.truth, strict=True))


def topology_scores(pred: Image, truth: Image, *, region: Image | None = None) -> TopologyScores:
    """Compare the topology of two masks.

    Args:
        pred: predicted mask, 2D or 3D, bool or 0 and 1.
        truth: true mask of the same shape.
        region: mask of the same shape; what lies outside it counts as background in both (a fundus camera's field of
            view).

    Raises:
        ValueError: when shapes differ, a mask is not binary, or it is neither 2D nor 3D.
    """
    pred, truth = mask_pair(pred, truth)
    if region is not None:
        inside, _ = mask_pair(region, truth)
        pred, truth = pred & inside, truth & inside
    return TopologyScores(betti_numbers(pred), betti_numbers(truth))


def _euler_number(array: np.ndarray) -> int:
    """Euler number of the union of closed pixels; the array's border is background.

    Counts the cells of every dimension (vertices, edges, faces, cubes): a cell belongs to the union when any pixel
    around it does.
    """
    total = 0
    for thin in itertools.product((False, True), repeat=array.ndim):
        cells = array
        for axis in np.flatnonzero(thin):
            cells = np.moveaxis(cells, axis, 0)
            cells = np.moveaxis(cells[1:] | cells[:-1], 0, axis)
        dimension = array.ndim - sum(thin)
        total += (-1) ** dimension * int(np.count_nonzero(cells))
    return total
