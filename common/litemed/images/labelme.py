# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""LabelMe: outlines of regions drawn on a picture, kept as JSON."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

EYE_LABELS: dict[str, int] = {"sclera": 1, "iris": 2, "pupil": 3, "caruncle": 4, "lacrimal caruncle": 4}
"""Value of each region of an eye in a label map, by its name in LabelMe files; 0 is background."""

_MARGIN = 1.0  # pixels that an outline may leave the picture by without a notice


class Outlines(NamedTuple):
    """Content of a LabelMe file: width and height of the picture, and the vertices (n, 2) in x, y by region."""

    size: tuple[int, int]
    shapes: list[tuple[str, np.ndarray]]


def labelme_map(path: str | os.PathLike[str], labels: Mapping[str, int] = EYE_LABELS) -> np.ndarray:
    """Paints the polygons of a LabelMe file into a label map.

    They are painted in the order of their values, so that the iris covers the sclera and the pupil the iris however
    the file is sorted. A region may have several polygons, or none. Coordinates count from the picture's upper left
    corner: pixel i has its centre at i + 0.5, and belongs to a polygon if its centre lies inside, by the even-odd rule
    where the outline crosses itself.

    Args:
        path: the JSON file.
        labels: value of each region by name, from 1 to 255; case, ``_`` and ``-`` in names make no difference.

    Returns:
        uint8 array (height, width), 0 where no polygon is.

    Raises:
        ValueError: when the file is broken, has a label that ``labels`` lacks, a shape other than a polygon, or a
            polygon that lies outside the picture altogether. What partly leaves the picture is cut off, with a warning.
    """
    (width, height), shapes = read_labelme(path)
    values = {_plain(name): value for name, value in labels.items()}
    for name, _ in shapes:
        if _plain(name) not in values:
            raise ValueError(f"{path} has the label {name!r}, expected one of {', '.join(labels)}")
    mask = np.zeros((height, width), np.uint8)
    for name, points in sorted(shapes, key=lambda shape: values[_plain(shape[0])]):
        low, high = points.min(axis=0), points.max(axis=0)
        if (high <= 0).any() or (low >= (width, height)).any():
            raise ValueError(f"{path}: a polygon of {name!r} lies outside the picture of {width}x{height}")
        if (low < -_MARGIN).any() or (high > (width + _MARGIN, height + _MARGIN)).any():
            warnings.warn(f"{path}: a polygon of {name!r} is cut off where it leaves the picture", stacklevel=2)
        mask[_inside(points, mask.shape)] = values[_plain(name)]
    return mask


def read_labelme(path: str | os.PathLike[str]) -> Outlines:
    """Reads a LabelMe file.

    Raises:
        ValueError: naming the file and what is wrong: not JSON, no ``shapes``, no sound ``imageWidth`` or
            ``imageHeight``, a shape without a label, of another type than polygon, or with fewer than three vertices.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} can't be read: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        raise ValueError(f"{path} isn't a LabelMe file: it has no list of shapes")
    width, height = (_length(path, content, key) for key in ("imageWidth", "imageHeight"))
    return Outlines((width, height), list(_shapes(path, content["shapes"])))


def _length(path: str | os.PathLike[str], content: dict[str, Any], key: str) -> int:
    value = content.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{path}: expected {key} to be a number of pixels, got {value!r}")
    return value


def _shapes(path: str | os.PathLike[str], shapes: list[Any]) -> Iterator[tuple[str, np.ndarray]]:
    for number, shape in enumerate(shapes, start=1):
        label = shape.get("label") if isinstance(shape, dict) else None
        if not isinstance(label, str):
            raise ValueError(f"{path}: shape {number} has no label")
        kind = shape.get("shape_type", "polygon")
        if kind != "polygon":
            raise ValueError(f"{path}: shape {number} ({label!r}) is a {kind}, expected a polygon")
        try:
            points = np.array(shape.get("points"), dtype=float)
        except (TypeError, ValueError):
            points = np.empty(0)
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3 or not np.isfinite(points).all():
            raise ValueError(f"{path}: shape {number} ({label!r}) has no three vertices of two numbers each")
        yield label, points


def _inside(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose centre lies inside a polygon: right of an odd number of its edges."""
    height, width = shape
    start, end = points - 0.5, np.roll(points, -1, axis=0) - 0.5  # pixel i has its centre at i
    first, last = (
        np.ceil(np.clip(pick(start[:, 1], end[:, 1]), 0, height)).astype(int) for pick in (np.minimum, np.maximum)
    )
    counts = last - first  # rows that each edge crosses
    edges = np.repeat(np.arange(len(points)), counts)
    rows = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[edges]
    step = end[edges] - start[edges]
    crossings = start[edges, 0] + (rows - start[edges, 1]) * step[:, 0] / step[:, 1]
    flips = np.zeros((height, width + 1), np.int32)
    np.add.at(flips, (rows, np.ceil(np.clip(crossings, 0, width)).astype(int)), 1)
    return np.cumsum(flips[:, :-1], axis=1) % 2 == 1


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())
