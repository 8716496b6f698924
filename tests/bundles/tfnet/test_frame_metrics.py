# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of break-up masks."""

from __future__ import annotations

import math

import pytest
import torch
from tfnet.frame_metrics import BreakUpMetric


def _mask(*pixels: int) -> torch.Tensor:
    mask = torch.zeros(1, 2, 5)
    mask.view(-1)[list(pixels)] = 1
    return mask


def _scores(pred: torch.Tensor, truth: torch.Tensor, absent: str) -> dict[str, float]:
    metric = BreakUpMetric(absent=absent)
    metric([pred], [truth])
    return {name: values.item() for name, values in metric.details().items()}


@pytest.mark.parametrize("absent", ["perfect", "zero"])
def test_a_picture_with_break_up(absent: str) -> None:
    # of 10 pixels: 2 found, 2 too many, 1 missed, 5 left alone
    scores = _scores(_mask(0, 1, 2, 3), _mask(0, 1, 4), absent)
    assert scores["dice"] == pytest.approx(4 / 7)
    assert scores["iou"] == pytest.approx(2 / 5)
    assert scores["recall"] == pytest.approx(2 / 3)
    assert scores["precision"] == pytest.approx(1 / 2)
    assert scores["fpr"] == pytest.approx(2 / 7)
    assert scores["mean_dice"] == pytest.approx((4 / 7 + 10 / 13) / 2)
    assert scores["mean_iou"] == pytest.approx((2 / 5 + 5 / 8) / 2)
    assert scores["mean_recall"] == pytest.approx((2 / 3 + 5 / 7) / 2)
    assert scores["mean_fpr"] == pytest.approx((2 / 7 + 1 / 3) / 2)
    assert math.isnan(scores["false_area"])


def test_nothing_there_and_nothing_marked() -> None:
    ours, published = (_scores(_mask(), _mask(), absent) for absent in ("perfect", "zero"))
    assert (ours["mean_dice"], ours["mean_iou"], ours["mean_recall"], ours["false_area"]) == (1, 1, 1, 0)
    assert (published["mean_dice"], published["mean_iou"], published["mean_recall"]) == (0.5, 0.5, 0.5)
    assert math.isnan(ours["recall"])
    assert published["recall"] == 0


def test_nothing_there_and_something_marked() -> None:
    ours, published = (_scores(_mask(0, 1), _mask(), absent) for absent in ("perfect", "zero"))
    assert ours["dice"] == published["dice"] == 0
    assert ours["false_area"] == pytest.approx(0.2)
    assert ours["mean_recall"] == pytest.approx(0.8)
    assert published["mean_recall"] == pytest.approx(0.4)


def test_unknown_policy() -> None:
    with pytest.raises(ValueError, match="got 'skip'"):
        BreakUpMetric(absent="skip")
