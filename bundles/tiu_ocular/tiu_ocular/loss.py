# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The paper's losses, cross entropy or Dice, and their sum; alone or with TIU."""

from __future__ import annotations

from collections.abc import Sequence

from litemed.losses.class_weighted_cross_entropy import ClassWeightedCrossEntropyLoss
from litemed.losses.tiu import TIULoss
from monai.losses import DiceCELoss, DiceLoss
from torch.nn.modules.loss import _Loss

from tiu_ocular.presence import PresenceLoss
from tiu_ocular.regions import CONTAINS, EXCLUSIVE, OCCLUDERS, REGIONS

__all__ = ["build_loss"]


def build_loss(
    pixel_loss: str = "ce",
    tiu: bool = True,
    lambda_multiscale: float = 1.0,
    lambda_relation: float = 1.0,
    lambda_pixel: float = 1.0,
    kernel_sizes: Sequence[int] = (4, 5, 8, 10, 20),
    mode: str = "disjoint",
    pooled: str = "mean",
    lambda_presence: float = 0.0,
) -> _Loss:
    """Build the loss of one cell of the paper's tables: logits (B, 5, W, H) and label values (B, 1, W, H) to a scalar.

    Args:
        pixel_loss: ``"ce"``, cross entropy over all pixels; ``"dice"``, soft Dice of the four regions; or, ours,
            ``"dice_ce"``, their sum, with Dice over all pictures of a batch, so that small regions count early.
        tiu: add the two TIU terms (TIU paper, eq. 6). Without them the pixel loss is returned alone.
        lambda_multiscale: weight of the multi-scale term.
        lambda_relation: weight of the intersection-union term.
        lambda_pixel: weight of the pixel loss beside TIU.
        kernel_sizes: max-pooling windows in pixels of the working size.
        mode: ``"disjoint"`` or ``"printed"``, see :class:`litemed.losses.TIULoss`.
        pooled: ``"mean"``, ``"sum"`` or ``"relative"``, see there.
        lambda_presence: weight of :class:`tiu_ocular.presence.PresenceLoss`, ours.

    Raises:
        ValueError: for another pixel loss or mode, or where TIU refuses an option.
    """
    pixel: _Loss
    if pixel_loss == "ce":
        pixel = ClassWeightedCrossEntropyLoss()
    elif pixel_loss == "dice":
        pixel = DiceLoss(include_background=False, softmax=True, to_onehot_y=True)
    elif pixel_loss == "dice_ce":
        pixel = DiceCELoss(include_background=False, softmax=True, to_onehot_y=True, batch=True)
    else:
        raise ValueError(f"expected pixel_loss 'ce', 'dice' or 'dice_ce', got {pixel_loss!r}")
    loss = (
        _with_tiu(pixel, mode, pooled, kernel_sizes, lambda_multiscale, lambda_relation, lambda_pixel) if tiu else pixel
    )
    return PresenceLoss(loss, lambda_presence) if lambda_presence else loss


def _with_tiu(
    pixel: _Loss,
    mode: str,
    pooled: str,
    kernel_sizes: Sequence[int],
    lambda_multiscale: float,
    lambda_relation: float,
    lambda_pixel: float,
) -> _Loss:
    if mode not in ("disjoint", "printed"):
        raise ValueError(f"labels of an eye are disjoint: expected mode 'disjoint' or 'printed', got {mode!r}")
    return TIULoss(
        pixel,
        contains=CONTAINS,
        exclusive=EXCLUSIVE,
        names=REGIONS,
        mode=mode,
        occluders=() if mode == "printed" else OCCLUDERS,
        kernel_sizes=kernel_sizes,
        pooled=pooled,
        to_onehot_y=True,
        lambda_multiscale=lambda_multiscale,
        lambda_relation=lambda_relation,
        lambda_pixel=lambda_pixel,
    )
