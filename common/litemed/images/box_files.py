# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes as people and other programs give them: text, JSON, CSV, COCO, YOLO, LabelMe; of one image or of many."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from litemed.files import read_json
from litemed.images.boxes import NAMES, with_extent

__all__ = ["BOX_FORMATS", "BoxFormat", "GivenBoxes", "check_numbers", "is_box_file", "number_boxes", "read_boxes"]

BoxFormat = Literal["corners", "sizes", "coco", "yolo", "labelme"]
BOX_FORMATS: tuple[BoxFormat, ...] = ("corners", "sizes", "coco", "yolo", "labelme")
"""First and last pixel, the default; first pixel and size; and the formats of other programs."""

Layout = Literal["corners", "edges", "shares"]
"""Numbers of a box: first and last pixel; where it begins and ends, the first pixel being 0 to 1; shares of the sides
of where it begins and ends."""

SUFFIXES = (".json", ".csv", ".tsv", ".txt")
_TEXT = re.compile(r"(nan|inf|[-+\d.,;\s\[\]()e])+", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?(nan|inf)", re.IGNORECASE)
_IMAGE_COLUMNS = ("image", "filename", "file", "imagename", "imageid", "stem")
_COLUMNS: tuple[tuple[tuple[str, ...], Layout], ...] = (
    (NAMES[3], "corners"),
    (NAMES[2], "corners"),
    (("xmin", "ymin", "zmin", "xmax", "ymax", "zmax"), "corners"),
    (("xmin", "ymin", "xmax", "ymax"), "corners"),
    (("x1", "y1", "z1", "x2", "y2", "z2"), "corners"),
    (("x1", "y1", "x2", "y2"), "corners"),
    (("left", "top", "right", "bottom"), "corners"),
    (("x", "y", "z", "w", "h", "d"), "edges"),
    (("x", "y", "z", "width", "height", "depth"), "edges"),
    (("x", "y", "w", "h"), "edges"),
    (("x", "y", "width", "height"), "edges"),
)
_SHOWN = 60


class GivenBoxes(NamedTuple):
    """Boxes of an image as they were given.

    Attributes:
        rows: numbers of each box, the starts along its axes and then the ends.
        layout: what they count.
        source: where they come from, for messages.
    """

    rows: list[list[float]]
    layout: Layout
    source: str

    def corners(self, sides: Sequence[int]) -> list[list[float]]:
        """The first and last pixel of each, to be checked by `litemed.images.boxes.check_boxes`.

        Args:
            sides: of the image along x, y and, for a volume, z.
        """
        if self.layout == "corners":
            return self.rows
        dims = len(sides)
        scale = np.array([*sides, *sides] if self.layout == "shares" else [1] * (2 * dims), dtype=np.float64)
        found = []
        for row in self.rows:
            if len(row) != 2 * dims:  # told by the check, as for other boxes
                found.append(row)
                continue
            ends = np.array(row) * scale
            # a pixel and less, begun or not, is a box of its own
            ends[dims:] = np.maximum(ends[dims:] - 1, ends[:dims])
            found.append(ends.tolist())
        full = [row for row in found if len(row) == 2 * dims]
        return with_extent(np.array(full), dims).tolist() if len(full) == len(found) and full else found


def is_box_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is named like one that `read_boxes` reads, and not like a mask."""
    return Path(path).suffix.lower() in SUFFIXES


def read_boxes(source: Any, box_format: str | None = None) -> dict[str, GivenBoxes]:
    """Read boxes. Each number is checked to be one here, before anything else sees it.

    - Numbers: one box or several.
    - Text of numbers such as ``"10,20,30,40; 50,60,70,80"``. Any other text is the path of a file:
    - ``.json``: a list of boxes; one under ``boxes``; or lists by image, ``{"a.png": [[10, 20, 30, 40]]}``.
    - ``.csv``, ``.tsv``, ``.txt``: a box a row. Without a header the rows are 4 numbers, for volumes 6. A header may
      name ``x0,y0,x1,y1``, ``x1,y1,x2,y2``, ``xmin,ymin,xmax,ymax``, ``left,top,right,bottom``, ``x,y,w,h`` or
      ``x,y,width,height``, with z for volumes, in any order and among other columns, and ``image``, ``filename`` or
      ``stem`` for a file on many images.
    - COCO and LabelMe files, and YOLO's, whose rows are a class and four shares of the picture's sides.

    Args:
        source: one of these.
        box_format: one of `BOX_FORMATS`, when what is read doesn't tell by itself.

    Returns:
        the boxes of each image, by the name that the source calls it; under an empty name those that name none.

    Raises:
        FileNotFoundError: when text names a file that doesn't exist.
        ValueError: naming the source and the value, when it doesn't hold boxes.
    """
    if box_format is not None and box_format not in BOX_FORMATS:
        raise ValueError(f"expected a box format of {', '.join(BOX_FORMATS)}, got {box_format!r}")
    if not isinstance(source, (str, os.PathLike)):
        return {"": number_boxes(source, "the prompt", box_format)}
    text = os.fspath(source)
    if _is_numbers(text):
        return {"": number_boxes(text, "the command line", box_format)}
    path = Path(text).expanduser()
    if not _is_file(path):
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        raise FileNotFoundError(f"{shown} doesn't exist: expected boxes as {','.join(NAMES[2])}, or a file of them")
    if path.suffix.lower() == ".json":
        return _from_json(path, box_format)
    if not is_box_file(path):
        raise ValueError(f"{path}: expected boxes in a file of {', '.join(SUFFIXES)}")
    return _from_table(path, box_format)


def number_boxes(source: Any, name: str, box_format: str | None = None) -> GivenBoxes:
    """Boxes that are given as numbers, or as text of numbers, and never as a file.

    Args:
        source: what was given.
        name: what it is called in messages.
        box_format: see `read_boxes`.

    Raises:
        ValueError: names what isn't a number.
    """
    rows = _as_list(source)
    if isinstance(rows, str) and _is_numbers(rows):
        rows = _from_text(rows)
    if isinstance(rows, (list, tuple)) and rows and not any(isinstance(row, (list, tuple, np.ndarray)) for row in rows):
        rows = [rows]
    if not isinstance(rows, (list, tuple)) or not rows:
        raise ValueError(f"expected at least one box {','.join(NAMES[2])}, got {_shown(rows)} ({name})")
    return _laid_out([check_numbers(row, name) for row in rows], name, box_format)


def _is_numbers(text: str) -> bool:
    return bool(_TEXT.fullmatch(text) and re.search(r"\d|nan|inf", text, re.IGNORECASE))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or holds a zero
        return False


def _as_list(source: Any) -> Any:
    return source.tolist() if isinstance(source, np.ndarray) else source


def _laid_out(rows: list[list[float]], source: str, box_format: str | None) -> GivenBoxes:
    if box_format == "yolo":
        return GivenBoxes([_from_centre(row, source) for row in rows], "shares", source)
    if box_format in ("sizes", "coco"):
        return GivenBoxes([_from_sizes(row) for row in rows], "edges", source)
    return GivenBoxes(rows, "corners", source)


def check_numbers(row: Any, source: str) -> list[float]:
    """The numbers of a box or a point as they are given.

    Args:
        row: a sequence or an array.
        source: where they come from, for messages.

    Raises:
        ValueError: names what isn't a number.
    """
    row = _as_list(row)
    if not isinstance(row, (list, tuple)):
        raise ValueError(f"expected boxes of numbers {','.join(NAMES[2])}, got {_shown(row)} ({source})")
    for value in row:
        if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
            raise ValueError(f"expected boxes of numbers {','.join(NAMES[2])}, got {_shown(value)} ({source})")
    return [float(value) for value in row]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _from_sizes(row: list[float]) -> list[float]:
    half = len(row) // 2
    return [*row[:half], *(start + size for start, size in zip(row, row[half:], strict=False))]


def _from_centre(row: list[float], source: str) -> list[float]:
    """Ends of a box from its class, centre and size, with or without a confidence."""
    if len(row) not in (5, 6):
        raise ValueError(f"expected class, x, y, width and height in every row of YOLO boxes, got {row} ({source})")
    x, y, width, height = row[1:5]
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def _from_text(text: str) -> list[list[float]]:
    rows = [re.findall(r"[^\s,;\[\]()]+", row) for row in re.split(r"[;\n]|\]\s*,\s*\[", text)]
    return [
        [_cell(cell, f"several boxes divided by semicolons, got {_shown(text)}") for cell in row] for row in rows if row
    ]


def _cell(cell: str, where: str) -> float:
    if not _NUMBER.fullmatch(cell.strip()):
        raise ValueError(f"expected a number, got {_shown(cell)}: {where}")
    return float(cell)


def _from_json(path: Path, box_format: str | None) -> dict[str, GivenBoxes]:
    content = read_json(path)
    if isinstance(content, list):
        return {"": number_boxes(content, path.name, box_format)}
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a list of boxes, or one under 'boxes', got {type(content).__name__}")
    if "boxes" in content:
        return {"": number_boxes(content["boxes"], path.name, box_format)}
    if box_format == "labelme" or "shapes" in content:
        return {"": GivenBoxes(list(_labelme_boxes(content, path)), "edges", path.name)}
    if box_format == "coco" or {"images", "annotations"} <= content.keys():
        return _from_coco(content, path)
    if not content or not all(isinstance(boxes, list) for boxes in content.values()):
        raise ValueError(f"{path}: expected boxes under 'boxes', or a list of boxes by image, got {_shown(content)}")
    return {image: number_boxes(boxes, f"{path.name}, {image}", box_format) for image, boxes in content.items()}


def _labelme_boxes(content: Mapping[str, Any], path: Path) -> Iterable[list[float]]:
    shapes = content.get("shapes")
    if not isinstance(shapes, list) or not shapes:
        raise ValueError(f"{path}: expected a list of shapes of LabelMe, got {_shown(shapes)}")
    for number, shape in enumerate(shapes, start=1):
        points = shape.get("points") if isinstance(shape, dict) else None
        where = f"{path.name}, shape {number}"
        if not isinstance(points, list) or len(points) < 2:
            raise ValueError(f"expected two points or more, got {_shown(points)} ({where})")
        corners = [check_numbers(point, where) for point in points]
        if any(len(corner) != 2 for corner in corners):
            raise ValueError(f"expected points of two numbers, got {_shown(points)} ({where})")
        low, high = np.min(corners, axis=0), np.max(corners, axis=0)
        yield [*low.tolist(), *high.tolist()]


def _from_coco(content: Mapping[str, Any], path: Path) -> dict[str, GivenBoxes]:
    try:
        names = {image["id"]: str(image["file_name"]) for image in content["images"]}
        boxes = [(names[each["image_id"]], each["bbox"]) for each in content["annotations"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a COCO file: {type(error).__name__}: {error}") from error
    found: dict[str, GivenBoxes] = {}
    for name, box in boxes:
        source = f"{path.name}, {name}"
        row = check_numbers(box, source)
        if len(row) != 4:
            raise ValueError(f"expected x, y, width and height under bbox, got {row} ({source})")
        found.setdefault(Path(name).name, GivenBoxes([], "edges", source)).rows.append(_from_sizes(row))
    if not found:
        raise ValueError(f"{path}: a COCO file without annotations")
    return found


def _from_table(path: Path, box_format: str | None) -> dict[str, GivenBoxes]:
    rows = _rows(path)
    if not rows:
        raise ValueError(f"{path}: expected a box in every row, got an empty file")
    header = [re.sub(r"[\s_]", "", name.lower()) for name in rows[0]]
    if all(_NUMBER.fullmatch(cell) for cell in rows[0]):
        return _from_bare_rows(path, rows, box_format)
    columns, layout = next(((names, kind) for names, kind in _COLUMNS if set(names) <= set(header)), ((), "corners"))
    if not columns:
        raise ValueError(
            f"{path}: expected the columns {','.join(NAMES[2])} or x,y,w,h, got {_shown(','.join(rows[0]))}"
        )
    image_column = next((header.index(name) for name in _IMAGE_COLUMNS if name in header), None)
    convert: Callable[[list[float]], list[float]] = _from_sizes if layout == "edges" else list
    found: dict[str, GivenBoxes] = {}
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise ValueError(
                f"{path}: expected {len(header)} cells in every row, got {_shown(','.join(row))} (box {number})"
            )
        where = f"{path}: expected {','.join(columns)} in every row (box {number})"
        image = "" if image_column is None else row[image_column].strip()
        source = path.name if not image else f"{path.name}, {image}"
        box = convert([_cell(row[header.index(name)], where) for name in columns])
        found.setdefault(image, GivenBoxes([], layout, source)).rows.append(box)
    if not found:
        raise ValueError(f"{path}: expected a box in every row, got a header alone")
    return found


def _from_bare_rows(path: Path, rows: list[list[str]], box_format: str | None) -> dict[str, GivenBoxes]:
    """Rows that no header explains: corners, or YOLO's where nothing else can be meant."""
    numbers = [
        [_cell(cell, f"{path}: expected numbers alone in every row (box {number})") for cell in row]
        for number, row in enumerate(rows, start=1)
    ]
    if box_format is None and all(_is_yolo(row) for row in numbers):
        box_format = "yolo"
    if box_format != "yolo":
        for number, row in enumerate(numbers, start=1):
            if len(row) not in (4, 6) or len(row) != len(numbers[0]):
                expected = " or ".join(",".join(names) for names in NAMES.values())
                shown = _shown(",".join(rows[number - 1]))
                raise ValueError(
                    f"{path}: expected {expected} in every row, got {shown} (box {number}): name the columns in a "
                    f"first line where there are others"
                )
    return {"": _laid_out(numbers, path.name, box_format)}


def _is_yolo(row: Sequence[float]) -> bool:
    """Whether a row is a class and shares of the sides, perhaps with a confidence: no box in pixels is like it."""
    return len(row) in (5, 6) and row[0] >= 0 and row[0].is_integer() and all(0 <= share <= 1 for share in row[1:])


def _rows(path: Path) -> list[list[str]]:
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        if not lines:
            return []
        counts = {mark: lines[0].count(mark) for mark in ",;\t"}
        mark = max(counts, key=lambda each: counts[each])
        if not counts[mark]:
            return [line.split() for line in lines]
        return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=mark)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} isn't readable CSV: {error}") from error
