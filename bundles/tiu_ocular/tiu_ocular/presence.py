# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a pupil can be told from its iris, as an outcome of its own: its score, its loss, what follows from it."""

from __future__ import annotations

import torch
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

from tiu_ocular.regions import REGIONS

__all__ = ["PresenceLoss", "presence", "without_pupil"]

_IRIS, _PUPIL = REGIONS.index("iris"), REGIONS.index("pupil")
_FEW = 1e-4  # share of a picture's pixels beside which a pupil's own count


def presence(logits: torch.Tensor) -> torch.Tensor:
    """How sure the map is of its pupil, whatever the pupil's size: its probability's mean, weighted by itself.

    Args:
        logits: (B, 5, W, H), channels of :data:`tiu_ocular.REGIONS`.

    Returns:
        (B,), from 0, no pupil anywhere, to 1.
    """
    pupil = logits.softmax(1)[:, _PUPIL].flatten(1)
    return pupil.square().sum(1) / (pupil.sum(1) + _FEW * pupil.shape[1])


def without_pupil(logits: torch.Tensor, least: float) -> torch.Tensor:
    """Give the pupil's probability to the iris where :func:`presence` is below ``least``.

    Args:
        logits: (B, 5, W, H).
        least: from 0, which changes nothing, to 1.
    """
    absent = (presence(logits) < least).view(-1, 1, 1)
    logits = logits.clone()
    iris, pupil = logits[:, _IRIS].clone(), logits[:, _PUPIL].clone()
    logits[:, _IRIS] = torch.where(absent, torch.logaddexp(iris, pupil), iris)
    logits[:, _PUPIL] = torch.where(absent, logits.amin(1) - 10, pupil)
    return logits


class PresenceLoss(_Loss):
    """Another loss, and the cross entropy of :func:`presence` with whether the labels have a pupil.

    Args:
        loss: of logits (B, 5, W, H) and label values (B, 1, W, H).
        weight: of the presence.
    """

    def __init__(self, loss: _Loss, weight: float) -> None:
        super().__init__()
        self.loss, self.weight = loss, weight

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        labelled = (labels == _PUPIL).flatten(1).any(1).to(logits.dtype)
        score = presence(logits).clamp(1e-4, 1 - 1e-4)
        return self.loss(logits, labels) + self.weight * F.binary_cross_entropy(score, labelled)
