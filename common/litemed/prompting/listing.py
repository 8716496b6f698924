# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The images to segment, each with what its boxes are read from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from litemed.files import typed_path
from litemed.images.box_files import SUFFIXES, GivenBoxes, is_box_file, read_boxes
from litemed.images.names import check_result_names, image_stem, is_archive, is_dicom, is_image

__all__ = ["list_prompted"]


def list_prompted(
    path: str | os.PathLike[str], boxes: Any = None, box_format: str | None = None, series: str | int | None = None
) -> list[dict[str, Any]]:
    """The images to segment, with what `litemed.transforms.LoadBoxesd` reads their boxes from.

    Args:
        path: an image, or a folder of them; one that holds files of DICOM is a series.
        boxes: whatever `litemed.images.box_files.read_boxes` takes, for all images, or by image: then only those of a
            folder that are named are segmented; or a mask. None takes, for every image, the file of its name beside it
            that ends in ``.json``, ``.csv``, ``.tsv`` or ``.txt``, and of an archive of the challenge its own boxes.
        box_format: see `litemed.images.box_files.read_boxes`.
        series: the one to take of a DICOM study, which makes a folder of series one image.

    Returns:
        a dictionary of ``image`` and ``box_source`` each.

    Raises:
        FileNotFoundError: when there is nothing at the path, or an image that boxes are for isn't there.
        ValueError: when a folder holds no image, an image has no boxes, boxes can't be read, or the results of two
            images would have one name.
    """
    path = typed_path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} doesn't exist")
    items = [{"image": str(file), "box_source": own} for file, own in _with_boxes(path, boxes, box_format, series)]
    check_result_names(items)
    return items


def _with_boxes(
    path: Path, boxes: Any, box_format: str | None, series: str | int | None
) -> list[tuple[Path, str | GivenBoxes | None]]:
    files = _images(path, series)
    if boxes is None:
        return [(file, _beside(file)) for file in files]
    if isinstance(boxes, (str, os.PathLike)) and os.path.exists(boxes) and not is_box_file(boxes):
        return [(file, os.fspath(boxes)) for file in files]
    given = read_boxes(boxes, box_format)
    if "" in given:
        if len(given) > 1:
            raise ValueError(f"{boxes}: some rows name an image and some don't")
        return [(file, given[""]) for file in files]
    if files == [path]:
        own = [boxes for name, boxes in given.items() if Path(name).name in (path.name, image_stem(path))]
        if len(own) != 1:
            raise ValueError(f"{boxes} has boxes for {', '.join(given)}, expected some for {path.name}")
        return [(path, own[0])]
    cases: list[tuple[Path, str | GivenBoxes | None]] = []
    for name, own_boxes in given.items():
        found = [file for file in files if Path(name).name in (file.name, image_stem(file))]
        if len(found) != 1:
            how_often = "isn't" if not found else f"is there {len(found)} times"
            raise FileNotFoundError(f"{boxes} has boxes for {name}, which {how_often} at {path}")
        cases.append((found[0], own_boxes))
    return cases


def _images(path: Path, series: str | int | None) -> list[Path]:
    if series is not None or path.is_file() or any(is_dicom(file) for file in path.iterdir()):
        return [path]
    files = sorted(file for file in path.iterdir() if is_image(file))
    if not files:
        raise ValueError(f"{path} holds no picture or volume")
    return files


def _beside(file: Path) -> str | None:
    found = [beside for end in SUFFIXES if (beside := file.with_name(image_stem(file) + end)).is_file()]
    if not found and not is_archive(file):
        names = ", ".join(image_stem(file) + end for end in SUFFIXES)
        raise ValueError(f"{file} has no boxes: give some, or write them beside it to one of {names}")
    return str(found[0]) if found else None
