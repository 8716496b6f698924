# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Exact distances from the points of one surface to the nearest points of another, on a lattice."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["nearest_distances"]

_REACH = 256
"""About how many lattice offsets around a point are looked at before its nearest neighbour is left to the tree."""

_TREE_QUERY, _TREE_BUILD, _LOOKUP, _LOOKUP_ROUND = 300, 60, 1, 5000
"""Costs for one point and for one round of lookups, relative to one lookup. They steer the speed, never the result."""


def nearest_distances(points: np.ndarray, others: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Euclidean distance from every point to the nearest of the others.

    Two segmentations of one object mostly lie within a few voxels of each other, so the lattice around all points is
    searched first, in the order of distance: the first hit is the nearest. Points without a hit are looked up in a
    k-d tree, and the search ends as soon as it has cost more than the tree would on what is left.

    Args:
        points: lattice coordinates, int, of shape (dimensions, n).
        others: lattice coordinates, int, of shape (dimensions, m), m >= 1.
        spacing: distance between lattice points along each dimension, in mm.

    Returns:
        n distances in mm, float64, each the root of the summed squares of (offset * spacing).
    """
    distances = np.empty(points.shape[1])
    left = _search_around(points, others, spacing, distances)
    if left.size:
        tree = cKDTree(others.T * spacing, leafsize=32, balanced_tree=False)
        rest = points[:, left].T
        _, nearest = tree.query(rest * spacing)
        distances[left] = _lengths(rest - others[:, nearest].T, spacing)
    return distances


def _search_around(
    points: np.ndarray, others: np.ndarray, spacing: tuple[float, ...], distances: np.ndarray
) -> np.ndarray:
    """Fill in the distances of the points that have one of the others close by; return the indices of the rest."""
    reach, offsets, lengths = _offsets_by_length(spacing)
    origin = others.min(axis=1) - 2 * reach
    shape = others.max(axis=1) - origin + 2 * reach + 1
    strides = np.array([math.prod(shape[axis + 1 :].tolist()) for axis in range(len(shape))])

    occupied = np.zeros(math.prod(shape.tolist()), np.uint8)
    occupied[strides @ (others - origin[:, None])] = 1

    points = points - origin[:, None]
    near = ((points >= reach[:, None]) & (points < (shape - reach)[:, None])).all(axis=0)
    left, far = np.flatnonzero(near), np.flatnonzero(~near)
    positions, steps = (strides @ points)[left], offsets @ strides

    done, cost = 0, 0
    while left.size and done < len(steps) and cost < _TREE_QUERY * left.size + _TREE_BUILD * others.shape[1]:
        count = min(max(4, 32768 // left.size), 255, len(steps) - done)
        hits = occupied.take(positions + steps[done : done + count, None])
        hits *= np.arange(count, 0, -1, dtype=np.uint8)[:, None]
        rank = hits.max(axis=0)
        cost += _LOOKUP * hits.size + _LOOKUP_ROUND
        found, missing = np.flatnonzero(rank), np.flatnonzero(rank == 0)  # far faster to index by than a bool array
        distances[left[found]] = lengths[done + count - rank[found].astype(np.intp)]
        left, positions = left[missing], positions[missing]
        done += count
    return np.concatenate([left, far])


@lru_cache(maxsize=32)
def _offsets_by_length(spacing: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The offsets of the lattice up to some length, shortest first: largest offset per dimension, offsets, lengths."""
    unit_ball = math.pi if len(spacing) == 2 else 4 / 3 * math.pi
    radius = min((_REACH * math.prod(spacing) / unit_ball) ** (1 / len(spacing)), _REACH * min(spacing))
    reach = [int(radius / step) for step in spacing]
    offsets = np.array(list(itertools.product(*(range(-most, most + 1) for most in reach))))
    lengths = _lengths(offsets, spacing)
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] <= radius]
    return np.array(reach), offsets[order], lengths[order]


def _lengths(offsets: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    return np.sqrt(np.sum((offsets * np.array(spacing)) ** 2, axis=1))
