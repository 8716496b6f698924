# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""One file with the boxes of many images."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

from litemed.images.boxes import NAMES

__all__ = ["boxes_by_image"]

IMAGE_COLUMN = "image"


def boxes_by_image(source: Any) -> dict[str, list[Any]] | None:
    """Boxes of each image from a file that names images.

    - JSON: ``{"a.png": [[10, 20, 30, 40]], "b.png": [[5, 5, 60, 70], [80, 5, 120, 40]]}``
    - CSV: a box a row, with a header of ``image`` and ``x0, y0, x1, y1``, for volumes ``x0, y0, z0, x1, y1, z1``.

    Args:
        source: whatever a user gave as boxes.

    Returns:
        for each image's file name its boxes; None when the source is something else: numbers, a mask, or a file that
        doesn't name images.

    Raises:
        ValueError: when the file can't be read, or a row lacks a number.
    """
    if not isinstance(source, (str, os.PathLike)) or not Path(source).is_file():
        return None
    path = Path(source)
    if path.suffix.lower() == ".json":
        return _from_json(path)
    return _from_csv(path) if path.suffix.lower() == ".csv" else None


def _from_json(path: Path) -> dict[str, list[Any]] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} isn't readable JSON: {error}") from error
    if not isinstance(content, dict) or "boxes" in content:
        return None
    for image, boxes in content.items():
        if not isinstance(boxes, list) or not boxes:
            raise ValueError(f"{path}: expected a list of boxes of {image}, got {boxes!r}")
    return content


def _from_csv(path: Path) -> dict[str, list[Any]] | None:
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        rows = list(csv.reader(lines))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} isn't readable CSV: {error}") from error
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if IMAGE_COLUMN not in header:
        return None
    columns = next((names for names in (NAMES[3], NAMES[2]) if set(names) <= set(header)), None)
    if columns is None:
        raise ValueError(f"{path}: expected the columns {IMAGE_COLUMN},{','.join(NAMES[2])}, got {','.join(rows[0])}")
    found: dict[str, list[Any]] = {}
    for number, row in enumerate(rows[1:], start=1):
        try:
            box = [float(row[header.index(name)]) for name in columns]
            found.setdefault(row[header.index(IMAGE_COLUMN)].strip(), []).append(box)
        except (ValueError, IndexError) as error:
            raise ValueError(
                f"{path}: expected {','.join(columns)} in every row, got {','.join(row)!r} (box {number})"
            ) from error
    return found
