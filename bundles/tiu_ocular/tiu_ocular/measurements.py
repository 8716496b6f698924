# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a clinician reads off an eye: areas and their ratios, lid opening, iris and pupil, and how much is hidden."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

from tiu_ocular.limbus import Ellipse, border_points, fit_outline
from tiu_ocular.regions import REGIONS

__all__ = ["COMPARED", "DEFINITIONS", "RATIOS", "compare_eyes", "measure_eye"]

Measurements = dict[str, Any]

DEFINITIONS: dict[str, str] = {
    "sclera_area": "visible sclera",
    "iris_area": "visible iris without the pupil",
    "pupil_area": "visible pupil; the largest inside the iris where there are several",
    "caruncle_area": "visible lacrimal caruncle",
    "opening_area": "area between the lids: sclera, iris, pupil and caruncle together",
    "sclera_to_opening_area": "sclera_area / opening_area",
    "iris_to_opening_area": "(iris_area + pupil_area) / opening_area",
    "iris_to_sclera_area": "(iris_area + pupil_area) / sclera_area",
    "pupil_to_iris_area": "pupil_area / (iris_area + pupil_area)",
    "caruncle_to_opening_area": "caruncle_area / opening_area",
    "fissure_width": "palpebral fissure width: the greatest distance between two points of the opening, the canthi",
    "fissure_height": "palpebral fissure height: the greatest extent of the opening at right angles to the line "
    "through the canthi",
    "fissure_height_at_iris": "the same extent through the centre of the iris",
    "fissure_height_to_width": "fissure_height / fissure_width",
    "upper_lid_distance": "margin reflex distance 1: from the centre of the iris up to the upper lid, at right angles "
    "to the line through the canthi; negative when the lid covers the centre",
    "lower_lid_distance": "margin reflex distance 2: the same down to the lower lid",
    "iris_diameter": "greater axis of the ellipse through the visible limbus (where iris meets sclera or caruncle)",
    "pupil_diameter": "greater axis of the ellipse through the visible border of pupil and iris",
    "pupil_to_iris_diameter": "pupil_diameter / iris_diameter",
    "fissure_height_to_iris_diameter": "fissure_height / iris_diameter: the lid opening without a scale",
    "iris_visible_fraction": "(iris_area + pupil_area) / area inside the ellipse of the limbus, at most 1; what a "
    "drooping lid leaves",
}
"""Every measurement and what it is. Lengths and areas in pixels, or in mm and mm² where a spacing is given."""

RATIOS = (
    "sclera_to_opening_area",
    "iris_to_opening_area",
    "iris_to_sclera_area",
    "pupil_to_iris_area",
    "fissure_height_to_width",
    "pupil_to_iris_diameter",
    "fissure_height_to_iris_diameter",
    "iris_visible_fraction",
)
"""The measurements that need no scale."""

COMPARED = (
    "sclera_area",
    "opening_area",
    "fissure_width",
    "fissure_height",
    "upper_lid_distance",
    "iris_diameter",
    "pupil_diameter",
    *RATIOS,
)
"""What is compared between the left and the right eye."""

_NOTEWORTHY = 0.05  # share of the largest part from which a further part is no speck
_NOTEWORTHY_EYE = 0.25


class _Eye(NamedTuple):
    """The parts of one eye, bool (H, W), and remarks on what was left out."""

    sclera: np.ndarray
    iris: np.ndarray
    pupil: np.ndarray
    caruncle: np.ndarray
    flags: list[str]

    @property
    def disc(self) -> np.ndarray:
        return self.iris | self.pupil

    @property
    def opening(self) -> np.ndarray:
        return self.sclera | self.disc | self.caruncle


def measure_eye(labels: ArrayLike, spacing: float | None = None) -> Measurements:
    """Measure one eye in a label map. :data:`DEFINITIONS` says what every number is.

    The picture should be upright. Specks apart from the eye are left out. Of several pupils the largest inside the
    iris counts, and of several eyes the one with the largest opening; ``flags`` then says so.

    Args:
        labels: (H, W) of the values 0 to 4: background, sclera, iris, pupil, caruncle.
        spacing: side of a pixel in mm; None measures in pixels.

    Returns:
        The measurements by name, float, or None where a region that they need is missing or too little of an outline
        is visible; ``unit``, ``"mm"`` or ``"pixel"``; and ``flags``, a list of remarks: ``"closed"`` (no region at
        all), ``"no iris"``, ``"no pupil"``, ``"several eyes"``, ``"several irises"``, ``"several pupils"``,
        ``"cut by the picture's border"``.

    Raises:
        ValueError: when the labels are no plane of these values, or the spacing isn't positive.
    """
    values = np.asarray(labels)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"expected labels as (H, W), got shape {values.shape}")
    unknown = [value for value in np.unique(values).tolist() if value not in range(len(REGIONS))]
    if unknown:
        raise ValueError(f"expected label values 0 to {len(REGIONS) - 1}, got {unknown[0]}")
    if spacing is not None and not 0 < spacing < math.inf:
        raise ValueError(f"expected a spacing above 0 mm, got {spacing}")
    eye = _one_eye(values)
    side = 1.0 if spacing is None else float(spacing)
    found: dict[str, float | None] = dict.fromkeys(DEFINITIONS)
    for name in ("sclera", "iris", "pupil", "caruncle", "opening"):
        found[f"{name}_area"] = _area(getattr(eye, name), side)
    limbus = fit_outline(border_points(eye.disc, eye.sclera | eye.caruncle))
    if limbus is not None:
        found["iris_diameter"] = 2 * limbus.major * side
        found["iris_visible_fraction"] = min(1.0, int(np.count_nonzero(eye.disc)) / limbus.area)
    pupil = fit_outline(border_points(eye.pupil, eye.iris))
    if pupil is not None:
        found["pupil_diameter"] = 2 * pupil.major * side
    if eye.opening.any():
        found |= _fissure(eye.opening, side, limbus)
    disc = _area(eye.disc, side)
    found["sclera_to_opening_area"] = _ratio(found["sclera_area"], found["opening_area"])
    found["iris_to_opening_area"] = _ratio(disc, found["opening_area"])
    found["iris_to_sclera_area"] = _ratio(disc, found["sclera_area"])
    found["pupil_to_iris_area"] = _ratio(found["pupil_area"], disc)
    found["caruncle_to_opening_area"] = _ratio(found["caruncle_area"], found["opening_area"])
    found["fissure_height_to_width"] = _ratio(found["fissure_height"], found["fissure_width"])
    found["pupil_to_iris_diameter"] = _ratio(found["pupil_diameter"], found["iris_diameter"])
    found["fissure_height_to_iris_diameter"] = _ratio(found["fissure_height"], found["iris_diameter"])
    return {**found, "unit": "pixel" if spacing is None else "mm", "flags": eye.flags}


def compare_eyes(left: Mapping[str, Any], right: Mapping[str, Any]) -> Measurements:
    """Compare the two eyes of a person.

    Args:
        left: measurements of the left eye, from :func:`measure_eye`.
        right: those of the right eye, in the same unit and from a picture of the same scale.

    Returns:
        For each of :data:`COMPARED`, ``<name>_difference``, left less right, and ``<name>_asymmetry``, the difference
        as a share of the mean of both magnitudes; None where either eye lacks it.

    Raises:
        ValueError: when the units differ.
    """
    if left["unit"] != right["unit"]:
        raise ValueError(f"the left eye is measured in {left['unit']}, the right one in {right['unit']}")
    compared: Measurements = {}
    for name in COMPARED:
        a, b = left[name], right[name]
        known = a is not None and b is not None
        compared[f"{name}_difference"] = a - b if known else None
        mean = (abs(a) + abs(b)) / 2 if known else 0
        compared[f"{name}_asymmetry"] = (a - b) / mean if mean else None
    return compared


def _one_eye(labels: np.ndarray) -> _Eye:
    """The eye with the largest opening, its largest iris, and the largest pupil in that."""
    flags: list[str] = []
    opening, eyes = _largest(labels > 0, _NOTEWORTHY_EYE)
    labels = np.where(opening, labels, 0)
    disc, irises = _largest(np.isin(labels, (REGIONS.index("iris"), REGIONS.index("pupil"))))
    pupils = labels == REGIONS.index("pupil")
    pupil, _ = _largest(pupils & disc)
    _, count = _largest(pupils)
    eye = _Eye(
        sclera=labels == REGIONS.index("sclera"),
        iris=disc & (labels == REGIONS.index("iris")),
        pupil=pupil,
        caruncle=labels == REGIONS.index("caruncle"),
        flags=flags,
    )
    remarks = {
        "closed": not opening.any(),
        "no iris": opening.any() and not eye.iris.any(),
        "no pupil": opening.any() and not pupil.any(),
        "several eyes": eyes > 1,
        "several irises": irises > 1,
        "several pupils": count > 1,
        "cut by the picture's border": opening[[0, -1]].any() or opening[:, [0, -1]].any(),
    }
    flags.extend(remark for remark, holds in remarks.items() if holds)
    return eye


def _largest(mask: np.ndarray, noteworthy: float = _NOTEWORTHY) -> tuple[np.ndarray, int]:
    """The largest part of a mask, corners connecting, and how many parts are no specks beside it."""
    parts, count = ndimage.label(mask, structure=np.ones((3, 3)))
    if count == 0:
        return np.zeros_like(mask, dtype=bool), 0
    sizes = np.bincount(parts.ravel())[1:]
    return parts == 1 + int(sizes.argmax()), int(np.count_nonzero(sizes >= noteworthy * sizes.max()))


def _area(mask: np.ndarray, side: float) -> float | None:
    pixels = int(np.count_nonzero(mask))
    return pixels * side**2 if pixels else None


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _fissure(opening: np.ndarray, side: float, limbus: Ellipse | None) -> dict[str, float | None]:
    """Width and heights of the opening, and the distances of the lids from the centre of the iris."""
    rows, columns = np.nonzero(opening ^ ndimage.binary_erosion(opening))
    corners = np.concatenate([np.column_stack([columns + x, rows + y]) for x in (-0.5, 0.5) for y in (-0.5, 0.5)])
    hull = corners[ConvexHull(corners).vertices]
    distances = cdist(hull, hull)
    first, second = np.unravel_index(distances.argmax(), distances.shape)
    width = float(distances[first, second])
    along = (hull[second] - hull[first]) / width
    along = along if along[0] >= 0 else -along
    down = np.array([-along[1], along[0]])

    # the extent at right angles, in slices of one pixel along the line through the canthi
    positions, depths = corners @ along, corners @ down
    slices = np.floor(positions - positions.min()).astype(int)
    top = np.full(slices.max() + 1, np.inf)
    bottom = np.full(slices.max() + 1, -np.inf)
    np.minimum.at(top, slices, depths)
    np.maximum.at(bottom, slices, depths)
    filled = np.isfinite(top)
    lengths: dict[str, float | None] = {"fissure_width": width, "fissure_height": float((bottom - top)[filled].max())}
    if limbus is not None:
        centre = np.array([limbus.x, limbus.y])
        slice_of_centre = math.floor(centre @ along - positions.min())
        if 0 <= slice_of_centre < len(top) and filled[slice_of_centre]:
            upper, lower = float(top[slice_of_centre]), float(bottom[slice_of_centre])
            lengths["fissure_height_at_iris"] = lower - upper
            lengths["upper_lid_distance"] = float(centre @ down) - upper
            lengths["lower_lid_distance"] = lower - float(centre @ down)
    return {name: None if length is None else length * side for name, length in lengths.items()}
