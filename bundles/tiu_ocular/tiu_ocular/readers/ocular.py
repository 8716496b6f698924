# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What the readers of eyes with LabelMe annotations share."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from litemed.datasets.files import Case, listing, stem
from litemed.datasets.validation import image_size
from litemed.images.labelme import labelme_map


def annotated_pictures(base: Path, name: re.Pattern[str]) -> list[tuple[Path, Path]]:
    """Pairs of picture and LabelMe file of the same stem, anywhere below a folder, in the order of their stems.

    Pictures without a LabelMe file and files whose stem doesn't match ``name`` as a whole are skipped.

    Raises:
        ValueError: naming LabelMe files without a picture, and stems that two files have.
    """
    pictures: dict[str, Path] = {}
    outlines: dict[str, Path] = {}
    for path in sorted(base.rglob("*")):
        is_json = path.suffix.lower() == ".json"
        key = path.stem if is_json else stem(path)
        if key is None or not name.fullmatch(key):
            continue
        files = outlines if is_json else pictures
        if key.lower() in files:
            raise ValueError(f"two files for one case {key!r}: {files[key.lower()]} and {path}")
        files[key.lower()] = path
    alone = [f"{outlines[key]} has no picture" for key in sorted(outlines.keys() - pictures.keys())]
    if alone:
        raise ValueError(f"{len(alone)} missing partner file(s):{listing(alone)}")
    return [(pictures[key], outlines[key]) for key in sorted(outlines)]


def check_eyes(cases: Sequence[Case]) -> None:
    """Checks that pictures are whole, that annotations can be painted, and that their sizes agree.

    Raises:
        ValueError: naming every wrong file (the first ten, and the count). An annotation without any region, as of a
            closed eye, is allowed, with a warning that names it.
    """
    problems, empty = [], []
    for case in cases:
        try:
            labels = labelme_map(case["label"])
            size = image_size(Path(case["image"]))
            if size != labels.shape[::-1]:
                annotated, own = ("x".join(map(str, lengths)) for lengths in (labels.shape[::-1], size))
                raise ValueError(f"{case['label']} is of a picture of {annotated}, but {case['image']} is {own}")
            if not labels.any():
                empty.append(case["label"])
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ValueError(f"{len(problems)} of {len(cases)} cases are wrong:{listing(problems)}")
    if empty:
        warnings.warn(f"{len(empty)} of {len(cases)} eyes have no region:{listing(empty)}", stacklevel=3)
