# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""From a mask of nuclei to single nuclei."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

__all__ = ["split_instances"]


def split_instances(mask: np.ndarray, depth: float = 0.5) -> np.ndarray:
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
