# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Single nuclei: touching discs are divided, and objects are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from mininet.instances import instance_f1, split_instances


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


def test_objects_by_hand() -> None:
    truth = np.zeros((10, 40), dtype=int)
    truth[:, :10], truth[:, 10:20], truth[:, 30:] = 1, 2, 7
    pred = np.zeros_like(truth)
    pred[:, :9] = 3  # 90 of 100 pixels: matched
    pred[:, 15:25] = 1  # 50 of 150: not matched
    pred[:, 30:35] = 4  # exactly one half: not above it
    assert instance_f1(pred, truth) == pytest.approx(2 * 1 / (3 + 3))
    assert instance_f1(truth, truth) == 1
    assert instance_f1(np.zeros_like(truth), truth) == 0
    assert instance_f1(np.zeros_like(truth), np.zeros_like(truth)) == 1


def test_what_cannot_be_counted_is_refused() -> None:
    labels = np.ones((3, 3), dtype=int)
    with pytest.raises(ValueError, match=r"at least 0\.5, got 0\.3"):
        instance_f1(labels, labels, iou=0.3)
    with pytest.raises(ValueError, match="same shape"):
        instance_f1(labels, labels[:2])
