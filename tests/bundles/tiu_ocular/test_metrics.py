# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of regions and ratios, losses, merged regions, and how eyes are paired and drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from litemed.losses.tiu import TIULoss
from monai.losses import DiceLoss
from tiu_ocular.handlers import draw_regions, label_plane, pair_eyes
from tiu_ocular.labels import MergeRegionsd
from tiu_ocular.loss import build_loss
from tiu_ocular.metrics import RatioErrorMetric, select_regions

ROWS, COLUMNS = np.mgrid[:160, :240].astype(float)


def _eye(radius: float, pupil: float) -> torch.Tensor:
    """One-hot (5, W, H) of an ellipse with an iris and a pupil in its middle."""
    distance = np.hypot(COLUMNS - 120, ROWS - 80)
    opening = ((COLUMNS - 120) / 100) ** 2 + ((ROWS - 80) / 60) ** 2 < 1
    labels = np.where(opening, np.where(distance < pupil, 3, np.where(distance < radius, 2, 1)), 0)
    return torch.from_numpy(np.eye(5)[labels]).permute(2, 1, 0)


def test_ratio_errors_are_relative() -> None:
    metric = RatioErrorMetric()
    metric(_eye(50, 10)[None], _eye(40, 10)[None])
    scores = {name: value.item() for name, value in metric.aggregate().items()}
    assert scores["iris_to_opening_area"] == pytest.approx((50 / 40) ** 2 - 1, rel=0.03)
    assert scores["pupil_to_iris_area"] == pytest.approx(1 - (40 / 50) ** 2, rel=0.03)
    assert scores["pupil_to_iris_diameter"] == pytest.approx(1 - 40 / 50, rel=0.03)
    assert scores["fissure_height_to_width"] == 0
    assert 0 < scores["mean"] < 1


def test_a_ratio_that_only_the_prediction_lacks_is_wholly_wrong() -> None:
    metric = RatioErrorMetric(["pupil_to_iris_area", "sclera_to_opening_area"])
    without = _eye(40, 0)
    metric(torch.stack([without, _eye(40, 10)]), torch.stack([_eye(40, 10), without]))
    values = metric.details()["pupil_to_iris_area"][:, 0]
    assert values[0] == 1
    assert math.isnan(values[1])
    assert metric.details()["sclera_to_opening_area"].max() < 1e-9


def test_a_perfect_prediction_has_no_error() -> None:
    metric = RatioErrorMetric("mean")
    metric([_eye(40, 10)], [_eye(40, 10)])
    assert metric.aggregate() == 0


def test_selected_regions() -> None:
    item = {"pred": torch.arange(5.0)[:, None, None], "label": -torch.arange(5.0)[:, None, None]}
    pred, label = select_regions(["iris", "caruncle"])([item])
    assert pred[0].flatten().tolist() == [2, 4]
    assert label[0].flatten().tolist() == [-2, -4]
    with pytest.raises(ValueError, match=r"got \['lens'\]"):
        select_regions(["iris", "lens"])
    with pytest.raises(ValueError, match="got none"):
        select_regions([])


def test_regions_are_merged() -> None:
    labels = torch.tensor([[[0, 1, 2, 3, 4]]])
    assert MergeRegionsd("label", {"caruncle": "sclera", "pupil": "iris"})({"label": labels})["label"].tolist() == [
        [[0, 1, 2, 2, 1]]
    ]
    assert labels.tolist() == [[[0, 1, 2, 3, 4]]]
    with pytest.raises(ValueError, match="got 'lens'"):
        MergeRegionsd("label", {"lens": "iris"})


def test_losses_of_the_tables() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 5, 40, 40), torch.randint(5, (2, 1, 40, 40))
    cross_entropy = torch.nn.functional.cross_entropy(logits, labels[:, 0])
    torch.testing.assert_close(build_loss("ce", tiu=False)(logits, labels), cross_entropy)
    dice = DiceLoss(include_background=False, softmax=True, to_onehot_y=True)(logits, labels)
    torch.testing.assert_close(build_loss("dice", tiu=False)(logits, labels), dice)
    loss = build_loss("dice", lambda_multiscale=0.5, lambda_relation=2.0, lambda_pixel=3.0)
    assert isinstance(loss, TIULoss)
    terms = loss.terms(logits, labels)
    torch.testing.assert_close(
        loss(logits, labels), 0.5 * terms["multiscale"] + 2 * terms["relation"] + 3 * terms["pixel"]
    )
    torch.testing.assert_close(terms["pixel"], dice)
    assert build_loss(mode="printed").terms(logits, labels)["relation"] > 0


@pytest.mark.parametrize(
    ("options", "message"), [({"pixel_loss": "focal"}, "'focal'"), ({"mode": "nested"}, "'nested'")]
)
def test_unknown_losses(options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_loss(**options)


def test_eyes_are_paired_by_name() -> None:
    names = ["anna_left.png", "anna_right.png", "p1_L_2.jpg", "p1_R_2.jpg", "p1_R_3.jpg", "right.png", "bright.png"]
    assert pair_eyes(dict.fromkeys(names)) == [("anna_left.png", "anna_right.png"), ("p1_L_2.jpg", "p1_R_2.jpg")]


def test_regions_are_tinted_and_outlined() -> None:
    labels = np.zeros((9, 9), dtype=np.uint8)
    labels[2:7, 2:7] = 2
    drawn = draw_regions(np.full((9, 9, 3), 100, dtype=np.uint8), labels, opacity=0.5)
    assert drawn[0, 0].tolist() == [100, 100, 100]
    assert drawn[2, 2].tolist() == [0, 158, 115]
    assert drawn[4, 4].tolist() == [50, 129, 108]


def test_label_planes_have_rows_first() -> None:
    labels = torch.tensor([[0, 1, 2], [3, 4, 0]])
    expected = labels.T.tolist()
    one_hot = torch.nn.functional.one_hot(labels, 5).permute(2, 0, 1)
    assert [label_plane(form).tolist() for form in (labels, labels[None], one_hot)] == [expected] * 3
