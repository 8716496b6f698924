# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Area under the receiver operating characteristic over the pixels of an image."""

from __future__ import annotations

import math

import numpy as np

from litemed.metrics.inputs import Image, in_region, to_array, to_mask

__all__ = ["roc_auc"]


def roc_auc(prob: Image, truth: Image, *, region: Image | None = None) -> float:
    """Area under the ROC curve: how often a true pixel gets a higher value than a false one, ties counting half.

    This is the Mann-Whitney statistic (Hanley and McNeil 1982), counted in integers, so that no threshold grid and no
    summation order enters the result.

    Args:
        prob: probabilities, or any real values that rank the pixels, of any shape.
        truth: true mask of the same shape, bool or 0 and 1.
        region: mask of the same shape; pixels outside it are not counted.

    Returns:
        0 to 1; nan when all pixels are true or all are false, as there is no pair to rank.

    Raises:
        ValueError: when shapes differ, a mask is not binary, a value is nan, or there is no pixel to count.
    """
    values, mask = to_array(prob), to_mask(truth, "truth")
    if values.shape != mask.shape:
        raise ValueError(f"prob and truth must have the same shape, got {values.shape} and {mask.shape}")
    values, mask = in_region(region, values, mask)
    if np.isnan(values).any():
        raise ValueError(f"prob has {np.count_nonzero(np.isnan(values))} nan values")

    true, false = np.sort(values[mask]), np.sort(values[~mask])
    pairs = true.size * false.size
    if not pairs:
        return math.nan
    # the fewer are looked up among the more: ranks of either side give the other's by complement
    few, many = (true, false) if true.size < false.size else (false, true)
    below = int(many.searchsorted(few, "left").sum())
    not_above = int(many.searchsorted(few, "right").sum())
    share = (below + not_above) / (2 * pairs)
    return share if few is true else 1 - share
