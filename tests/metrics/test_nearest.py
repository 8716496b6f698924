# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Nearest distances against all pairs, whether the search or the tree finds them."""

from __future__ import annotations

import numpy as np
import pytest
from litemed.metrics import nearest
from litemed.metrics.nearest import nearest_distances
from scipy.spatial.distance import cdist

SPACINGS = [(1.0, 1.0), (0.1, 7.0), (1.0, 1.0, 1.0), (5.0, 0.8, 0.7), (0.01, 1.0, 30.0), (1e-9, 1.0, 1.0)]


def all_pairs(points: np.ndarray, others: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    return cdist(points.T * spacing, others.T * spacing).min(axis=1)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("spread", [3, 12, 200])
@pytest.mark.parametrize("sizes", [(400, 300), (1, 300), (300, 1)])
@pytest.mark.parametrize("query_cost", [0, nearest._TREE_QUERY, 10**12], ids=["tree", "both", "search"])
def test_equals_all_pairs(
    monkeypatch: pytest.MonkeyPatch, spacing: tuple[float, ...], spread: int, sizes: tuple[int, int], query_cost: int
) -> None:
    monkeypatch.setattr(nearest, "_TREE_QUERY", query_cost)
    if not query_cost:
        monkeypatch.setattr(nearest, "_TREE_BUILD", 0)
    rng = np.random.default_rng(spread)
    points, others = (rng.integers(-spread, spread, (len(spacing), size)) for size in sizes)
    np.testing.assert_allclose(
        nearest_distances(points, others, spacing), all_pairs(points, others, spacing), rtol=1e-12, atol=1e-12
    )


def test_shared_points_are_at_zero() -> None:
    points = np.array([[0, 4, 7], [3, 3, 9]])
    assert nearest_distances(points, points[:, ::-1], (2.0, 1.0)).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("gap", [8, 9, 10, 11, 1000])
def test_at_the_edge_of_the_search(gap: int) -> None:
    # the search reaches about sqrt(256 / pi) = 9.03 pixels
    line = np.array([np.zeros(50, int), np.arange(50)])
    moved = line + np.array([[gap], [0]])
    assert nearest_distances(line, moved, (1.0, 1.0)).tolist() == [gap] * 50
