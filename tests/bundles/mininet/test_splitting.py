# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Single nuclei: touching discs are divided."""

from __future__ import annotations

import numpy as np
from mininet.splitting import split_instances


def _disc(row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:60, :80]
    return np.hypot(rows - row, columns - column) <= radius


def test_touching_discs_are_divided_and_single_ones_kept() -> None:
    first, second, alone = _disc(20, 20, 10), _disc(20, 38, 10), _disc(45, 60, 8)
    labels = split_instances(first | second | alone)
    assert set(np.unique(labels)) == {0, 1, 2, 3}
    np.testing.assert_array_equal(labels > 0, first | second | alone)
    assert len({labels[20, 20], labels[20, 38], labels[45, 60]}) == 3
    for part, middle in ((first, (20, 20)), (second, (20, 38)), (alone, (45, 60))):
        assert (part & (labels == labels[middle])).sum() / part.sum() > 0.95
    assert not split_instances(np.zeros((5, 6), dtype=bool)).any()
