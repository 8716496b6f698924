# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The loss of masks and their predicted IoU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from litemed.losses.mask import MaskLoss, mask_iou
from litemed.networks.prompted import PromptedOutput


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
