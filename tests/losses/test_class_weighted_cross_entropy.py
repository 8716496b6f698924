# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""ClassWeightedCrossEntropyLoss and class_weights: values by hand, both averages, gradients, bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from litemed.losses.class_weighted_cross_entropy import ClassWeightedCrossEntropyLoss, class_weights
from monai.data import MetaTensor
from torch.autograd import gradcheck

LOG3 = math.log(3)
# softmax probabilities of the true class: 3/4, 3/4, 1/4 on class 0 and 3/4 on class 1
LOGITS = torch.tensor([[LOG3, LOG3, 0.0, 0.0], [0.0, 0.0, LOG3, LOG3]]).reshape(1, 2, 2, 2)
TARGET = torch.tensor([0, 0, 0, 1]).reshape(1, 1, 2, 2)
EASY, HARD = math.log(4 / 3), math.log(4)


class TestClassWeights:
    def test_two_classes_by_hand(self) -> None:
        labels = [np.array([[0, 0, 0], [0, 0, 1]], dtype=np.uint8), torch.tensor([[0.0, 1.0]])]
        # 6 and 2 pixels: N / (2 N_c) = 2/3 and 2, normalised 1/4 and 3/4
        torch.testing.assert_close(class_weights(labels, 2), torch.tensor([0.25, 0.75]))

    def test_published_prevalence(self) -> None:
        """0.93 % of positive pixels give TF-Net's published weights."""
        label = np.zeros(10_000, dtype=np.uint8)
        label[:93] = 1
        torch.testing.assert_close(class_weights([label], 2), torch.tensor([0.0093, 0.9907]), atol=1e-7, rtol=0)

    def test_reads_a_generator_once_and_sums_to_one(self) -> None:
        labels = (np.full((4, 4), c) for c in (0, 1, 1, 2, 2, 2, 2))
        weights = class_weights(labels, 3)
        torch.testing.assert_close(weights, torch.tensor([4.0, 2.0, 1.0]) / 7)

    def test_absent_class(self) -> None:
        with pytest.raises(ValueError, match=r"no pixel of class \[1, 3\] in 2 label maps"):
            class_weights([np.array([0, 2]), np.array([0])], 4)
        with pytest.raises(ValueError, match="in 0 label maps"):
            class_weights([], 2)

    @pytest.mark.parametrize("value", [255, 2, -1, 0.5, float("nan")])
    def test_not_a_class_index(self, value: float) -> None:
        with pytest.raises(ValueError, match=rf"0\.\.1, got {value}.* in label map 2"):
            class_weights([np.array([0, 1]), np.array([0, value])], 2)

    def test_names_the_file(self) -> None:
        label = MetaTensor(torch.tensor([0.0, 255.0]), meta={"filename_or_obj": "eye_007.png"})
        with pytest.raises(ValueError, match=r"255\.0 in eye_007\.png"):
            class_weights([label], 2)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (3 * EASY + HARD) / 4),
        ({"weight": [0.25, 0.75]}, (0.25 * (2 * EASY + HARD) + 0.75 * EASY) / (3 * 0.25 + 0.75)),
        ({"weight": [0.25, 0.75], "reduction": "sum"}, 0.25 * (2 * EASY + HARD) + 0.75 * EASY),
        ({"weight": [0.25, 0.75], "average": "class"}, 0.25 * (2 * EASY + HARD) / 3 + 0.75 * EASY),
        ({"average": "class"}, (2 * EASY + HARD) / 3 + EASY),
    ],
)
@pytest.mark.parametrize("shape", [(2, 2), (1, 2, 2)])
def test_value_by_hand(options: dict, expected: float, shape: tuple[int, ...]) -> None:
    loss = ClassWeightedCrossEntropyLoss(**options)
    assert loss(LOGITS.reshape(1, 2, *shape), TARGET.reshape(1, 1, *shape)).item() == pytest.approx(expected)


def test_no_reduction_keeps_the_pixels() -> None:
    loss = ClassWeightedCrossEntropyLoss([0.25, 0.75], reduction="none")(LOGITS, TARGET)
    expected = torch.tensor([0.25 * EASY, 0.25 * EASY, 0.25 * HARD, 0.75 * EASY]).reshape(1, 1, 2, 2)
    torch.testing.assert_close(loss, expected)


def test_absent_class_adds_nothing_to_the_class_average() -> None:
    loss = ClassWeightedCrossEntropyLoss([0.25, 0.75], average="class")(LOGITS, torch.zeros(1, 1, 2, 2))
    assert loss.item() == pytest.approx(0.25 * (2 * EASY + 2 * HARD) / 4)


@pytest.mark.parametrize("average", ["pixel", "class"])
def test_perfect_prediction_and_scale_of_weights(average: str) -> None:
    target = torch.randint(3, (2, 1, 5, 4, 3), generator=torch.Generator().manual_seed(0))
    logits = torch.zeros(2, 3, 5, 4, 3).scatter(1, target, 200.0)
    assert ClassWeightedCrossEntropyLoss([1.0, 2.0, 3.0], average)(logits, target).item() == 0


def test_pixel_average_does_not_depend_on_the_scale_of_the_weights() -> None:
    one = ClassWeightedCrossEntropyLoss([0.25, 0.75])(LOGITS, TARGET)
    torch.testing.assert_close(ClassWeightedCrossEntropyLoss([25.0, 75.0])(LOGITS, TARGET), one)


@pytest.mark.parametrize("average", ["pixel", "class"])
@pytest.mark.parametrize("shape", [(3, 2), (2, 3, 2)])
def test_gradient(average: str, shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 3, *shape, generator=generator, dtype=torch.float64, requires_grad=True)
    target = torch.randint(3, (2, 1, *shape), generator=generator)
    loss = ClassWeightedCrossEntropyLoss([0.2, 0.3, 0.5], average)
    assert gradcheck(lambda x: loss(x, target), logits)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    logits = torch.tensor([2.0, -1.0]).reshape(1, 2, 1, 1).expand(1, 2, 300, 300)
    target = torch.ones(1, 1, 300, 300)
    loss = ClassWeightedCrossEntropyLoss([0.5, 0.5])(logits.to(dtype), target)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(math.log1p(math.exp(3)))


def test_takes_monai_s_tensors_and_returns_a_plain_one() -> None:
    loss = ClassWeightedCrossEntropyLoss([0.25, 0.75])
    result = loss(MetaTensor(LOGITS), MetaTensor(TARGET))
    assert type(result) is torch.Tensor
    assert result == loss(LOGITS, TARGET)


def test_weights_are_saved_and_restored() -> None:
    loss = ClassWeightedCrossEntropyLoss([0.5, 0.5])
    loss.load_state_dict(ClassWeightedCrossEntropyLoss([0.25, 0.75]).state_dict())
    assert loss.class_weight.tolist() == [0.25, 0.75]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"average": "image"}, "image"),
        ({"reduction": "median"}, "median"),
        ({"reduction": "sum", "average": "class"}, "'sum' is not available"),
        ({"weight": [1.0, -1.0]}, "-1"),
        ({"weight": [1.0, float("inf")]}, "inf"),
    ],
)
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClassWeightedCrossEntropyLoss(**options)


@pytest.mark.parametrize("target_shape", [(1, 2, 2), (1, 2, 2, 2), (1, 1, 2, 3), (2, 1, 2, 2)])
def test_shapes_that_do_not_fit(target_shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected logits"):
        ClassWeightedCrossEntropyLoss()(LOGITS, torch.zeros(target_shape))


def test_bad_classes() -> None:
    with pytest.raises(ValueError, match="at least 2 channels"):
        ClassWeightedCrossEntropyLoss()(torch.zeros(1, 1, 2, 2), TARGET)
    with pytest.raises(ValueError, match="2 channels need as many weights"):
        ClassWeightedCrossEntropyLoss([0.2, 0.3, 0.5])(LOGITS, TARGET)
    with pytest.raises(ValueError, match=r"0\.\.1, got 255"):
        ClassWeightedCrossEntropyLoss(average="class")(LOGITS, 255 * TARGET)
    with pytest.raises(IndexError, match="255"):
        ClassWeightedCrossEntropyLoss()(LOGITS, 255 * TARGET)
