# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Dice, binary cross entropy and Jaccard, summed and weighted by alpha."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch.nn.modules.loss import _Loss

from litemed.losses.inputs import full_precision, match_target

__all__ = ["AlphaCompoundLoss"]


class AlphaCompoundLoss(_Loss):
    """Mini-Net's loss, ``alpha * (Dice + BCE + Jaccard)`` (section III.B, eqs. 12 to 16).

    With ``p`` the probability, ``t`` the binary target and sums over the pixels of one channel of one image:

    - ``"dice"``: ``1 - 2 sum(pt) / (sum(p) + sum(t))``. Eq. 12 prints it without the factor 2 and squared, so that a
      perfect prediction would cost 1/4; this is the standard form.
    - ``"jaccard"``: ``1 - sum(pt) / (sum(p) + sum(t) - sum(pt))`` (eq. 13).
    - ``"bce"``: the mean of ``-(t log p + (1 - t) log(1 - p))`` (eq. 14).

    The paper asks that alpha follow the error of each image (section III.B, at eq. 15) and leaves it undefined. The
    definition behind ``alpha="error"`` is ours: ``alpha = 1 + (alpha_max - 1) e``, where ``e`` is the soft Dice error
    of the image (0 to 1, its mean over channels), a constant to the gradient. An image counts up to ``alpha_max``
    times as much while it is wrong, and alpha falls to 1 as it is learnt. It depends on nothing but the current
    prediction: there is no state to save or to restore.

    Table VI's combinations are ``terms`` with ``alpha=1`` or ``alpha="error"``.

    Masking: :py:class:`monai.losses.MaskedLoss` sets masked values to 0, which among logits means a probability of
    0.5. Give it probabilities and ``sigmoid=False``: then masked pixels are exact non-events of Dice and Jaccard, and
    BCE remains a mean over all pixels, masked ones included as zeros.

    Example:
        >>> loss = AlphaCompoundLoss(terms=("dice", "bce"), alpha="error", sigmoid=True)
        >>> loss(torch.randn(4, 1, 32, 32), torch.ones(4, 1, 32, 32)).shape
        torch.Size([])
    """

    TERMS = ("dice", "bce", "jaccard")

    def __init__(
        self,
        terms: Sequence[str] = TERMS,
        alpha: float | str = "error",
        alpha_max: float = 2.0,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        reduction: str = "mean",
        smooth_nr: float = 1e-5,
        smooth_dr: float = 1e-5,
        batch: bool = False,
    ) -> None:
        """
        Args:
            terms: one or more of ``"dice"``, ``"bce"``, ``"jaccard"``.
            alpha: ``"error"`` for the weight defined above, or a number > 0; 1 is the plain sum.
            alpha_max: alpha of an image that is entirely wrong, >= 1; only used with ``alpha="error"``.
            include_background: if False, channel 0 is left out where there are several channels.
            to_onehot_y: whether the target holds class indices, to be expanded to the channels of the input.
            sigmoid: whether the input is logits; otherwise probabilities in [0, 1].
            reduction: ``"mean"`` or ``"sum"`` over images and channels, or ``"none"``.
            smooth_nr: added to the numerator of Dice and Jaccard, as in MONAI's ``DiceLoss``.
            smooth_dr: added to their denominator.
            batch: whether all images of the batch make one, in every sum and for alpha.

        Raises:
            ValueError: when an option is unknown or out of its range.
        """
        super().__init__(reduction=reduction)
        if not terms or len(set(terms)) != len(terms) or not set(terms) <= set(self.TERMS):
            raise ValueError(f"expected distinct terms out of {self.TERMS}, got {tuple(terms)}")
        if (alpha != "error") if isinstance(alpha, str) else not alpha > 0:
            raise ValueError(f'expected alpha "error" or a number > 0, got {alpha!r}')
        if not alpha_max >= 1:
            raise ValueError(f"expected alpha_max >= 1, got {alpha_max}")
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f'expected reduction "mean", "sum" or "none", got {reduction!r}')
        self.terms = tuple(terms)
        self.alpha = alpha
        self.alpha_max = alpha_max
        self.include_background = include_background
        self.to_onehot_y = to_onehot_y
        self.sigmoid = sigmoid
        self.smooth_nr = smooth_nr
        self.smooth_dr = smooth_dr
        self.batch = batch

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """
        Args:
            input: (B, C, spatial...).
            target: binary (B, C, spatial...), or class indices (B, 1, spatial...) with ``to_onehot_y``.

        Returns:
            A scalar; with ``reduction="none"`` one value an image and channel, (B, C, 1...), B being 1 with ``batch``.

        Raises:
            ValueError: when the shapes don't fit.
        """
        input = full_precision(input)
        target = match_target(target, input, self.to_onehot_y)
        if not self.include_background and input.shape[1] > 1:
            input, target = input[:, 1:], target[:, 1:]
        axes = [0] * self.batch + list(range(2, input.ndim))
        probability = torch.sigmoid(input) if self.sigmoid else input

        intersection = (probability * target).sum(axes, keepdim=True)
        total = probability.sum(axes, keepdim=True) + target.sum(axes, keepdim=True)
        dice = 1 - (2 * intersection + self.smooth_nr) / (total + self.smooth_dr)
        losses = []
        if "dice" in self.terms:
            losses.append(dice)
        if "bce" in self.terms:
            entropy = F.binary_cross_entropy_with_logits if self.sigmoid else F.binary_cross_entropy
            losses.append(entropy(input, target, reduction="none").mean(axes, keepdim=True))
        if "jaccard" in self.terms:
            losses.append(1 - (2 * intersection + self.smooth_nr) / (2 * (total - intersection) + self.smooth_dr))
        if isinstance(self.alpha, str):
            alpha = 1 + (self.alpha_max - 1) * dice.detach().mean(1, keepdim=True)
        else:
            alpha = dice.new_tensor(self.alpha)
        loss = alpha * torch.stack(losses).sum(0)

        if self.reduction == "none":
            return loss
        return loss.mean() if self.reduction == "mean" else loss.sum()
