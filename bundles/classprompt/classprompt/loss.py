# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What the class-prompt network is trained for."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from litemed.losses.dice_focal import DiceFocalLoss
from litemed.losses.mask import mask_iou
from torch.nn.modules.loss import _Loss

from classprompt.network import ClassPromptedOutput

__all__ = ["ClassPromptLoss"]


class ClassPromptLoss(_Loss):
    """Dice + focal loss of the mask, cross entropy of the modality, and squared error of the predicted IoU.

    The first two are the paper's (section 2.3, eqs. 4 and 5), the third its class head's; the fourth is LiteMedSAM's,
    so that the predicted IoU stays true while the decoder changes.

    Args:
        dice: weight of Dice, of sigmoid probabilities.
        focal: weight of the focal loss, of the same probabilities.
        modality: weight of the cross entropy.
        iou: weight of the error of the IoU.
    """

    def __init__(self, dice: float = 1.0, focal: float = 1.0, modality: float = 1.0, iou: float = 1.0) -> None:
        super().__init__()
        self.mask = DiceFocalLoss(sigmoid=True, lambda_dice=dice, lambda_focal=focal)
        self.modality = modality
        self.iou = iou

    def forward(self, output: ClassPromptedOutput, label: torch.Tensor) -> torch.Tensor:
        """
        Args:
            output: of a network in training.
            label: ``(B, 1, 256, 256)``, 1 on the object.

        Raises:
            ValueError: when the network wasn't given the true modalities.
        """
        if output.class_id is None:
            raise ValueError("expected the true modality of each image, got none")
        logits = output.logits.float()
        total = self.mask(logits, label)
        known = output.class_id >= 0
        if known.any():
            entropy = F.cross_entropy(output.class_logits[known].float(), output.class_id[known])
            total = total + self.modality * entropy
        return total + self.iou * F.mse_loss(output.iou.float(), mask_iou(logits, label))
