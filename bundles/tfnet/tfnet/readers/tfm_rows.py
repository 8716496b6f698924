# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of TFM's label files, whose form isn't documented: classes, boxes and polygons in their usual spellings."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

_EPSILON = 0.02  # how far, relative to the frame, a point may lie outside


class RowError(ValueError):
    """A row that can't be understood; says why, not where."""


def row_class(line: str, classes: Sequence[str]) -> tuple[str, int]:
    """File name and class of a row like ``a.png 2``, ``a.png,broken`` or ``broken<tab>a.png``.

    Names may have spaces. The class may also be one-hot: ``a.png 0 0 1 0``.

    Raises:
        RowError: when the row has no known class or no name.
    """
    fields = [field.strip().strip("\"'") for field in re.split(r"[,;\t]", line) if field.strip()]
    if len(fields) == 1:
        fields = line.split()
    one_hot = [field for field in fields[-len(classes) :] if field in ("0", "1", "0.0", "1.0")]
    if len(fields) > len(classes) and len(one_hot) == len(classes):
        if sum(map(float, one_hot)) != 1:
            raise RowError(f"expected one class, got {' '.join(one_hot)}")
        return " ".join(fields[: -len(classes)]), [float(field) for field in one_hot].index(1)
    for field, others in ((fields[-1], fields[:-1]), (fields[0], fields[1:])):
        label = _class_index(field, classes)
        if label is not None and others:
            return " ".join(others), label
    numbered = ", ".join(f"{number} {name}" for number, name in enumerate(classes))
    raise RowError(f"expected a file name and a class ({numbered}), got {line!r}")


def ring_boxes(
    rows: Sequence[tuple[int, str]], size: tuple[int, int], names: Sequence[str]
) -> list[tuple[float, float, float, float]]:
    """Boxes of one frame, sorted as ``names`` are, from the smallest to the largest.

    Args:
        rows: line numbers and lines.
        size: width and height of the frame.
        names: of the boxes.

    Raises:
        RowError: when a line isn't a box, there aren't as many boxes as names, or no reading makes them concentric.
    """
    labels, values = [], []
    for number, line in rows:
        try:
            label, numbers = _box_numbers(line, names)
        except RowError as error:
            raise RowError(f"line {number}: {error}") from None
        labels.append(label)
        values.append(numbers)
    if len(values) != len(names):
        raise RowError(f"line {rows[-1][0]}: expected {len(names)} boxes ({', '.join(names)}), got {len(values)}")
    if all(labels):
        if set(labels) != set(names):
            raise RowError(f"line {rows[-1][0]}: expected one box each of {', '.join(names)}, got {', '.join(labels)}")
        order = [labels.index(name) for name in names]
        values, rows = [values[place] for place in order], [rows[place] for place in order]
    scale = np.array(size * 2, float)
    table = np.array(values)
    table = table * scale if np.abs(table).max() <= 1 + _EPSILON else table
    readings = [_concentric(reading, size, all(labels)) for reading in _readings(table)]
    sound = [reading for reading in readings if reading is not None]
    if not sound:
        raise RowError(
            f"line {rows[0][0]}: no reading of the {len(names)} boxes makes them concentric and within "
            f"{size[0]}x{size[1]}: {'; '.join(line for _, line in rows)}"
        )
    boxes = min(sound, key=lambda reading: reading[0])[1]
    return [tuple(map(float, box)) for box in boxes]  # type: ignore[misc]


def row_polygon(line: str, size: tuple[int, int]) -> np.ndarray:
    """Corners of a polygon, x and y in pixels, shape (corners, 2).

    Args:
        line: a number or a name, then x y x y ..., relative to the frame or in pixels.
        size: width and height of the frame.

    Raises:
        RowError: when there are fewer than three corners, half a corner, or one outside the frame.
    """
    fields = _fields(line)
    if _number(fields[0]) is None or len(fields) % 2:
        fields = fields[1:]
    numbers = _numbers(fields, line)
    if len(numbers) < 6 or len(numbers) % 2:
        raise RowError(f"expected a class and at least three corners x y, got {line[:80]!r}")
    corners = np.array(numbers).reshape(-1, 2)
    if np.abs(corners).max() <= 1 + _EPSILON:
        corners = corners * size
    room = _EPSILON * max(size)
    if (corners < -room).any() or (corners > np.array(size) + room).any():
        raise RowError(f"expected corners within {size[0]}x{size[1]}, got {line[:80]!r}")
    return np.clip(corners, 0, size)


def _class_index(field: str, classes: Sequence[str]) -> int | None:
    if field.lower() in classes:
        return classes.index(field.lower())
    number = _number(field)
    return int(number) if number is not None and number in range(len(classes)) else None


def _box_numbers(line: str, names: Sequence[str]) -> tuple[str, list[float]]:
    """Name of a box, or ``""``, and its four numbers; a polygon is replaced by the corners of its bounds."""
    fields = _fields(line)
    label = ""
    for place in (0, -1):
        if _number(fields[place]) is None:
            label = fields.pop(place).lower()
            if label not in names:
                raise RowError(f"expected a box called {', '.join(names)}, got {label!r}")
            break
    numbers = _numbers(fields, line)
    if not label and len(numbers) != 4 and numbers[0] == int(numbers[0]):
        numbers = numbers[1:]
    if len(numbers) == 5:  # a confidence
        numbers = numbers[:4]
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        corners = np.array(numbers).reshape(-1, 2)
        numbers = [*corners.min(axis=0), *corners.max(axis=0)]
    if len(numbers) != 4:
        raise RowError(f"expected a class and the four numbers of a box, got {line[:80]!r}")
    return label, numbers


def _readings(table: np.ndarray) -> list[np.ndarray]:
    """The boxes as two corners, if the numbers are centre and size, two corners, or corner and size."""
    first, second = table[:, :2], table[:, 2:]
    return [
        np.hstack(corners)
        for corners in ((first - second / 2, first + second / 2), (first, second), (first, first + second))
    ]


def _concentric(boxes: np.ndarray, size: tuple[int, int], ordered: bool) -> tuple[float, np.ndarray] | None:
    """How far apart the centres are, and the boxes by size and cut to the frame; None if they can't be meant."""
    extent = boxes[:, 2:] - boxes[:, :2]
    room = _EPSILON * max(size)
    if (extent <= 0).any() or (boxes < -room).any() or (boxes[:, 2:] > np.array(size) + room).any():
        return None
    order = np.arange(len(boxes)) if ordered else np.argsort(extent.prod(axis=1))
    boxes, extent = boxes[order], extent[order]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    away = np.abs(np.diff(centres, axis=0))
    if (np.diff(extent, axis=0) <= 0).any() or (away > extent[1:] / 2).any():
        return None
    return float(np.linalg.norm(centres - centres.mean(axis=0))), np.clip(boxes, 0, size * 2)


def _fields(line: str) -> list[str]:
    return [field for field in re.split(r"[\s,;]+", line.strip(" ,;[]()")) if field]


def _number(field: str) -> float | None:
    try:
        value = float(field)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _numbers(fields: Sequence[str], line: str) -> list[float]:
    numbers = [_number(field) for field in fields]
    if not numbers or None in numbers:
        raise RowError(f"expected numbers, got {line[:80]!r}")
    return [number for number in numbers if number is not None]
