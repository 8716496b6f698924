# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Finding the lit disc of a fundus photograph."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.transform import resize

__all__ = ["field_of_view", "has_fundus_colours"]

WORKING_SIDE = 600
"""Longer side, in pixels, at which the edge is searched."""

RAYS = 360
MIN_STEP = 0.35
"""Fall of the logarithm of brightness, from inside to outside, that counts as an edge."""

MIN_RAYS = 20
"""Rays that must have an edge for a surround, and lie on one curve or line."""

TOLERANCE = 2.0
"""Distance of an edge from its curve, in working pixels."""


TRIALS = 400
"""Curves that are tried through few edges each."""


BLUE_SHARE = 0.65
"""Blue over red, of medians, above which a colour picture is no fundus photograph. The 113 photographs of DRIVE,
CHASEDB1, HRF, FIVES and IDRiD have at most .49; skin, the white of the eye and paper have more."""

GREY = 0.02
"""Difference of the channels' medians, as a share of the largest, below which a picture is grey."""


class _Curve(NamedTuple):
    """An upright ellipse in working pixels: middle and half axes, numbers or arrays of equal shape."""

    row: Any
    column: Any
    height: Any
    width: Any


def has_fundus_colours(image: np.ndarray, region: np.ndarray) -> bool:
    """Whether a picture may be a fundus photograph by its colours: red, with little blue.

    A grey picture may be one, red-free or of an angiogram.

    Args:
        image: ``(3, ...)`` or ``(1, ...)``, of any range from 0.
        region: of the same pixels, true in the field of view.
    """
    medians = np.median(image[:, region], axis=1)
    if len(medians) < 3 or np.ptp(medians) <= GREY * medians.max():
        return True
    red, _, blue = medians
    return bool(blue <= BLUE_SHARE * red)


def field_of_view(image: np.ndarray) -> np.ndarray:
    """Find the field of view of a fundus photograph: a disc, perhaps cut by the frame or by straight bars.

    Along each ray from the middle of the lit part, the sharpest fall of brightness to a dark rest is an edge. A circle
    (an ellipse in squeezed pictures) is fitted to the edges by random sampling, so that dark rims, glare in the
    surround and lettering don't move it, and cut where edges lie on a row or column. Where brightness has no circle,
    the difference from the corners' colour may. Other edges leave the largest lit area with its holes filled.

    Data sets without a field-of-view mask (CHASEDB1, STARE, users' pictures) get theirs from here.

    Args:
        image: ``(C, ...)`` intensities of any scale, two spatial axes, with a dark surround or none.

    Returns:
        bool array of the image's spatial shape; all true when the picture is lit up to its edges.
    """
    shape = image.shape[1:]
    factor = WORKING_SIDE / max(shape)
    small = tuple(max(1, round(side * factor)) for side in shape)
    colours = np.stack(
        [
            ndimage.gaussian_filter(resize(channel, small, order=1, anti_aliasing=factor < 1, preserve_range=True), 1.0)
            for channel in np.asarray(image, dtype=np.float32)
        ]
    )
    search = _search(colours.max(axis=0), factor)
    if search is not None and search.curve is None:
        # a rim as dark as the surround, or darker, still differs from it in colour
        second = _search(np.abs(colours - _corner_colour(colours)).max(axis=0), factor)
        if second is not None and second.curve is not None and len(second.edges) >= RAYS / 4 and _is_wide(second.curve):
            search = second
    if search is None:
        return np.ones(shape, dtype=bool)
    lit, edges, curve = search
    if curve is None:
        if len(edges) < RAYS / 4:  # none, or those of the optic disc or of lesions
            return np.ones(shape, dtype=bool)
        return resize(lit.astype(np.float32), shape, order=1) > 0.5
    rows, columns = ((np.arange(side) + 0.5) * less / side - 0.5 for side, less in zip(shape, small, strict=True))
    inside = _depth(curve, rows[:, None], columns) >= 0
    for axis, places in enumerate((rows[:, None], columns)):
        low, high = _cuts(curve, edges, axis)
        inside &= (places >= low) & (places <= high)
    return inside


class _Search(NamedTuple):
    """What stands out in a picture, the edges around it, and the curve that they lie on, if they lie on one."""

    lit: np.ndarray
    edges: np.ndarray
    curve: _Curve | None


def _search(signal: np.ndarray, factor: float) -> _Search | None:
    """Search the field of view in what is high within it; None where all is alike."""
    scale = float(np.percentile(signal, 99))
    if scale <= 0 or np.ptp(signal) < 1e-3 * scale:
        return None
    logarithm = np.log(signal.clip(0) + 0.02 * scale)
    lit = _largest(logarithm > threshold_otsu(logarithm))
    edges = _edges(signal, logarithm, lit, factor)
    return _Search(lit, edges, _fitted(edges) if len(edges) >= MIN_RAYS else None)


def _is_wide(curve: _Curve) -> bool:
    """Whether a curve is too large for an optic disc or a lesion in a picture without a surround."""
    return bool(min(curve.height, curve.width) > 0.3 * WORKING_SIDE)


def _corner_colour(colours: np.ndarray) -> np.ndarray:
    """Median colour of the four corners, ``(C, 1, 1)``."""
    side = WORKING_SIDE // 40
    ends = [
        colours[:, rows, columns]
        for rows in (slice(side), slice(-side, None))
        for columns in (slice(side), slice(-side, None))
    ]
    return np.median([np.median(end, axis=(1, 2)) for end in ends], axis=0)[:, None, None]


def _largest(mask: np.ndarray) -> np.ndarray:
    """The largest connected part, its holes filled."""
    labels, _ = ndimage.label(ndimage.binary_opening(np.pad(mask, 2, mode="edge"), iterations=2)[2:-2, 2:-2])
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return ndimage.binary_fill_holes(labels == sizes.argmax()) if sizes.any() else mask


def _edges(signal: np.ndarray, logarithm: np.ndarray, lit: np.ndarray, factor: float) -> np.ndarray:
    """Row and column, ``(N, 2)``, where rays from the middle of the lit part leave it for the dark."""
    middle = np.array(ndimage.center_of_mass(lit))
    window = round(max(7.0, 3 * factor))  # an edge is two or three pixels of the picture wide
    angles = np.linspace(0, 2 * np.pi, RAYS, endpoint=False)
    direction = np.stack([np.sin(angles), np.cos(angles)])
    away = np.arange(int(np.hypot(*lit.shape)))
    places = middle[:, None, None] + direction[:, :, None] * away
    far = np.array(lit.shape)[:, None, None] - 1
    length = ((places >= 0) & (places <= far)).all(axis=0).sum(axis=1)
    # beyond the frame a ray keeps its last value
    places = np.take_along_axis(places, np.minimum(away, length[:, None] - 1)[None], axis=2)
    value = ndimage.map_coordinates(signal, places, order=1)
    profile = ndimage.map_coordinates(logarithm, places, order=1)
    mean = ndimage.uniform_filter1d(profile, window, axis=1, mode="nearest")
    inner, outer = (np.roll(mean, shift, axis=1) for shift in (window // 2 + 1, -(window // 2)))
    # what lies further out must stay below the middle of the fall
    brightest = np.maximum.accumulate(mean[:, ::-1], axis=1)[:, ::-1]
    rest = np.roll(brightest, -window, axis=1)
    fall = np.where(rest < (inner + outer) / 2, inner - outer, 0)
    fall[:, : 2 * window] = 0
    fall[away >= length[:, None] - 2] = 0
    fall[:, -2 * window :] = 0
    # of several falls the outermost that is no mere trace: the optic disc has a sharp edge too
    strong = fall >= np.maximum(MIN_STEP, 0.65 * fall.max(axis=1, keepdims=True))
    outermost = fall.shape[1] - 1 - strong[:, ::-1].argmax(axis=1)
    best = np.where(np.abs(away - outermost[:, None]) <= window, fall, 0).argmax(axis=1)
    rays = np.flatnonzero(strong.any(axis=1))
    near = value[rays[:, None], best[rays, None] + np.arange(-window, -window // 2)].mean(axis=1)
    span = value[rays[:, None], best[rays, None] + np.arange(-window, window + 1)]
    level = 0.38 * near + 0.62 * span[:, window:].min(axis=1)
    # the last crossing, between pixels, of a good third of the fall
    last = (span[:, :-1] > level[:, None])[:, ::-1].argmax(axis=1)
    last = 2 * window - 1 - last
    above, below = (span[np.arange(len(rays)), last + shift] for shift in (0, 1))
    crossing = best[rays] - window + last + ((above - level) / np.maximum(above - below, 1e-6)).clip(0, 1)
    return (middle[:, None] + direction[:, rays] * crossing).T


def _fitted(edges: np.ndarray) -> _Curve | None:
    """The circle that most edges lie on; an ellipse when clearly more lie on that; None when too few lie on either."""
    circle, ellipse = (_sampled(edges, squeezed) for squeezed in (False, True))
    best = ellipse if _explained(ellipse, edges) > 1.25 * _explained(circle, edges) else circle
    return best if _explained(best, edges) >= max(MIN_RAYS, 0.3 * len(edges)) else None


def _explained(curve: _Curve, edges: np.ndarray) -> int:
    """How many edges lie on a curve or where it is cut straight."""
    explained = _near(curve, edges)
    if explained.any():
        for axis in (0, 1):
            ends = np.array(_cuts(curve, edges, axis))
            explained |= (np.abs(edges[:, axis, None] - ends) < TOLERANCE).any(axis=1)
    return int(explained.sum())


def _sampled(edges: np.ndarray, squeezed: bool) -> _Curve:
    """Random sample consensus: of the curves through few edges the one near most, fitted again to those."""
    few = np.random.default_rng(0).integers(len(edges), size=(TRIALS, 4 if squeezed else 3))
    curve = _through(edges[few], squeezed)
    best = _near(_Curve(*(part[:, None] for part in curve)), edges).sum(axis=1).argmax()
    curve = _Curve(*(part[best] for part in curve))
    for _ in range(3):
        near = _near(curve, edges)
        if near.sum() < MIN_RAYS:
            break
        curve = _through(edges[near], squeezed)
    return curve


def _through(points: np.ndarray, squeezed: bool) -> _Curve:
    """Least squares of ``a (row^2) + b row + c column + d = column^2``, with ``a = -1`` unless squeezed."""
    row, column = np.moveaxis(points / WORKING_SIDE, -1, 0)
    known = column**2 if squeezed else column**2 + row**2
    unknown = np.stack(([row**2] if squeezed else []) + [row, column, np.ones_like(row)], axis=-1)
    found = np.moveaxis((np.linalg.pinv(unknown, rcond=1e-9) @ known[..., None])[..., 0], -1, 0)
    a, (b, c, d) = (-found[0], found[1:]) if squeezed else (np.ones_like(found[0]), found)
    with np.errstate(divide="ignore", invalid="ignore"):
        across = np.sqrt(d + c**2 / 4 + b**2 / (4 * a))
        return _Curve(*(value * WORKING_SIDE for value in (b / (2 * a), c / 2, across / np.sqrt(a), across)))


def _near(curve: _Curve, edges: np.ndarray) -> np.ndarray:
    """Which edges lie on a curve, if it is of a size and shape that a field of view has."""
    long, short = np.maximum(curve.height, curve.width), np.minimum(curve.height, curve.width)
    sound = (short > 0.12 * WORKING_SIDE) & (long < 1.5 * WORKING_SIDE) & (long < 2 * short)
    return sound & (np.abs(_depth(curve, *edges.T)) < TOLERANCE)


def _depth(curve: _Curve, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """How far inside the curve places lie, in pixels along their radius; negative outside."""
    down, across = rows - curve.row, columns - curve.column
    share = np.hypot(down / curve.height, across / curve.width)
    return np.hypot(down, across) * (1 / np.maximum(share, 1e-6) - 1)


def _cuts(curve: _Curve, edges: np.ndarray, axis: int) -> tuple[float, float]:
    """Rows (axis 0) or columns between which straight bars leave the field of view, infinite where there is none.

    A bar's edges lie inside the curve, on one row or column, and along most of the curve's chord there.
    """
    inner = edges[_depth(curve, *edges.T) > 2 * TOLERANCE]
    places, along = inner[:, axis], inner[:, 1 - axis]
    middle, reach, half = (
        (curve.row, curve.height, curve.width) if axis == 0 else (curve.column, curve.width, curve.height)
    )
    ends = [-np.inf, np.inf]
    for side, chosen in enumerate((places < middle, places >= middle)):
        near = np.abs(places[chosen, None] - places[chosen]) < TOLERANCE
        common = near[near.sum(axis=1).argmax()] if chosen.any() else near.any(axis=0)
        if common.sum() < MIN_RAYS:
            continue
        place, extent = np.median(places[chosen][common]), np.ptp(along[chosen][common])
        if extent > half * np.sqrt(max(0, 1 - ((place - middle) / reach) ** 2)):
            ends[side] = place
    return ends[0], ends[1]
