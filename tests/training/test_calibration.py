# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Which constant is the best, on made-up logits."""

from __future__ import annotations

import numpy as np
import pytest
from litemed.training.calibration import best_offset

OFFSETS = np.linspace(-8, 4, 241)


def test_evidence_that_is_too_high_everywhere() -> None:
    # break-up has 5, background 3 in half of its pixels and -3 in the other: any threshold from 3 to 5 is right
    truth = np.array([[True, False], [False, False]])
    evidence = np.array([[5.0, 3.0], [-3.0, -3.0]])
    offset, before, after = best_offset([(evidence, truth)], OFFSETS)
    assert -5 < offset <= -3
    assert before == pytest.approx(2 / 3)
    assert after == 1


def test_every_picture_counts_alike() -> None:
    small = np.array([4.0, 2.0]), np.array([True, False])
    large = np.full(1000, 1.0), np.ones(1000, dtype=bool)
    # above 2 the first is perfect and the second 0; from 0 to 1 the first scores 2/3, the second 1
    offset, before, after = best_offset([small, large], OFFSETS)
    assert offset > -1
    assert before == after == pytest.approx(5 / 6)


def test_dice_equals_a_plain_count() -> None:
    rng = np.random.default_rng(0)
    pictures = [(rng.normal(size=(9, 11)), rng.random((9, 11)) < 0.2) for _ in range(3)]
    plain = []
    for offset in OFFSETS:
        masks = [evidence + offset > 0 for evidence, _ in pictures]
        plain.append(
            np.mean([2 * (m & t).sum() / max(m.sum() + t.sum(), 1) for m, (_, t) in zip(masks, pictures, strict=True)])
        )
    offset, before, after = best_offset(pictures, OFFSETS)
    assert after == pytest.approx(max(plain), abs=1e-9)
    assert offset == OFFSETS[int(np.argmax(plain))]
    assert before == pytest.approx(plain[int(np.argmin(abs(OFFSETS)))])


def test_nothing_there_and_nothing_marked_is_perfect() -> None:
    assert best_offset([(np.full((2, 2), -9.0), np.zeros((2, 2), bool))], OFFSETS)[1:] == (1, 1)
    with pytest.raises(ValueError, match="no picture"):
        best_offset([], OFFSETS)
