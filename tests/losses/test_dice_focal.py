# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""DiceFocalLoss: values by hand and where it differs from MONAI's."""

from __future__ import annotations

import math

import monai.losses
import pytest
import torch
import torch.nn.functional as F
from litemed.losses.dice_focal import DiceFocalLoss
from torch.autograd import gradcheck

# p = 3/4 on the foreground pixel and 1/4 on the background
LOGITS = torch.tensor([math.log(3), -math.log(3)]).reshape(1, 1, 1, 2)
TARGET = torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2)


@pytest.mark.parametrize(
    ("options", "focal"),
    [
        ({"gamma": 0.0}, math.log(4 / 3)),
        ({}, 0.25**2 * math.log(4 / 3)),
        ({"gamma": 3.0, "lambda_focal": 20.0}, 20 * 0.25**3 * math.log(4 / 3)),
        ({"alpha": 0.25}, (0.25 + 0.75) / 2 * 0.25**2 * math.log(4 / 3)),
    ],
)
def test_value_by_hand(options: dict, focal: float) -> None:
    loss = DiceFocalLoss(sigmoid=True, smooth_nr=0, smooth_dr=0, **options)(LOGITS, TARGET)
    assert loss.item() == pytest.approx(0.25 + focal)


def test_perfect_prediction_costs_nothing() -> None:
    target = (torch.rand(2, 1, 4, 5, 6, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    assert DiceFocalLoss(sigmoid=True)(200 * target - 100, target).item() == 0


def test_is_monai_s_for_sigmoid_in_float32() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 1, 8, 9, generator=generator)
    target = (torch.rand(2, 1, 8, 9, generator=generator) < 0.5).float()
    options = {"sigmoid": True, "squared_pred": True, "batch": True, "gamma": 1.5, "alpha": 0.3}
    assert DiceFocalLoss(**options)(logits, target) == monai.losses.DiceFocalLoss(**options)(logits, target)


def test_softmax_reaches_the_focal_term() -> None:
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(2, 3, 8, 9, generator=generator)
    target = torch.randint(3, (2, 1, 8, 9), generator=generator)
    loss = DiceFocalLoss(softmax=True, to_onehot_y=True, gamma=0.0, lambda_dice=0.0)(logits, target)
    # without focusing, the mean over pixels and 3 channels of one-hot cross entropy
    torch.testing.assert_close(loss, F.cross_entropy(logits, target[:, 0]) / 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    logits = torch.full((1, 1, 512, 512), 2.0)
    target = torch.zeros_like(logits)
    target[..., :256] = 1
    loss = DiceFocalLoss(sigmoid=True)
    torch.testing.assert_close(loss(logits.to(dtype), target.to(dtype)), loss(logits, target))


@pytest.mark.parametrize("options", [{"sigmoid": True}, {"softmax": True}])
def test_gradient(options: dict) -> None:
    """MONAI's focal term computes in float32, so the finite differences are taken with a wide step."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(1, 2, 3, 2, generator=generator, dtype=torch.float64, requires_grad=True)
    target = F.one_hot(torch.randint(2, (1, 3, 2), generator=generator)).movedim(-1, 1).double()
    loss = DiceFocalLoss(**options)
    assert gradcheck(lambda x: loss(x, target), logits, eps=1e-3, atol=1e-3, rtol=1e-3)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="number of dimensions"):
        DiceFocalLoss(sigmoid=True)(LOGITS, TARGET[0])
