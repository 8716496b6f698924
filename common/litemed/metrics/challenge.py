# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The published scores of the MedSAM on Laptop challenge (CVPR 2024), beside the true ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from litemed.metrics.inputs import Image, to_array
from litemed.metrics.overlap import overlap_scores
from litemed.metrics.surface import Spacing, spacing_steps, surface_scores

__all__ = ["ChallengeScores", "challenge_compat"]


@dataclass(frozen=True)
class ChallengeScores:
    """Means over the labels of one case.

    Attributes:
        dice: Dice, which the challenge computes correctly.
        nsd: NSD by DeepMind's definition, with the right spacing, of contours in 2D and surfaces in 3D.
        nsd_published: NSD as the challenge's script computes it.
        labels: number of labels in the truth.
    """

    dice: float
    nsd: float
    nsd_published: float
    labels: int


def challenge_compat(pred: Image, truth: Image, *, spacing: Spacing = None, tolerance: float = 2.0) -> ChallengeScores:
    """Dice and NSD of one case of the challenge, the NSD both true and as published.

    The challenge's script differs from the definition of NSD in three ways, all reproduced in ``nsd_published``:

    - 3D: the spacing is stored as x, y, z and applied to arrays in z, y, x.
    - 2D: the image becomes a volume of one slice at spacing 1, so that the whole area of a mask counts as surface.
    - NSD is 0 where the mean Dice of the case is 0.2 or less.

    Args:
        pred: predicted label map, 2D or 3D. Labels that the truth does not have are not scored, as in the challenge.
        truth: true label map of the same shape; 0 is background.
        spacing: size of a voxel in the order of the array's axes (for the challenge's files: their spacing reversed),
            in mm; None for 1.
        tolerance: of NSD, in mm, in pixels when ``spacing`` is None.

    Raises:
        ValueError: when shapes differ, are neither 2D nor 3D, or the truth has no label.
    """
    predicted, true = to_array(pred), to_array(truth)
    if predicted.shape != true.shape:
        raise ValueError(f"pred and truth must have the same shape, got {predicted.shape} and {true.shape}")
    steps = spacing_steps(spacing, true.shape)
    labels = [label for label in np.unique(true) if label]
    if not labels:
        raise ValueError("the truth has no label to score, all of it is background")

    rows = []
    for label in labels:
        a, b = predicted == label, true == label
        nsd = surface_scores(a, b, spacing=steps, tolerance=tolerance, definition="deepmind").nsd
        slab = (a[..., None], b[..., None]) if true.ndim == 2 else (a, b)
        wrong_steps = (1.0, 1.0, 1.0) if true.ndim == 2 else steps[::-1]
        published = surface_scores(*slab, spacing=wrong_steps, tolerance=tolerance, definition="deepmind").nsd
        rows.append((overlap_scores(a, b).dice, nsd, published))
    dice, nsd, published = np.mean(rows, axis=0).tolist()
    return ChallengeScores(dice, nsd, published if dice > 0.2 else 0.0, len(labels))
