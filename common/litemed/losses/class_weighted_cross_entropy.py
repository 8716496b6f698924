# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Cross entropy weighted by how rare each class is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch.nn.modules.loss import _Loss

from litemed.losses.inputs import full_precision, plain_tensor

__all__ = ["ClassWeightedCrossEntropyLoss", "class_weights"]


def class_weights(labels: Iterable[ArrayLike], num_classes: int) -> torch.Tensor:
    """Weigh every class by the inverse of its number of pixels.

    TF-Net, eqs. 10 and 11: ``w_c = N / (C N_c)``, then divided by their sum.

    Args:
        labels: label maps of any shape that hold class indices, such as what MONAI's ``LoadImage`` returns; they are
            read once and one at a time.
        num_classes: number of classes C, background included.

    Returns:
        C weights (float32) that sum to 1.

    Raises:
        ValueError: when a label map holds anything but the integers 0 .. C-1 or a class never occurs.
    """
    counts = np.zeros(num_classes, dtype=np.int64)
    number = 0
    for number, label in enumerate(labels, start=1):
        values = np.asarray(label)
        with np.errstate(invalid="ignore"):
            indices = values.astype(np.int64)
        valid = (indices == values) & (indices >= 0) & (indices < num_classes)
        if not valid.all():
            name = getattr(label, "meta", {}).get("filename_or_obj", f"label map {number}")
            raise ValueError(f"expected class indices 0..{num_classes - 1}, got {values[~valid][0]} in {name}")
        counts += np.bincount(indices.ravel(), minlength=num_classes)
    if not counts.all():
        missing = np.flatnonzero(counts == 0).tolist()
        raise ValueError(f"no pixel of class {missing} in {number} label maps: its weight would be infinite")
    rarity = 1 / counts
    return torch.as_tensor(rarity / rarity.sum(), dtype=torch.float32)


class ClassWeightedCrossEntropyLoss(_Loss):
    """Cross entropy over a softmax of logits, each pixel weighted by its class.

    ``average`` chooses how the weights ``w`` enter the mean:

    - ``"pixel"``, as in TF-Net's published code: the weighted mean over all pixels,
      ``sum_i w[y_i] nll_i / sum_i w[y_i]``, which is ``torch.nn.CrossEntropyLoss(weight)``.
    - ``"class"``, as in TF-Net's eq. 12: ``sum_c w_c mean_{i: y_i = c} nll_i``. The mean over a class already makes
      up for its size, so that weights of :func:`class_weights` count its rarity twice. A class that is absent from
      the batch adds nothing.
    """

    class_weight: torch.Tensor | None

    def __init__(
        self, weight: Sequence[float] | torch.Tensor | None = None, average: str = "pixel", reduction: str = "mean"
    ) -> None:
        """
        Args:
            weight: one weight a class, background included, for instance from :func:`class_weights`; ``None`` weighs
                all classes alike.
            average: ``"pixel"`` or ``"class"``, see above.
            reduction: ``"mean"``, ``"sum"`` or ``"none"``; with ``average="class"`` only ``"mean"``.

        Raises:
            ValueError: when an option is unknown or a weight is negative or not finite.
        """
        super().__init__(reduction=reduction)
        if average not in ("pixel", "class"):
            raise ValueError(f'expected average "pixel" or "class", got {average!r}')
        if reduction not in (("mean", "sum", "none") if average == "pixel" else ("mean",)):
            raise ValueError(f'reduction {reduction!r} is not available with average="{average}"')
        self.average = average
        class_weight = None if weight is None else torch.as_tensor(weight, dtype=torch.float32)
        if class_weight is not None and not (class_weight.isfinite() & (class_weight >= 0)).all():
            raise ValueError(f"expected finite weights >= 0, got {class_weight.tolist()}")
        self.register_buffer("class_weight", class_weight)

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """
        Args:
            input: logits (B, C, spatial...), C at least 2.
            target: class indices (B, 1, spatial...).

        Returns:
            A scalar, or (B, 1, spatial...) with ``reduction="none"``.

        Raises:
            ValueError: when the shapes don't fit each other or the weights.
        """
        logits = full_precision(input)
        batch, channels, *spatial = logits.shape
        if channels < 2 or target.shape != (batch, 1, *spatial):
            raise ValueError(
                "expected logits (B, C, ...) with at least 2 channels and class indices (B, 1, ...), "
                f"got {tuple(input.shape)} and {tuple(target.shape)}"
            )
        if self.class_weight is not None and self.class_weight.shape != (channels,):
            raise ValueError(f"{channels} channels need as many weights, got {self.class_weight.tolist()}")
        indices = plain_tensor(target).squeeze(1).long()
        weight = None if self.class_weight is None else self.class_weight.to(logits)

        if self.average == "pixel":
            loss = F.cross_entropy(logits, indices, weight, reduction=self.reduction)
            return loss.unsqueeze(1) if self.reduction == "none" else loss
        counts = torch.bincount(indices.flatten(), minlength=channels)
        if len(counts) > channels:
            raise ValueError(f"expected class indices 0..{channels - 1}, got {len(counts) - 1}")
        per_pixel = (logits.new_ones(channels) if weight is None else weight) / counts.clamp(min=1)
        return F.cross_entropy(logits, indices, per_pixel, reduction="sum")
