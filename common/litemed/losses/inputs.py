# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What every loss does to its input and target before it computes anything."""

from __future__ import annotations

import torch
from monai.data import MetaTensor
from monai.networks import one_hot

__all__ = ["full_precision", "match_target", "plain_tensor"]


def plain_tensor(image: torch.Tensor) -> torch.Tensor:
    """Return ``image`` without MONAI's metadata, which every operation would carry along."""
    return image.as_tensor() if isinstance(image, MetaTensor) else image


def full_precision(input: torch.Tensor) -> torch.Tensor:
    """Return ``input`` as a plain tensor of at least float32.

    A sum over a 256x256 image leaves the range of float16 and rounds to three digits in bfloat16.
    """
    input = plain_tensor(input)
    return input.float() if input.dtype in (torch.float16, torch.bfloat16) else input


def match_target(target: torch.Tensor, input: torch.Tensor, to_onehot_y: bool) -> torch.Tensor:
    """Return ``target`` as a plain tensor of the shape and dtype of ``input``.

    Args:
        target: (B, C, spatial...), or class indices (B, 1, spatial...) with ``to_onehot_y``.
        input: (B, C, spatial...).
        to_onehot_y: whether to expand class indices to C channels; of no effect where C is 1.

    Raises:
        ValueError: when the shapes don't fit.
    """
    target = plain_tensor(target)
    expand = to_onehot_y and input.shape[1] > 1
    expected = (input.shape[0], 1 if expand else input.shape[1], *input.shape[2:])
    if target.shape != expected:
        raise ValueError(
            f"expected a target of shape {tuple(expected)} for an input of shape {tuple(input.shape)} "
            f"with to_onehot_y={to_onehot_y}, got {tuple(target.shape)}"
        )
    if expand:
        target = one_hot(target, num_classes=input.shape[1], dtype=input.dtype)
    return target.to(input)
