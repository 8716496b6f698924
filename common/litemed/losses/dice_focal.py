# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Dice plus focal loss on the same probabilities."""

from __future__ import annotations

from typing import Any

import monai.losses
import torch

from litemed.losses.inputs import full_precision

__all__ = ["DiceFocalLoss"]


class DiceFocalLoss(monai.losses.DiceFocalLoss):
    """:py:class:`monai.losses.DiceFocalLoss` with both terms on the same probabilities, in full precision.

    The class-prompt paper's loss (eqs. 4 and 5) is ``DiceFocalLoss(sigmoid=True)``, on logits. It differs from MONAI's
    in two points:

    - with ``softmax=True`` the focal term takes the softmax too; MONAI's keeps the sigmoid there;
    - float16 and bfloat16 are computed in float32: a Dice sum over 256x256 pixels overflows float16, and
      bfloat16 keeps three digits of it.

    The arguments are those of MONAI's class.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.focal.use_softmax = self.dice.softmax

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """
        Args:
            input: logits (B, C, spatial...).
            target: (B, C, spatial...), or class indices (B, 1, spatial...) with ``to_onehot_y``.
        """
        return super().forward(full_precision(input), full_precision(target))
