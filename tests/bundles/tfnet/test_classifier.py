# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The frame classifier and its scores."""

from __future__ import annotations

import math

import pytest
import torch
from litemed.networks.reparam import fuse
from tfnet.classifier import CLASSES, FrameClassifier
from tfnet.frame_metrics import FrameClassMetric


@torch.no_grad()
def test_one_logit_a_class_fused_and_scripted_too() -> None:
    torch.manual_seed(0)
    network, image = FrameClassifier().eval(), torch.rand(2, 3, 64, 48)
    logits = network(image)
    assert logits.shape == (2, 4)
    torch.testing.assert_close(torch.jit.script(network)(image), logits)
    torch.testing.assert_close(fuse(network)(image), logits, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_single_small_spot_reaches_the_head_at_full_height() -> None:
    """The maximum keeps a spot that the mean dilutes by the map's 12 places."""
    network = FrameClassifier(width=0.0625).eval()
    network.encoder.forward = lambda x: (x, x, x, torch.eye(3, 4)[None, :1].reshape(1, 1, 1, 4) * 12)
    network.head = torch.nn.Identity()
    assert network(torch.zeros(1, 3, 64, 64)).tolist() == [[3.0, 12.0]]


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    network = FrameClassifier()
    network(torch.randn(2, 3, 64, 48)).square().mean().backward()
    assert not [name for name, parameter in network.named_parameters() if parameter.grad is None]


def test_accuracy_and_recall_of_each_class() -> None:
    # clear 2 of 3, closed 0 of 1, broken 1 of 1, no blur: accuracy 3 of 5
    truth, told = [0, 0, 0, 1, 2], [0, 0, 3, 0, 2]
    metric = FrameClassMetric()
    metric([torch.tensor([value]) for value in told], [torch.tensor([value]) for value in truth])
    scores = {name: value.item() for name, value in metric.aggregate().items()}
    assert scores["accuracy"] == pytest.approx(0.6)
    assert [scores[name] for name in CLASSES[:3]] == pytest.approx([2 / 3, 0, 1])
    assert math.isnan(scores["blur"])
    assert metric.counts()["clear_undefined"] == 2
