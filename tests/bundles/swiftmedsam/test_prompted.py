# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The networks with the prompt as a channel, their loss and their scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from litemed.checkpoints import save_checkpoint
from swiftmedsam import (
    ChallengeMetric,
    DistillationLoss,
    LabelDiceMetric,
    Lesson,
    MaskLoss,
    PromptedNetwork,
    PromptedOutput,
    load_network,
    prompt_to_boxes,
)
from swiftmedsam.loss import mask_iou


def test_boxes_are_read_from_the_channel() -> None:
    prompt = torch.zeros(3, 40, 60)
    prompt[0, 5:9, 10:31] = 1
    prompt[1, 39, 59] = 2
    boxes = prompt_to_boxes(prompt)
    assert boxes.tolist() == [[10, 5, 30, 8], [59, 39, 60, 40], [0, 0, 59, 39]]
    assert boxes.dtype == torch.float32
    scripted = torch.jit.script(prompt_to_boxes)
    assert torch.equal(scripted(prompt), boxes)


def test_one_tensor_in_evaluation_and_three_in_training() -> None:
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(1, 256, 64, 64, generator=generator)
    network = PromptedNetwork("v2").eval()
    network.encode_image = lambda image: embedding + image.mean()  # the decoder alone is fast
    image = torch.rand(1, 4, 256, 256, generator=generator)
    image[:, 3] = 0
    image[:, 3, 50:90, 30:81] = 1
    with torch.no_grad():
        logits = network(image)
        expected, iou = network.decode(embedding + image[:, :3].mean(), torch.tensor([[30.0, 50, 80, 89]]))
        output = network.train()(image)
    torch.testing.assert_close(logits, expected)
    assert isinstance(output, PromptedOutput)
    torch.testing.assert_close(output.logits, expected)
    torch.testing.assert_close(output.iou, iou)
    assert output.embedding.shape == (1, 256, 64, 64)
    with pytest.raises(ValueError, match="expected images of three channels and a prompt"):
        network(image[:, :3])


def test_the_variant_is_read_from_the_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "v1.pt", PromptedNetwork("v1"), torch.float16)
    assert load_network(tmp_path / "v1.pt").variant == "v1"
    with pytest.raises(ValueError, match=r"v1\.pt is a checkpoint of SwiftMedSAM v1, the network is SwiftMedSAM v2"):
        load_network(tmp_path / "v1.pt", "v2")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt is of none of the variants lite, v1, v2"):
        load_network(tmp_path / "other.pt")


def test_mask_loss_by_hand() -> None:
    logits = torch.full((1, 1, 2, 2), -2.0)
    logits[0, 0, 0] = 2.0
    label = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    p, q = 1 / (1 + np.exp(-2.0)), 1 / (1 + np.exp(2.0))
    dice = 1 - 2 * (p + q) / (2 * p**2 + 2 * q**2 + 2)
    bce = -(np.log(p) + np.log(1 - p) + np.log(q) + np.log(1 - q)) / 4
    iou = (0.5 - 1 / 3) ** 2
    output = PromptedOutput(logits, torch.tensor([[0.5]]), torch.zeros(1))
    assert MaskLoss()(output, label).item() == pytest.approx(dice + bce + iou, abs=1e-5)
    assert MaskLoss(dice=0, bce=2, iou=0)(output, label).item() == pytest.approx(2 * bce, abs=1e-6)
    assert mask_iou(logits - 9, torch.zeros_like(label)).tolist() == [[1.0]]


def test_distillation_loss_is_zero_for_equal_answers() -> None:
    generator = torch.Generator().manual_seed(0)
    teacher = PromptedOutput(
        torch.randn(2, 1, 8, 8, generator=generator), torch.rand(2, 1), torch.randn(2, 4, 3, 3, generator=generator)
    )
    label = torch.ones(2, 1, 8, 8)
    assert DistillationLoss()(Lesson(teacher, teacher), label).item() == pytest.approx(0, abs=1e-6)
    shifted = teacher._replace(embedding=teacher.embedding + 0.5)
    assert DistillationLoss(embedding=2)(Lesson(shifted, teacher), label).item() == pytest.approx(0.5, abs=1e-5)
    supervised = DistillationLoss(0, 0, 3)(Lesson(teacher, teacher), label)
    assert supervised.item() == pytest.approx(3 * MaskLoss()(teacher, label).item(), rel=1e-6)


def test_scores_of_label_maps() -> None:
    truth, found = torch.zeros(1, 20, 30), torch.zeros(1, 20, 30)
    truth[0, 2:6, 3:13], truth[0, 10:15, 20:28] = 1, 2
    found[0, 2:6, 3:8] = 1  # half of the first: Dice 2 * 20 / 60; the second is missed
    metric = LabelDiceMetric("dice")
    metric([found], [truth])
    assert metric.aggregate().item() == pytest.approx((2 / 3 + 0) / 2)
    challenge = ChallengeMetric(["dice", "nsd", "nsd_published"])
    challenge([truth], [truth], spacing=[torch.tensor([1.0, 1.0])])
    assert {name: value.item() for name, value in challenge.aggregate().items()} == {
        "dice": 1,
        "nsd": 1,
        "nsd_published": 1,
    }


def test_spacing_follows_the_axes_and_the_published_one_does_not() -> None:
    truth = torch.zeros(1, 20, 20, 12)
    found = truth.clone()
    truth[0, 5:15, 5:15, 3:9] = 1
    found[0, 5:15, 5:15, 4:9] = 1  # one slice, 5 mm, short
    metric = ChallengeMetric(["nsd", "nsd_published"])
    metric([found], [truth], spacing=[torch.tensor([1.0, 1.0, 5.0])])
    scores = metric.aggregate()
    # as published the slice's step is taken for 1 mm, inside the tolerance of 2
    assert scores["nsd_published"] == 1
    assert scores["nsd"] < 0.95
