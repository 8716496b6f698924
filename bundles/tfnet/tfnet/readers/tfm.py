# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TFM: tear-film videos of Placido rings, with frame classes, ring boxes and masks of break-up."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from litemed.datasets.files import check_option, dataset_root, index, listing, pair, stem, wrong_layout
from litemed.datasets.validation import check_cases, image_size
from litemed.files import replacing
from PIL import Image
from skimage.draw import polygon2mask

from tfnet.readers.tfm_rows import RowError, ring_boxes, row_class, row_polygon

TFM_CLASSES = ("clear", "closed", "broken", "blur")
"""Classes of frames, in the order of their numbers."""

TFM_BOXES = ("inside", "middle", "outside")
"""Boxes of a frame, in their order."""

_SECTIONS = {"training": "train", "validation": "val", "test": "test"}
_CROPS = ("broken_only", "full", "non_broken")
_POLYGON_FOLDERS = ("segmentaiton", "segmentation")  # the data set itself has the first


def tfm(
    dataset_dir: str | os.PathLike[str],
    task: str = "segmentation",
    section: str = "training",
    crops: str | None = "broken_only",
    masks_dir: str | os.PathLike[str] | None = None,
    incomplete: str = "error",
    validate: bool = True,
) -> list[dict[str, Any]]:
    """Reads the TFM data set and its TF-Crop part (6,247 frames of 3632x2760 from 15 videos).

    The layout is ``images/{train,val,test}/*.png`` with, for each task,

    - classification: ``labels/classification/{train,val,test}_cls.txt``, a row for each frame;
    - detection: ``labels/detection/{train,val,test}/<stem>.txt``, a row for each of a frame's three boxes;
    - segmentation: ``crop_{broken_only,full,non_broken}/{images,masks}/{train,val,test}/<stem>.png``, or, with
      ``crops=None``, whole frames with ``labels/segmentaiton/{train,val,test}/<stem>.txt`` (also spelled
      segmentation), a polygon a row, which are painted into masks when these are missing or older.

    How rows are written isn't documented, so many forms are taken; values are separated by spaces, commas or tabs:

    - classes by name or number (0 clear, 1 closed, 2 broken, 3 blur) beside the frame's file name, before or after it;
    - boxes as centre and size, as two corners, or as corner and size, relative to the frame or in pixels, with a
      number or a name before or after them, or none: of all readings the one that makes three concentric boxes counts.
      Without names the smallest box is the inside one;
    - polygons as x y x y ..., relative to the frame or in pixels, after a number or a name.

    Args:
        dataset_dir: the data set's folder.
        task: ``"segmentation"``, ``"classification"`` or ``"detection"``.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        crops: which crops to segment, or None for whole frames.
        masks_dir: where masks of whole frames are kept; ``<dataset_dir>/masks`` by default.
        incomplete: what to do about a frame that hasn't all three boxes: ``"error"``, or ``"skip"`` it with a warning.
        validate: check sizes and values of the images and masks of the segmentation.

    Returns:
        Cases in the order of their names, each with ``case``, ``image``, ``video`` and one of

        - ``label``: path of the mask (segmentation), 0 and another value;
        - ``label``: index into `TFM_CLASSES` (classification);
        - ``boxes``: inside, middle and outside box, each x0, y0, x1, y1 in pixels, within the frame (detection).

        ``video`` is what stands before the frame number in the file name, or ``""`` if it can't be told.

    Raises:
        FileNotFoundError: when the layout is another.
        ValueError: for an unknown argument, or naming the files, and the lines in them, that are wrong.
    """
    check_option("task", task, ("segmentation", "classification", "detection"))
    check_option("section", section, _SECTIONS)
    check_option("crops", crops, (*_CROPS, None))
    check_option("incomplete", incomplete, ("error", "skip"))
    root, part = dataset_root(dataset_dir), _SECTIONS[section]
    if task == "classification":
        cases = _classified(root, part)
    elif task == "detection":
        cases = _detected(root, part, incomplete == "skip")
    elif crops is not None:
        cases = _cropped(root, part, crops, validate)
    else:
        masks = Path(masks_dir).expanduser().absolute() if masks_dir is not None else root / "masks"
        cases = _outlined(root, part, masks / part, validate)
    for case in cases:
        case["video"] = video_of(case["case"])
    return cases


def video_of(case: str) -> str:
    """Video of a frame: what stands before the last number of its name, without ``frame`` and separators.

    ``test03_00123``, ``test03-frame123`` and ``test03 (123)`` are of the video ``test03``. A name without a number, or
    of a number only, is of no known video: ``""``.
    """
    match = re.fullmatch(r"(.*?)[\W_]*(?:frame|img|image)?[\W_]+\d+[\W_]*", case, re.IGNORECASE) or re.fullmatch(
        r"(.*?)[\W_]*(?:frame|img|image)\d+[\W_]*", case, re.IGNORECASE
    )
    return match[1] if match else ""


def _frames(root: Path, part: str) -> dict[str, Path]:
    if not (root / "images" / part).is_dir():
        raise wrong_layout(root / "images" if (root / "images").is_dir() else root, f"images/{part}/")
    return index(root / "images" / part)


def _frame_size(image: Path) -> tuple[int, int]:
    width, height = image_size(image)[:2]
    return width, height


def _labels(folder: Path, images: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    """Text files of one folder with their frames' names; files without a row are left out."""
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder {folder} with *.txt")
    files = {path.stem: path for path in sorted(folder.glob("*.txt")) if path.name != "classes.txt"}
    alone = [f"{path} has no image" for name, path in files.items() if name not in images]
    if alone:
        raise ValueError(f"{len(alone)} missing partner file(s):{listing(alone)}")
    if not files:
        raise wrong_layout(folder, "*.txt")
    for name, path in files.items():
        if any(True for _ in _rows(path)):
            yield name, path


def _rows(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers and lines that say something."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} can't be read: {error}") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()


def _classified(root: Path, part: str) -> list[dict[str, Any]]:
    path = root / "labels" / "classification" / f"{part}_cls.txt"
    if not path.is_file():
        raise FileNotFoundError(f"expected a list of classes {path}")
    images = _frames(root, part)
    labels: dict[str, int] = {}
    problems = []
    for position, (number, line) in enumerate(_rows(path)):
        try:
            name, label = row_class(line, TFM_CLASSES)
            key = stem(Path(name)) or Path(name).name
            if key not in images:
                raise RowError(f"no image {key} in {root / 'images' / part}")
            if labels.setdefault(key, label) != label:
                raise RowError(f"{key} has two classes, {TFM_CLASSES[labels[key]]} and {TFM_CLASSES[label]}")
        except RowError as error:
            if position > 0 or any(character.isdigit() for character in line):  # not a heading
                problems.append(f"{path}, line {number}: {error}")
    if problems:
        raise ValueError(f"{len(problems)} row(s) are wrong:{listing(problems)}")
    if not labels:
        raise ValueError(f"{path} has no rows")
    return [{"case": key, "image": str(images[key]), "label": labels[key]} for key in sorted(labels)]


def _detected(root: Path, part: str, skip: bool) -> list[dict[str, Any]]:
    images = _frames(root, part)
    cases, problems = [], []
    for name, path in _labels(root / "labels" / "detection" / part, images):
        try:
            boxes = ring_boxes(list(_rows(path)), _frame_size(images[name]), TFM_BOXES)
        except RowError as error:
            problems.append(f"{path}, {error}")
        else:
            cases.append({"case": name, "image": str(images[name]), "boxes": boxes})
    if problems and (not skip or not cases):
        raise ValueError(f"{len(problems)} file(s) of boxes are wrong:{listing(problems)}")
    if problems:
        warnings.warn(f"{len(problems)} frame(s) without three boxes are skipped:{listing(problems)}", stacklevel=3)
    if not cases:
        raise ValueError(f"{root / 'labels' / 'detection' / part} has no boxes")
    return cases


def _cropped(root: Path, part: str, crops: str, validate: bool) -> list[dict[str, Any]]:
    folder = root / f"crop_{crops}"
    for kind in ("images", "masks"):
        if not (folder / kind / part).is_dir():
            raise wrong_layout(folder if folder.is_dir() else root, f"crop_{crops}/{{images,masks}}/{part}/")
    cases = pair(index(folder / "images" / part), label=index(folder / "masks" / part))
    if validate:
        with warnings.catch_warnings():
            if crops != "broken_only":
                warnings.filterwarnings("ignore", message=".*labels have no foreground")
            check_cases(cases, "binary")
    return [dict(case) for case in cases]


def _outlined(root: Path, part: str, masks: Path, validate: bool) -> list[dict[str, Any]]:
    images = _frames(root, part)
    folders = [root / "labels" / name / part for name in _POLYGON_FOLDERS]
    folder = next((path for path in folders if path.is_dir()), folders[0])
    cases, problems = [], []
    for name, path in _labels(folder, images):
        try:
            label = _painted(path, images[name], masks / f"{name}.png")
        except RowError as error:
            problems.append(f"{path}, {error}")
        else:
            cases.append({"case": name, "image": str(images[name]), "label": str(label)})
    if problems:
        raise ValueError(f"{len(problems)} file(s) of polygons are wrong:{listing(problems)}")
    if not cases:
        raise ValueError(f"{folder} has no polygons")
    if validate:
        check_cases(cases, "binary")
    return [dict(case) for case in cases]


def _painted(outlines: Path, image: Path, target: Path) -> Path:
    """Mask of the polygons: a pixel counts whose centre lies inside; written where missing or older."""
    if target.is_file() and target.stat().st_mtime >= outlines.stat().st_mtime:
        return target
    width, height = _frame_size(image)
    mask = np.zeros((height, width), bool)
    for number, line in _rows(outlines):
        try:
            corners = row_polygon(line, (width, height))
        except RowError as error:
            raise RowError(f"line {number}: {error}") from None
        mask |= polygon2mask((height, width), corners[:, ::-1] - 0.5)
    with replacing(target) as temporary:
        Image.fromarray(np.uint8(mask) * 255).save(temporary)
    return target
