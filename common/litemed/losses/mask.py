# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Masks and the IoU that a network predicts of them."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from monai.losses import DiceLoss
from torch.nn.modules.loss import _Loss

__all__ = ["MaskLoss", "MaskOutput", "mask_iou"]


class MaskOutput(Protocol):
    """What a box-prompted network gives in training."""

    @property
    def logits(self) -> torch.Tensor:
        """Of the masks, ``(B, 1, H, W)``."""

    @property
    def iou(self) -> torch.Tensor:
        """Predicted of them, ``(B, 1)``."""


class MaskLoss(_Loss):
    """Dice + binary cross entropy + squared error of the predicted IoU (SwiftMedSAM paper, section 2.2; upstream code).

    Dice is of sigmoid probabilities with squared denominators. The true IoU is that of the mask at probability 0.5.

    Args:
        dice: weight of Dice.
        bce: weight of the cross entropy.
        iou: weight of the error of the IoU.
    """

    def __init__(self, dice: float = 1.0, bce: float = 1.0, iou: float = 1.0) -> None:
        super().__init__()
        self.weights = (dice, bce, iou)
        self.dice = DiceLoss(sigmoid=True, squared_pred=True)

    def forward(self, output: MaskOutput, label: torch.Tensor) -> torch.Tensor:
        """
        Args:
            output: of a network in training, such as `litemed.networks.PromptedOutput`.
            label: ``(B, 1, 256, 256)``, 1 on the object.
        """
        logits = output.logits.float()
        terms = (
            self.dice(logits, label),
            F.binary_cross_entropy_with_logits(logits, label),
            F.mse_loss(output.iou.float(), mask_iou(logits, label)),
        )
        return torch.stack([weight * term for weight, term in zip(self.weights, terms, strict=True)]).sum()


def mask_iou(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """IoU of each mask with its label, ``(B, 1)``; 1 where both are empty. No gradient goes through it."""
    mask, true = (logits.detach() > 0).flatten(1), (label > 0.5).flatten(1)
    union = (mask | true).sum(dim=1)
    return torch.where(union > 0, (mask & true).sum(dim=1) / union.clamp_min(1), 1.0).unsqueeze(1)
