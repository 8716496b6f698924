# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics of anatomy: broken relations between regions, connected components and Betti numbers of each region."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.utils import MetricReduction
from scipy import ndimage

from litemed.metrics.anatomy import Anatomy
from litemed.metrics.cases import RegionMetric
from litemed.metrics.inputs import Image, in_region, mask_pair, to_mask

__all__ = ["TopologyMetric", "TopologyScores", "ViolationMetric", "betti_numbers", "broken_pixels", "topology_scores"]


def broken_pixels(masks: Image, anatomy: Anatomy) -> np.ndarray:
    """Mark the pixels that take part in a broken relation.

    Args:
        masks: (channels, spatial), bool or 0 and 1: a one-hot label map, or filled regions in mode "nested".
        anatomy: the declared relations. In mode "disjoint" a relation is broken between two neighbouring pixels, and
            both are marked.

    Returns:
        bool (relations, spatial), in the order of ``anatomy.relations``.

    Raises:
        ValueError: when a value is neither 0 nor 1, or the channels don't fit the anatomy.
    """
    maps = torch.from_numpy(to_mask(masks, "masks")).float()[None]
    broken = torch.zeros(len(anatomy.relations), *maps.shape[2:], dtype=torch.bool)
    for marks, violations in zip(broken.split(1), anatomy.violations(maps), strict=True):
        for violation in violations:
            marks[violation.first] |= violation.amount > 0
            marks[violation.second] |= violation.amount > 0
    return broken.numpy()


class ViolationMetric(RegionMetric):
    """How often predictions break a declared anatomy: the share of pixels, and of cases.

    Takes binarised ``y_pred`` of shape (batch, channels, spatial), or a list of (channels, spatial), and optionally
    ``region``, one mask of shape (1, spatial) for each case. ``y`` is not looked at: call the metric with the truth
    as ``y_pred`` for the rate of the labels themselves.

    Args:
        anatomy: the declared relations; ``$@loss.anatomy`` in the configuration of a bundle trained with TIU loss.
        scores: "violated_pixels", the share of all pixels that :py:func:`broken_pixels` marks, and
            "violated_cases", which is 1 for a case with any such pixel and else 0, so that its mean is a rate.
        per_relation: report each of ``anatomy.relations`` in the place of a class, rather than whether any is broken.
        reduction, get_not_nans: as in :py:class:`litemed.metrics.CaseMetric`.
    """

    available = ("violated_pixels", "violated_cases")

    def __init__(
        self,
        anatomy: Anatomy,
        scores: str | Sequence[str] = available,
        *,
        per_relation: bool = False,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(scores, include_background=True, reduction=reduction, get_not_nans=get_not_nans)
        self.anatomy = anatomy
        self.per_relation = per_relation

    def _score_case(self, pred: torch.Tensor, truth: torch.Tensor, case_input: np.ndarray | None) -> torch.Tensor:
        broken = broken_pixels(pred, self.anatomy)
        if not self.per_relation:
            broken = np.any(broken, axis=0)[np.newaxis]
        rows = [self._score(marks, marks, case_input) for marks in broken]
        return torch.tensor(rows, dtype=torch.float64)

    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: np.ndarray | None) -> tuple[float, ...]:
        (marks,) = in_region(case_input, pred)
        return float(marks.mean()), float(marks.any())


def betti_numbers(mask: Image) -> tuple[int, ...]:
    """Count the components, holes and cavities of a mask.

    Pixels that share a corner are connected (8 neighbours in 2D, 26 in 3D), so that the background is connected
    through faces. What lies outside the image is background.

    Args:
        mask: 2D or 3D, bool or 0 and 1.

    Returns:
        (components, holes) in 2D, (components, tunnels, cavities) in 3D.

    Raises:
        ValueError: when the mask is not binary or has another number of dimensions.
    """
    array = to_mask(mask, "mask")
    if array.ndim not in (2, 3):
        raise ValueError(f"expected a 2D or 3D mask, got shape {array.shape}")
    occupied = ndimage.find_objects(array.view(np.uint8))
    if not occupied:
        return (0,) * array.ndim
    array = np.pad(array[occupied[0]], 1)
    _, components = ndimage.label(array, structure=np.ones((3,) * array.ndim))
    euler = _euler_number(array)
    if array.ndim == 2:
        return components, components - euler
    _, background = ndimage.label(~array)
    cavities = background - 1
    return components, components + cavities - euler, cavities


@dataclass(frozen=True)
class TopologyScores:
    """Betti numbers of two masks, as :py:func:`betti_numbers` counts them, and their differences.

    Attributes:
        pred: Betti numbers of the predicted mask.
        truth: Betti numbers of the true mask.
    """

    pred: tuple[int, ...]
    truth: tuple[int, ...]

    @property
    def components(self) -> int:
        """Connected components of the predicted mask."""
        return self.pred[0]

    @property
    def component_error(self) -> int:
        """Components too many or too few."""
        return abs(self.pred[0] - self.truth[0])

    @property
    def betti_error(self) -> int:
        """Sum of the absolute differences of all Betti numbers, over the whole image."""
        return sum(abs(ours - theirs) for ours, theirs in zip(self.pred, self.truth, strict=True))


def topology_scores(pred: Image, truth: Image, *, region: Image | None = None) -> TopologyScores:
    """Compare the topology of two masks.

    Args:
        pred: predicted mask, 2D or 3D, bool or 0 and 1.
        truth: true mask of the same shape.
        region: mask of the same shape; what lies outside it counts as background in both (a fundus camera's field of
            view).

    Raises:
        ValueError: when shapes differ, a mask is not binary, or it is neither 2D nor 3D.
    """
    pred, truth = mask_pair(pred, truth)
    if region is not None:
        inside, _ = mask_pair(region, truth)
        pred, truth = pred & inside, truth & inside
    return TopologyScores(betti_numbers(pred), betti_numbers(truth))


class TopologyMetric(RegionMetric):
    """:py:func:`topology_scores` of every case and class.

    Takes binarised ``y_pred`` and ``y`` of shape (batch, channels, spatial), or lists of (channels, spatial), and
    optionally ``region``, one mask of shape (1, spatial) for each case.

    The scores are "components", "component_error" and "betti_error"; the arguments those of
    :py:class:`litemed.metrics.CaseMetric`.
    """

    available = ("components", "component_error", "betti_error")

    def _score(self, pred: np.ndarray, truth: np.ndarray, case_input: np.ndarray | None) -> tuple[float, ...]:
        result = topology_scores(pred, truth, region=case_input)
        return tuple(getattr(result, score) for score in self.available)


def _euler_number(array: np.ndarray) -> int:
    """Euler number of the union of closed pixels; the array's border is background.

    Counts the cells of every dimension (vertices, edges, faces, cubes): a cell belongs to the union when any pixel
    around it does.
    """
    total = 0
    for thin in itertools.product((False, True), repeat=array.ndim):
        cells = array
        for axis in np.flatnonzero(thin):
            cells = np.moveaxis(cells, axis, 0)
            cells = np.moveaxis(cells[1:] | cells[:-1], 0, axis)
        dimension = array.ndim - sum(thin)
        total += (-1) ** dimension * int(np.count_nonzero(cells))
    return total
