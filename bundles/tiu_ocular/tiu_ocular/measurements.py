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

__all__ = [
    "COMPARED",
    "DEFINITIONS",
    "IRIS_MM",
    "RATIOS",
    "check_scale",
    "compare_eyes",
    "in_mm",
    "measure_eye",
    "measure_eyes",
]

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
    "fissure_width": "horizontal palpebral fissure width: the greatest distance between two points of the opening, the "
    "canthi",
    "fissure_height": "the greatest extent of the opening at right angles to the line through the canthi",
    "pfh": "palpebral fissure height: the same extent through the centre of the iris, mrd1 + mrd2",
    "fissure_height_to_width": "fissure_height / fissure_width",
    "mrd1": "margin reflex distance 1: from the centre of the iris up to the upper lid, at right angles "
    "to the line through the canthi; negative when the lid covers the centre",
    "mrd2": "margin reflex distance 2: the same down to the lower lid",
    "iris_diameter": "greater axis of the ellipse through the visible limbus (where iris meets sclera or caruncle)",
    "pupil_diameter": "greater axis of the ellipse through the visible border of pupil and iris",
    "pupil_to_iris_diameter": "pupil_diameter / iris_diameter",
    "fissure_height_to_iris_diameter": "fissure_height / iris_diameter: the lid opening without a scale",
    "iris_visible_fraction": "(iris_area + pupil_area) / area inside the ellipse of the limbus, at most 1; what a "
    "drooping lid leaves",
}
"""Every measurement and what it is. Lengths and areas in pixels, or in mm and mm² where the scale is known."""

AREAS = ("sclera_area", "iris_area", "pupil_area", "caruncle_area", "opening_area")
LENGTHS = ("fissure_width", "fissure_height", "pfh", "mrd1", "mrd2", "iris_diameter", "pupil_diameter")

IRIS_MM = 11.71
"""Mean horizontal diameter of the visible iris of adults, mm: Ruefer et al., Cornea 24(3), 2005."""

IRIS_MM_SD = 0.42
"""Its standard deviation between persons, mm: there."""

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
    "pfh",
    "mrd1",
    "mrd2",
    "iris_diameter",
    "pupil_diameter",
    *RATIOS,
)
"""What is compared between the left and the right eye."""

_NOTEWORTHY = 0.05  # share of the largest part from which a further part is no speck
_NOTEWORTHY_EYE = 0.25

_IRIS_TO_WIDTH = (0.25, 0.7)  # 11.7 of 29 mm in adults; half-closed lids shorten the opening
_LEAST_SCLERA = 0.1
_SLIT = 0.6  # minor to major axis of a pupil
_CUT = "cut by the picture's border"


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


def measure_eye(labels: ArrayLike, spacing: float | None = None, iris_mm: float | None = None) -> Measurements:
    """Measure one eye in a label map. :data:`DEFINITIONS` says what every number is.

    The picture should be upright. Specks apart from the eye are left out. Of several pupils the largest inside the
    iris counts, and of several eyes the one with the largest opening; ``flags`` then says so.

    Args:
        labels: (H, W) of the values 0 to 4: background, sclera, iris, pupil, caruncle.
        spacing: side of a pixel in mm; None measures in pixels.
        iris_mm: instead, the diameter of the person's iris in mm; :data:`IRIS_MM` where it isn't known.

    Returns:
        The measurements by name, float, or None where a region that they need is missing or too little of an outline
        is visible; ``unit``, ``"mm"`` or ``"pixel"``; and ``flags``, a list of remarks: ``"no open eye"`` (no region at
        all), ``"unlike a human eye"`` (where it isn't cut by the border: less than a tenth of sclera, an iris that is
        less than a quarter or more than seven tenths as wide as the opening, or a slit for a pupil), ``"no iris"``,
        ``"no pupil"``, ``"several eyes"``, ``"several irises"``, ``"several pupils"``,
        ``"cut by the picture's border"``, ``"no scale"`` where mm were asked for and the iris has no diameter. With
        ``iris_mm``, also ``<name>_low`` and ``<name>_high`` of each length and area: its 95 % interval by the spread of
        irises between persons, :data:`IRIS_MM_SD`.

    Raises:
        ValueError: when the labels are no plane of these values, the spacing or the iris isn't positive, or both are
            given.
    """
    check_scale(spacing, iris_mm)
    found = _in_pixels(_plane(labels))
    return in_mm(found, _spacing([found], spacing, iris_mm), by_iris=iris_mm)


def measure_eyes(
    labels: ArrayLike, spacing: float | None = None, iris_mm: float | None = None
) -> dict[str, Measurements]:
    """Measure both eyes of a face, or the only one that the picture shows.

    Args:
        labels: (H, W) of the values 0 to 4.
        spacing: side of a pixel in mm.
        iris_mm: instead, the diameter of the irises in mm: both are of one scale, that of their mean diameter.

    Returns:
        Measurements of ``"right"`` and ``"left"``, the person's, for the largest two parts of which the smaller has at
        least a quarter of the larger one's opening: the right eye is the one to the left, as pictures that aren't
        mirrored show it. Or of ``""``, the only eye.

    Raises:
        ValueError: as :func:`measure_eye`.
    """
    check_scale(spacing, iris_mm)
    values = _plane(labels)
    parts, count = ndimage.label(values > 0, structure=np.ones((3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=1)[1:]
    order = np.argsort(-sizes, kind="stable")[:2]
    if count < 2 or sizes[order[1]] < _NOTEWORTHY_EYE * sizes[order[0]]:
        return {"": measure_eye(values, spacing, iris_mm)}
    pair = sorted(order + 1, key=lambda number: np.nonzero(parts == number)[1].mean())
    found = [_in_pixels(np.where(parts == number, values, 0)) for number in pair]
    if np.count_nonzero(sizes >= _NOTEWORTHY_EYE * sizes.max()) > 2:
        for eye in found:
            eye["flags"].append("several eyes")
    scale = _spacing(found, spacing, iris_mm)
    return {side: in_mm(eye, scale, by_iris=iris_mm) for side, eye in zip(("right", "left"), found, strict=True)}


def check_scale(spacing: float | None, iris_mm: float | None) -> None:
    """Check what gives the scale.

    Raises:
        ValueError: when a number isn't positive and finite, or both are given.
    """
    for name, value in (("a spacing", spacing), ("an iris", iris_mm)):
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"expected {name} above 0 mm, got {value}")
    if spacing is not None and iris_mm is not None:
        raise ValueError(f"the scale is given twice: by spacing {spacing} and by iris_mm {iris_mm}")


def in_mm(found: Measurements, spacing: float | None, by_iris: float | None = None) -> Measurements:
    """Measurements in pixels as measurements in mm.

    Args:
        found: of :func:`measure_eye`, in pixels.
        spacing: side of a pixel in mm; None leaves them in pixels, or, with ``by_iris``, empties lengths and areas.
        by_iris: the iris that the spacing comes from, in mm; adds intervals.
    """
    if spacing is None and by_iris is None:
        return found
    scaled = {**found, "unit": "mm"}
    spread = 0.0 if by_iris is None else 1.96 * IRIS_MM_SD / by_iris
    for names, power in ((LENGTHS, 1), (AREAS, 2)):
        for name in names:
            value = None if found[name] is None or spacing is None else found[name] * spacing**power
            scaled[name] = value
            if by_iris is not None:
                ends = [None] * 2 if value is None else sorted(value * (1 + e * spread) ** power for e in (-1, 1))
                scaled[f"{name}_low"], scaled[f"{name}_high"] = ends
    if spacing is None:
        scaled["flags"] = [*found["flags"], "no scale"]
    return scaled


def _plane(labels: ArrayLike) -> np.ndarray:
    values = np.asarray(labels)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"expected labels as (H, W), got shape {values.shape}")
    unknown = [value for value in np.unique(values).tolist() if value not in range(len(REGIONS))]
    if unknown:
        raise ValueError(f"expected label values 0 to {len(REGIONS) - 1}, got {unknown[0]}")
    return values


def _spacing(eyes: list[Measurements], spacing: float | None, iris_mm: float | None) -> float | None:
    """Side of a pixel in mm, as given or by the mean of the irises."""
    if iris_mm is None:
        return spacing
    diameters = [eye["iris_diameter"] for eye in eyes if eye["iris_diameter"]]
    return iris_mm * len(diameters) / sum(diameters) if diameters else None


def _in_pixels(values: np.ndarray) -> Measurements:
    eye = _one_eye(values)
    found: Measurements = dict.fromkeys(DEFINITIONS)
    for name in ("sclera", "iris", "pupil", "caruncle", "opening"):
        found[f"{name}_area"] = float(np.count_nonzero(getattr(eye, name))) or None
    limbus = fit_outline(border_points(eye.disc, eye.sclera | eye.caruncle))
    if limbus is not None:
        found["iris_diameter"] = 2 * limbus.major
        found["iris_visible_fraction"] = min(1.0, int(np.count_nonzero(eye.disc)) / limbus.area)
    pupil = fit_outline(border_points(eye.pupil, eye.iris))
    if pupil is not None:
        found["pupil_diameter"] = 2 * pupil.major
    if eye.opening.any():
        found |= _fissure(eye.opening, limbus)
    disc = float(np.count_nonzero(eye.disc)) or None
    found["sclera_to_opening_area"] = _ratio(found["sclera_area"], found["opening_area"])
    found["iris_to_opening_area"] = _ratio(disc, found["opening_area"])
    found["iris_to_sclera_area"] = _ratio(disc, found["sclera_area"])
    found["pupil_to_iris_area"] = _ratio(found["pupil_area"], disc)
    found["caruncle_to_opening_area"] = _ratio(found["caruncle_area"], found["opening_area"])
    found["fissure_height_to_width"] = _ratio(found["fissure_height"], found["fissure_width"])
    found["pupil_to_iris_diameter"] = _ratio(found["pupil_diameter"], found["iris_diameter"])
    found["fissure_height_to_iris_diameter"] = _ratio(found["fissure_height"], found["iris_diameter"])
    slit = pupil is not None and pupil.minor < _SLIT * pupil.major
    flags = [*eye.flags, *(["unlike a human eye"] if _CUT not in eye.flags and (slit or _is_unlike(found)) else [])]
    return {**found, "unit": "pixel", "flags": flags}


def _is_unlike(found: Measurements) -> bool:
    """Whether an open eye has hardly any sclera, or an iris out of proportion."""
    if found["iris_area"] is None:
        return False
    least, most = _IRIS_TO_WIDTH
    ratio = _ratio(found["iris_diameter"], found["fissure_width"])
    return (found["sclera_to_opening_area"] or 0) < _LEAST_SCLERA or (ratio is not None and not least < ratio < most)


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
        "no open eye": not opening.any(),
        "no iris": opening.any() and not eye.iris.any(),
        "no pupil": opening.any() and not pupil.any(),
        "several eyes": eyes > 1,
        "several irises": irises > 1,
        "several pupils": count > 1,
        _CUT: opening[[0, -1]].any() or opening[:, [0, -1]].any(),
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


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _fissure(opening: np.ndarray, limbus: Ellipse | None) -> dict[str, float | None]:
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
            lengths["pfh"] = lower - upper
            lengths["mrd1"] = float(centre @ down) - upper
            lengths["mrd2"] = lower - float(centre @ down)
    return lengths
