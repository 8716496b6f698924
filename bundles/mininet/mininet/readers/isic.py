# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""ISIC challenges 2016 to 2018: skin lesion segmentation."""

from __future__ import annotations

import os
from pathlib import Path

from litemed.datasets.files import Case, check_option, dataset_root, index, pair, wrong_layout
from litemed.datasets.validation import check_cases

_IMAGE_FOLDERS = ("_data", "_input")


def isic(root: str | os.PathLike[str], section: str = "training", validate: bool = True) -> list[Case]:
    """Reads the segmentation part of one ISIC challenge (2016, 2017 or 2018): dermoscopy with one lesion each.

    The layout is that of the unpacked archives side by side, in any case: ``*<section>*_Data/*.jpg`` (2018:
    ``*_Input``) and ``*<section>*_GroundTruth/*_segmentation.png``. Superpixel pictures and tables are skipped.

    Args:
        root: the folder that holds one year's folders.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        validate: check sizes and values of all files.

    Raises:
        FileNotFoundError: when the section's folders are missing or there are those of several years.
        ValueError: for another section, or naming the files that are wrong.
    """
    check_option("section", section, ("training", "validation", "test"))
    base = dataset_root(root)
    folders = [path for path in sorted(base.iterdir()) if path.is_dir() and section in path.name.lower()]
    images = [path for path in folders if path.name.lower().endswith(_IMAGE_FOLDERS)]
    masks = [path for path in folders if path.name.lower().endswith("_groundtruth") and _has_masks(path)]
    if len(images) != 1 or len(masks) != 1:
        expected = f"one folder *{section}*_Data/ (or _Input) and one *{section}*_GroundTruth/ with masks"
        raise wrong_layout(base, expected)
    cases = pair(index(images[0], r"(.+)(?<!_superpixels)"), label=index(masks[0], r"(.+)_segmentation"))
    if validate:
        check_cases(cases, "binary")
    return cases


def _has_masks(folder: Path) -> bool:
    return any(path.stem.lower().endswith("_segmentation") for path in folder.iterdir())
