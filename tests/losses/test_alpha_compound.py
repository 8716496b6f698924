# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""AlphaCompoundLoss: each term by hand, alpha, gradients, masking, precision, bad input."""

from __future__ import annotations

import itertools
import math
import pickle

import pytest
import torch
from litemed.losses.alpha_compound import AlphaCompoundLoss
from monai.losses import DiceLoss, MaskedLoss
from torch.autograd import gradcheck

# p = 3/4 on the one foreground pixel, 1/4 on the background: sum(pt) = 3/4, sum(p) = sum(t) = 1
LOGITS = torch.tensor([math.log(3), -math.log(3)])
TARGET = torch.tensor([1.0, 0.0])
VALUES = {"dice": 1 - 1.5 / 2, "jaccard": 1 - 0.75 / 1.25, "bce": -math.log(0.75)}

COMBINATIONS = [terms for n in (1, 2, 3) for terms in itertools.combinations(("dice", "bce", "jaccard"), n)]


def hand_made(spatial_dims: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The two pixels above, repeated along the other axes: 4 x 2 or 4 x 3 x 2."""
    shape = (1, 1, 4, 2) if spatial_dims == 2 else (1, 1, 4, 3, 2)
    return LOGITS.expand(shape), TARGET.expand(shape)


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("terms", COMBINATIONS)
def test_value_by_hand(terms: tuple[str, ...], spatial_dims: int) -> None:
    logits, target = hand_made(spatial_dims)
    expected = sum(VALUES[term] for term in terms)
    exact = {"terms": terms, "smooth_nr": 0.0, "smooth_dr": 0.0}
    assert AlphaCompoundLoss(alpha=1.0, sigmoid=True, **exact)(logits, target).item() == pytest.approx(expected)
    assert AlphaCompoundLoss(alpha=3.0, sigmoid=True, **exact)(logits, target).item() == pytest.approx(3 * expected)
    assert AlphaCompoundLoss(alpha=1.0, **exact)(logits.sigmoid(), target).item() == pytest.approx(expected)
    # the soft Dice error is 1/4, so alpha is 1 + (5 - 1) / 4
    weighted = AlphaCompoundLoss(alpha="error", alpha_max=5.0, sigmoid=True, **exact)(logits, target)
    assert weighted.item() == pytest.approx(2 * expected)


def test_alpha_is_each_image_s_own() -> None:
    wrong, right = torch.full((1, 1, 8, 8), -40.0), torch.full((1, 1, 8, 8), 40.0)
    target = torch.ones(2, 1, 8, 8)
    loss = AlphaCompoundLoss(terms=("dice",), sigmoid=True, reduction="none")(torch.cat([wrong, right]), target)
    assert loss.shape == (2, 1, 1, 1)
    torch.testing.assert_close(loss.flatten(), torch.tensor([2.0, 0.0]), atol=1e-5, rtol=0)


def test_alpha_is_a_weight_and_has_no_gradient() -> None:
    logits = LOGITS.reshape(1, 1, 1, 2).clone().requires_grad_()
    target = TARGET.reshape(1, 1, 1, 2)
    exact = {"sigmoid": True, "smooth_nr": 0.0, "smooth_dr": 0.0}
    (plain,) = torch.autograd.grad(AlphaCompoundLoss(alpha=1.0, **exact)(logits, target), logits)
    (weighted,) = torch.autograd.grad(AlphaCompoundLoss(alpha="error", **exact)(logits, target), logits)
    torch.testing.assert_close(weighted, 1.25 * plain)


@pytest.mark.parametrize("alpha", [1.0, "error"])
@pytest.mark.parametrize("terms", COMBINATIONS)
def test_perfect_prediction_costs_nothing(terms: tuple[str, ...], alpha: float | str) -> None:
    target = (torch.rand(2, 1, 9, 7, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    target[1] = 0  # an image without foreground
    assert AlphaCompoundLoss(terms, alpha)(target, target).item() == 0
    assert AlphaCompoundLoss(terms, alpha, sigmoid=True)(400 * target - 200, target).item() == 0


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("include_background", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("term", "jaccard"), [("dice", False), ("jaccard", True)])
def test_overlap_equals_monai(term: str, jaccard: bool, reduction: str, include_background: bool, batch: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(3, 4, 5, 6, 7, generator=generator)
    target = torch.randint(4, (3, 1, 5, 6, 7), generator=generator)
    options = {
        "include_background": include_background,
        "to_onehot_y": True,
        "sigmoid": True,
        "reduction": reduction,
        "batch": batch,
    }
    loss = AlphaCompoundLoss(terms=(term,), alpha=1.0, **options)(logits, target)
    expected = DiceLoss(jaccard=jaccard, **options)(logits, target) if reduction != "none" or not batch else None
    if expected is None:  # MONAI cannot shape this one
        expected = DiceLoss(jaccard=jaccard, **{**options, "reduction": "sum"})(logits, target)
        assert loss.shape == (1, 3 + include_background, 1, 1, 1)
        loss = loss.sum()
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("batch", [False, True])
def test_order_of_images_and_pixels_does_not_matter(batch: bool) -> None:
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(4, 1, 6, 6, generator=generator, dtype=torch.float64)
    target = (torch.rand(4, 1, 6, 6, generator=generator) < 0.5).double()
    loss = AlphaCompoundLoss(sigmoid=True, batch=batch)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(loss(logits[order], target[order]), loss(logits, target))
    torch.testing.assert_close(loss(logits.flip(-1).mT, target.flip(-1).mT), loss(logits, target))


@pytest.mark.parametrize("sigmoid", [False, True])
@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("shape", [(2, 2, 3, 2), (2, 1, 2, 3, 2)])
def test_gradient(shape: tuple[int, ...], batch: bool, sigmoid: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    value = torch.rand(shape, generator=generator, dtype=torch.float64) * 0.8 + 0.1
    target = (torch.rand(shape, generator=generator) < 0.5).double()
    loss = AlphaCompoundLoss(alpha=1.0, sigmoid=sigmoid, batch=batch)
    assert gradcheck(lambda x: loss(x, target), value.requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    logits = torch.full((1, 1, 512, 512), 2.0)  # exact in every dtype; 262,144 pixels overflow a float16 sum
    target = torch.zeros_like(logits)
    target[..., :256] = 1
    loss = AlphaCompoundLoss(sigmoid=True)
    low = logits.to(dtype).requires_grad_()
    result = loss(low, target.to(dtype))
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, loss(logits, target))
    result.backward()
    assert low.grad is not None
    assert low.grad.dtype == dtype
    assert low.grad.isfinite().all()


def test_extreme_logits_stay_finite() -> None:
    logits = torch.tensor([[[[1e4, -1e4]]]], requires_grad=True)
    loss = AlphaCompoundLoss(terms=("bce",), alpha=1.0, sigmoid=True)(logits, torch.tensor([[[[0.0, 1.0]]]]))
    loss.backward()
    assert loss.item() == pytest.approx(1e4)
    assert logits.grad.tolist() == [[[[0.5, -0.5]]]]


def test_monai_masked_loss_on_probabilities_equals_the_cropped_image() -> None:
    generator = torch.Generator().manual_seed(4)
    probability = torch.rand(2, 1, 8, 8, generator=generator)
    target = (torch.rand(2, 1, 8, 8, generator=generator) < 0.5).float()
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 2:6] = 1
    for term, share in (("dice", 1.0), ("jaccard", 1.0), ("bce", 0.5)):
        loss = AlphaCompoundLoss(terms=(term,), alpha=1.0)
        inside = loss(probability[..., 2:6], target[..., 2:6])
        torch.testing.assert_close(MaskedLoss(loss)(probability, target, mask), share * inside)


def test_has_no_state_and_pickles() -> None:
    loss = AlphaCompoundLoss(terms=["bce", "jaccard"], sigmoid=True)
    assert loss.state_dict() == {}
    logits, target = hand_made(2)
    assert pickle.loads(pickle.dumps(loss))(logits, target) == loss(logits, target)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"terms": ()}, "distinct terms"),
        ({"terms": ("dice", "dice")}, "distinct terms"),
        ({"terms": ("dice", "focal")}, "focal"),
        ({"alpha": "epoch"}, "epoch"),
        ({"alpha": 0.0}, "alpha"),
        ({"alpha_max": 0.5}, "0.5"),
        ({"reduction": "median"}, "median"),
    ],
)
def test_bad_options(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AlphaCompoundLoss(**arguments)


@pytest.mark.parametrize(
    ("shape", "to_onehot_y"), [((2, 1, 8, 8), False), ((2, 3, 8, 8), True), ((2, 3, 8, 4), False), ((2, 8, 8), True)]
)
def test_shapes_that_do_not_fit(shape: tuple[int, ...], to_onehot_y: bool) -> None:
    with pytest.raises(ValueError, match=r"expected a target of shape \(2, [13], 8, 8\)"):
        AlphaCompoundLoss(sigmoid=True, to_onehot_y=to_onehot_y)(torch.zeros(2, 3, 8, 8), torch.zeros(shape))
