# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Checked input of the metrics: arrays of zeros and ones from NumPy or PyTorch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["Image", "in_region", "mask_pair", "to_array", "to_mask"]

Image: TypeAlias = "np.ndarray | torch.Tensor"


def to_array(image: Image) -> np.ndarray:
    """The image as a NumPy array, without a copy where its memory and type allow."""
    torch: Any = sys.modules.get("torch")  # who has a tensor has loaded it
    if torch is not None and isinstance(image, torch.Tensor):
        tensor: Any = image.detach().cpu()
        return np.asarray(tensor.float() if tensor.dtype == torch.bfloat16 else tensor)
    return np.asarray(image)


def to_mask(image: Image, name: str) -> np.ndarray:
    """The image as a bool array, one byte a voxel; a bool image is not copied.

    Args:
        image: bool, or any numeric type that holds 0 and 1 only.
        name: what to call the image in an error.

    Raises:
        ValueError: when a value is neither 0 nor 1 (a label map, probabilities, NaN).
    """
    array = to_array(image)
    if array.dtype == bool:
        return array
    mask = array != 0
    wrong = mask != array
    if wrong.any():
        raise ValueError(f"{name} must hold 0 and 1 only, got the value {array[wrong][0]}")
    return mask


def mask_pair(pred: Image, truth: Image) -> tuple[np.ndarray, np.ndarray]:
    """Both masks as bool arrays of one shape.

    Raises:
        ValueError: when the shapes differ or a value is neither 0 nor 1.
    """
    pred, truth = to_mask(pred, "pred"), to_mask(truth, "truth")
    if pred.shape != truth.shape:
        raise ValueError(f"pred and truth must have the same shape, got {pred.shape} and {truth.shape}")
    return pred, truth


def in_region(region: Image | None, *images: np.ndarray) -> list[np.ndarray]:
    """The pixels of images of one shape that lie in a region, flattened; the images themselves without a region.

    Raises:
        ValueError: when the region has another shape or is not binary, or when no pixel remains.
    """
    chosen = list(images)
    if region is not None:
        mask = to_mask(region, "region")
        if mask.shape != images[0].shape:
            raise ValueError(f"region must have the shape of the images, {images[0].shape}, got {mask.shape}")
        chosen = [image[mask] for image in images]
    if not chosen[0].size:
        raise ValueError("there is no pixel to score: the image or the region is empty")
    return chosen
