# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The challenge's published NSD, re-created with DeepMind's package and the script's three mistakes."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import torch
from litemed.metrics.challenge import challenge_compat
from litemed.metrics.surface import surface_scores


def oracle_nsd(
    deepmind: ModuleType, pred: np.ndarray, truth: np.ndarray, spacing: tuple[float, ...], tolerance: float
) -> float:
    """Mean NSD over the labels of the truth."""
    values = []
    for label in np.unique(truth)[1:]:
        distances = deepmind.compute_surface_distances(truth == label, pred == label, spacing)
        values.append(deepmind.compute_surface_dice_at_tolerance(distances, tolerance))
    return float(np.mean(values))


def oracle_dice(deepmind: ModuleType, pred: np.ndarray, truth: np.ndarray) -> float:
    labels = np.unique(truth)[1:]
    return float(np.mean([deepmind.compute_dice_coefficient(truth == label, pred == label) for label in labels]))


def volume() -> tuple[np.ndarray, np.ndarray]:
    """Two ellipsoids in slices far thicker than their pixels, z first; label 1 moved across slices, 2 within them."""
    z, y, x = np.ogrid[:16, :60, :60]
    truth, pred = np.zeros((16, 60, 60), np.uint8), np.zeros((16, 60, 60), np.uint8)
    truth[((z - 7) / 4) ** 2 + ((y - 18) / 12) ** 2 + ((x - 20) / 11) ** 2 < 1] = 1
    truth[((z - 8) / 5) ** 2 + ((y - 44) / 10) ** 2 + ((x - 40) / 14) ** 2 < 1] = 2
    pred[((z - 8) / 4) ** 2 + ((y - 18) / 12) ** 2 + ((x - 20) / 11) ** 2 < 1] = 1
    pred[((z - 8) / 5) ** 2 + ((y - 44) / 10) ** 2 + ((x - 43) / 14) ** 2 < 1] = 2
    return pred, truth


def picture(move: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.ogrid[:80, :90]
    return (
        ((y - 40) ** 2 + (x - 40 - move) ** 2 < 20**2).astype(np.uint8),
        ((y - 40) ** 2 + (x - 40) ** 2 < 20**2).astype(np.uint8),
    )


def test_3d_spacing_in_the_wrong_order(deepmind: ModuleType) -> None:
    pred, truth = volume()
    spacing_zyx = (5.0, 0.8, 0.7)
    scores = challenge_compat(pred, truth, spacing=spacing_zyx)
    assert scores.dice == pytest.approx(oracle_dice(deepmind, pred, truth))
    assert scores.nsd == pytest.approx(oracle_nsd(deepmind, pred, truth, spacing_zyx, 2.0))
    assert scores.nsd_published == pytest.approx(oracle_nsd(deepmind, pred, truth, spacing_zyx[::-1], 2.0))
    assert scores.labels == 2
    assert abs(scores.nsd - scores.nsd_published) > 0.05


def test_2d_as_a_volume_of_one_slice(deepmind: ModuleType) -> None:
    pred, truth = picture(5)
    scores = challenge_compat(torch.from_numpy(pred), torch.from_numpy(truth))
    published = oracle_nsd(deepmind, pred[..., None], truth[..., None], (1, 1, 1), 2.0)
    assert scores.nsd == pytest.approx(oracle_nsd(deepmind, pred, truth, (1, 1), 2.0))
    assert scores.nsd_published == pytest.approx(published)
    assert scores.nsd_published - scores.nsd > 0.2


@pytest.mark.parametrize(("move", "gated"), [(26, False), (30, True)])
def test_low_dice_counts_as_zero(deepmind: ModuleType, move: int, gated: bool) -> None:
    pred, truth = picture(move)
    assert (oracle_dice(deepmind, pred, truth) <= 0.2) is gated
    scores = challenge_compat(pred, truth)
    assert scores.nsd == surface_scores(pred, truth, tolerance=2.0, definition="deepmind").nsd > 0
    assert (scores.nsd_published == 0.0) is gated


def test_missed_label_counts() -> None:
    pred, truth = volume()
    pred[pred == 2] = 0
    whole, half = challenge_compat(truth, truth), challenge_compat(pred, truth)
    assert (whole.dice, whole.nsd, whole.nsd_published) == (1.0, 1.0, 1.0)
    assert half.nsd == surface_scores(pred == 1, truth == 1, tolerance=2.0, definition="deepmind").nsd / 2
    assert half.labels == 2


@pytest.mark.parametrize(
    ("pred", "truth", "message"),
    [
        (np.ones((4, 4)), np.ones((4, 5)), "same shape"),
        (np.ones((4, 4)), np.zeros((4, 4)), "the truth has no label"),
        (np.ones(4), np.ones(4), "2D or 3D"),
    ],
)
def test_bad_input(pred: np.ndarray, truth: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        challenge_compat(pred, truth)
