# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of what a reader found: sizes from headers, labels decoded once."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from litemed.datasets.files import Case, listing
from litemed.images.masks import read_labels
from litemed.images.names import is_volume
from litemed.images.nifti import NiftiVolume
from litemed.images.pictures import picture_size, read_picture
from litemed.images.volume import Volume
from litemed.images.volumes import open_volume

LabelValues = Literal["any", "binary"]

_END_MARKS = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9", "GIF": b";"}
_TIFF_DATA_TAGS = ((273, 279), (324, 325))  # offsets and byte counts, of strips and of tiles


def check_cases(cases: Sequence[Case], label_values: LabelValues = "any", threshold: float | None = None) -> None:
    """Checks that images are whole, and that labels and regions are too, fit their image and have sound values.

    Images are judged by their header and the end of the file and decoded only when these look wrong; labels and
    regions are decoded once. A label without any foreground is allowed, with a warning that names it.

    Args:
        cases: what a reader found.
        label_values: ``"any"`` for whole numbers from 0, as class or instance labels have them, ``"binary"`` for 0 and
            one other value. Regions are always binary.
        threshold: of labels, see `litemed.images.masks.read_mask`.

    Raises:
        ValueError: names every wrong file (the first ten, and the count) and what is wrong with it.
    """
    problems, empty = [], []
    for case in cases:
        try:
            size = image_size(Path(case["image"]))
            if not _checked_values(case, "label", size, label_values, threshold).any():
                empty.append(case["label"])
            if "region" in case:
                _checked_values(case, "region", size, "binary")
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ValueError(f"{len(problems)} of {len(cases)} cases are wrong:{listing(problems)}")
    if empty:
        warnings.warn(f"{len(empty)} of {len(cases)} labels have no foreground:{listing(empty)}", stacklevel=3)


def image_size(path: Path) -> tuple[int, ...]:
    """Size of an image, read from its header: width and height of a picture, the axes of a volume, of which a single
    slice is a picture.

    Raises:
        ValueError: when the file isn't an image or is cut short.
    """
    if is_volume(path):
        volume = open_volume(path)
        if _looks_cut_volume(volume):
            volume.read_slice(volume.slowest_axis, volume.shape[volume.slowest_axis] - 1)
        sides = list(volume.shape)
        if 1 in sides:
            del sides[max(axis for axis, side in enumerate(sides) if side == 1)]
        return tuple(sides)
    size = picture_size(path)
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        is_cut = _looks_cut(path)
    if complaints or is_cut:
        read_picture(path)
    return size


def _checked_values(
    case: Case, key: str, size: tuple[int, ...], allowed: LabelValues, threshold: float | None = None
) -> np.ndarray:
    path = Path(case[key])
    labels = read_labels(path, threshold)
    own_size, values = labels.shape[::-1] if labels.ndim == 2 else labels.shape, np.unique(labels)
    if own_size != size:
        raise ValueError(f"{path} is {_text(own_size)}, but its image {case['image']} is {_text(size)}")
    if allowed == "binary" and np.count_nonzero(values) > 1:
        raise ValueError(f"{path} has {len(values)} values, expected 0 and one other: {_some(values)}")
    return values


def _looks_cut(path: Path) -> bool:
    """Whether a picture's file may end too early; formats without an end mark (bmp, ppm) always may."""
    size = path.stat().st_size
    try:
        picture = Image.open(path)
    except UnidentifiedImageError:  # a TIFF of numbers that Pillow doesn't read
        return True
    with picture:
        if picture.format == "TIFF":
            tags = picture.tag_v2  # type: ignore[attr-defined]
            ends = [np.add(tags[offsets], tags[counts]).max() for offsets, counts in _TIFF_DATA_TAGS if offsets in tags]
            return not ends or max(ends) > size
        mark = _END_MARKS.get(picture.format or "")
    if mark is None:
        return True
    with path.open("rb") as file:
        file.seek(max(size - 64, 0))
        return not file.read().rstrip(b"\0\r\n ").endswith(mark)


def _looks_cut_volume(volume: Volume) -> bool:
    """Whether a file may end too early, so that its last slice must be read.

    Raw ones are measured when they are opened, and gzip notes its size, modulo 2**32, in its last four bytes.
    """
    if not isinstance(volume, NiftiVolume) or volume.path.suffix.lower() != ".gz":
        return not isinstance(volume, NiftiVolume)
    with volume.path.open("rb") as file:
        file.seek(-4, 2)
        return struct.unpack("<I", file.read())[0] != volume.stored_size % 2**32


def _text(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))


def _some(values: np.ndarray) -> str:
    shown = [f"{value:g}" for value in values[:6]]
    return ", ".join(shown + ["..."] * (len(values) > 6))
