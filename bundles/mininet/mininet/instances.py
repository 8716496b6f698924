# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""From a mask of nuclei to single nuclei, and how many of them are found."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

__all__ = ["instance_f1", "split_instances"]


def split_instances(mask: np.ndarray, depth: float = 1.0) -> np.ndarray:
    """Divide touching objects where a mask is narrow: a watershed of the distance to the background.

    Args:
        mask: bool, 2D.
        depth: by how many pixels the neck between two objects is narrower, on each side, than the smaller of them.

    Returns:
        Labels of the mask's shape: 0 background, 1 to N objects.
    """
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1.0)
    markers, _ = ndimage.label(h_maxima(distance, depth) * mask, np.ones((3, 3)))
    found = watershed(-distance, markers, mask=mask)
    # parts too small for a maximum of that depth are objects too
    small, _ = ndimage.label(mask & (found == 0))
    return np.where(small > 0, small + found.max(), found)


def instance_f1(pred: np.ndarray, truth: np.ndarray, iou: float = 0.5) -> float:
    """F1 of objects: 2 matched / (predicted + true); 1 where there is none of either.

    An object is matched by the one whose IoU with it is above the threshold; from one half on there is at most one.

    Args:
        pred: labels, 0 background.
        truth: labels of the same shape.
        iou: threshold, at least 0.5.

    Raises:
        ValueError: for a lower threshold, or another shape.
    """
    if iou < 0.5:
        raise ValueError(f"expected an iou of at least 0.5, got {iou}")
    if pred.shape != truth.shape:
        raise ValueError(f"pred and truth must have the same shape, got {pred.shape} and {truth.shape}")
    sizes = [dict(zip(*np.unique(labels[labels > 0], return_counts=True), strict=True)) for labels in (pred, truth)]
    if not sizes[0] and not sizes[1]:
        return 1.0
    both = (pred > 0) & (truth > 0)
    pairs, common = np.unique(np.stack([pred[both], truth[both]]), axis=1, return_counts=True)
    matched = sum(
        shared / (sizes[0][first] + sizes[1][second] - shared) > iou
        for first, second, shared in zip(*pairs, common, strict=True)
    )
    return 2 * int(matched) / (len(sizes[0]) + len(sizes[1]))
