# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Bounding boxes given by people: on the command line, in JSON or CSV, or as a mask to take them from.

A box is ``x0, y0, x1, y1`` in a picture and ``x0, y0, z0, x1, y1, z1`` in a volume: the first and the last pixel
(voxel) of the object along each axis, as the MedSAM challenge has them. x counts columns, y rows; in a volume x, y and
z are the file's own voxel indices. Fractions are allowed.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from litemed.images.masks import read_labels, whole_labels
from litemed.images.names import is_image
from litemed.images.volume import Volume
from litemed.images.volumes import open_volume

__all__ = ["check_boxes", "mask_boxes", "read_boxes", "volume_boxes"]

NAMES = {2: ("x0", "y0", "x1", "y1"), 3: ("x0", "y0", "z0", "x1", "y1", "z1")}
_NUMBERS = r"(nan|inf|[-+\d.,;\s\[\]()e])+"

Sides = Sequence[int]


def check_boxes(boxes: Any, sides: Sides, source: str = "the prompt") -> tuple[np.ndarray, list[str]]:
    """Check boxes against the image they are for, and clip those that leave it.

    Args:
        boxes: one box, or a sequence or array of them, of numbers.
        sides: size of the image along x, y and, for a volume, z.
        source: where the boxes come from, for messages.

    Returns:
        the boxes, float64 ``(N, 4)`` or ``(N, 6)``, inside the image (x from 0 to the width, z from 0 to the last
        slice), and one notice for each box that was clipped.

    Raises:
        ValueError: names the box and its value, when there is none, it has other than 4 (6) numbers, a number is NaN or
            infinite, an end isn't beyond its start (in z they may be equal: one slice), or it lies outside the image.
    """
    dims = len(sides)
    form = ",".join(NAMES[dims])
    try:
        array = np.asarray(boxes, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected boxes of {2 * dims} numbers {form}, got {boxes!r} ({source})") from error
    if array.shape == (2 * dims,):
        array = array[None]
    if array.ndim != 2 or array.shape[1] != 2 * dims:
        raise ValueError(f"expected boxes of {2 * dims} numbers {form}, got an array of shape {array.shape} ({source})")
    if not len(array):
        raise ValueError(f"expected at least one box {form}, got none ({source})")
    size = "x".join(map(str, sides))
    # pixels have an extent: a box may end at the far edge of the last one; slices are taken whole
    limits = np.array([side if axis < 2 else side - 1 for axis, side in enumerate(sides)], dtype=np.float64)
    notices = []
    for number, box in enumerate(array, start=1):
        shown = [float(f"{value:g}") for value in box]
        where = f"(box {number} of {source})"
        if not np.isfinite(box).all():
            raise ValueError(f"expected a box of finite numbers {form}, got {shown} {where}")
        low, high = box[:dims], box[dims:]
        if (high[:2] <= low[:2]).any() or (high[2:] < low[2:]).any():
            raise ValueError(f"expected a box whose ends lie beyond its starts, {form}, got {shown} {where}")
        outside = (low[:2] >= limits[:2]) | (high[:2] <= 0)
        if outside.any() or (low[2:] > limits[2:]).any() or (high[2:] < 0).any():
            raise ValueError(f"expected a box inside {size} as {form}, got {shown} {where}")
        if (low < 0).any() or (high > limits).any():
            notices.append(f"box {number} of {source}, {shown}, leaves the image of {size} and was clipped to it")
    clipped = np.concatenate([np.clip(array[:, :dims], 0, limits), np.clip(array[:, dims:], 0, limits)], axis=1)
    return clipped, notices


def mask_boxes(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The box of each label of a label map.

    Args:
        mask: whole numbers, ``(H, W)`` or ``(D, H, W)``; 0 is background.

    Returns:
        Boxes, ``(N, 4)`` or ``(N, 6)``, and the labels they belong to, ascending. An object of one column or row gets a
        box that ends half a pixel further on both its sides, since a box has an extent.
    """
    values, ranks = np.unique(mask, return_inverse=True)
    background = values == 0
    numbers = np.cumsum(~background)
    numbers[background] = 0
    found = ndimage.find_objects(numbers[ranks].reshape(mask.shape))
    spans = [[(side.start, side.stop - 1) for side in slices[::-1]] for slices in found]
    return _with_extent(spans, mask.ndim), values[~background]


def volume_boxes(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """The box of each label of a volume on disk, read slice by slice.

    Args:
        volume: of whole numbers; 0 is background.

    Returns:
        Boxes ``(N, 6)`` in voxel indices of the volume's axes, and the labels they belong to, ascending.

    Raises:
        ValueError: for values other than whole numbers of one channel.
    """
    axis = volume.slowest_axis
    own = [other for other in range(3) if other != axis]
    spans: dict[int, list[tuple[int, int]]] = {}
    for index in range(volume.shape[axis]):
        plane = volume.read_slice(axis, index)
        if plane.ndim != 2:
            raise ValueError(f"{volume.path}: expected labels of one channel, got {plane.shape[-1]} channels")
        plane = whole_labels(plane, f"{volume.path}, slice {index}")
        if not plane.any():
            continue
        for value in np.unique(plane[plane != 0]).tolist():
            held = plane == value
            place = [(index, index)] * 3
            for position, other in enumerate(own):
                hits = np.flatnonzero(held.any(axis=1 - position))
                place[other] = (int(hits[0]), int(hits[-1]))
            before = spans.get(value, place)
            spans[value] = [(min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(before, place, strict=True)]
    values = sorted(spans)
    return _with_extent([spans[value] for value in values], 3), np.array(values)


def read_boxes(source: Any, dims: int, threshold: float | None = None) -> tuple[Any, str]:
    """Boxes from whatever a user has.

    Args:
        source: numbers (one box or several); text such as ``"10,20,30,40; 50,60,70,80"``; a ``.json`` file with a list
            of boxes, or with one under ``boxes``; a ``.csv`` file, a box a row, with or without a header that names
            its columns x0, y0, (z0,) x1, y1, (z1); or a mask, of which each label gives a box: a picture for a picture,
            NIfTI, NRRD or the challenge's ``gts`` for a volume.
        dims: 2 for a picture, 3 for a volume.
        threshold: for a mask that is a picture, see `litemed.images.masks.read_mask`.

    Returns:
        the boxes as they are given, to be checked by `check_boxes`, and the source's name for messages.

    Raises:
        FileNotFoundError: when text names a file that doesn't exist.
        ValueError: naming the source, when it doesn't hold boxes.
    """
    if not isinstance(source, (str, os.PathLike)):
        return source, "the prompt"
    text = os.fspath(source)
    if not os.path.exists(text) and re.fullmatch(_NUMBERS, text, re.IGNORECASE):
        return _from_text(text), "the command line"
    path = Path(text)
    if not path.exists():
        raise FileNotFoundError(f"{path} doesn't exist: expected boxes as {','.join(NAMES[dims])}, or a file of them")
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _from_json(path), path.name
    if suffix in (".csv", ".txt"):
        return _from_csv(path, dims), path.name
    if dims == 3:
        boxes, _ = volume_boxes(open_volume(path, is_label=True))
    elif is_image(path):
        labels = read_labels(path, threshold)
        if labels.ndim != 2:
            raise ValueError(f"{path}: expected the mask of a picture, got {labels.shape} voxels")
        boxes, _ = mask_boxes(labels)
    else:
        raise ValueError(f"{path}: expected boxes of a picture in .json, .csv or a mask that is a picture")
    if not len(boxes):
        raise ValueError(f"{path}: the mask has no label to take a box from")
    return boxes, path.name


def _with_extent(spans: Sequence[Sequence[tuple[int, int]]], dims: int) -> np.ndarray:
    boxes = np.array([[*(low for low, _ in span), *(high for _, high in span)] for span in spans], dtype=np.float64)
    boxes = boxes.reshape(-1, 2 * dims)
    for axis in range(2):
        flat = boxes[:, axis] == boxes[:, axis + dims]
        boxes[flat, axis] = np.maximum(boxes[flat, axis] - 0.5, 0)
        boxes[flat, axis + dims] += 0.5
    return boxes


def _from_text(text: str) -> list[list[float]]:
    rows = [re.findall(r"[^\s,;\[\]()]+", row) for row in re.split(r"[;\n]|\]\s*,\s*\[", text)]
    try:
        return [[float(number) for number in row] for row in rows if row]
    except ValueError as error:
        raise ValueError(f"expected boxes of numbers, several divided by semicolons, got {text!r}") from error


def _from_json(path: Path) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} isn't readable JSON: {error}") from error
    boxes = content.get("boxes") if isinstance(content, dict) else content
    if not isinstance(boxes, list):
        raise ValueError(f"{path}: expected a list of boxes, or one under 'boxes', got {type(content).__name__}")
    return boxes


def _from_csv(path: Path, dims: int) -> list[list[float]]:
    try:
        rows = [
            row for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()) if any(map(str.strip, row))
        ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} isn't readable CSV: {error}") from error
    columns: Iterable[int] = range(2 * dims)
    first = [name.strip().lower() for name in rows[0]] if rows else []
    if set(NAMES[dims]) <= set(first):
        columns, rows = [first.index(name) for name in NAMES[dims]], rows[1:]
    boxes = []
    for number, row in enumerate(rows, start=1):
        try:
            boxes.append([float(row[column]) for column in columns])
        except (ValueError, IndexError) as error:
            expected = ",".join(NAMES[dims])
            raise ValueError(
                f"{path}: expected {expected} in every row, got {','.join(row)!r} (box {number})"
            ) from error
    return boxes
