# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""FIVES: Fundus Image Vessel Segmentation."""

from __future__ import annotations

import os

from litemed.datasets.files import Case, check_option, dataset_root, index, pair, wrong_layout
from litemed.datasets.validation import check_cases

__all__ = ["fives"]


def fives(root: str | os.PathLike[str], section: str | None = None, validate: bool = True) -> list[Case]:
    """Reads FIVES (Jin et al., Scientific Data 9:475, 2022): 800 fundus photographs of 2048x2048.

    Two layouts are taken: the official one, ``train|test/{Original,Ground truth}/1_A.png`` (A: macular degeneration,
    D: diabetic retinopathy, G: glaucoma, N: normal), and a flat part of it, ``images/`` with ``masks/``. The set has no
    field-of-view masks, so cases have no ``region``.

    Args:
        root: the data set's folder.
        section: ``"training"`` (600) or ``"test"`` (200) of the official layout; None for all of a flat one.
        validate: check sizes and values of all files.

    Raises:
        FileNotFoundError: when the folder has another layout.
        ValueError: for another section, or naming the files that are wrong.
    """
    check_option("section", section, (None, "training", "test"))
    base = dataset_root(root)
    if section is None:
        images, labels = base / "images", base / "masks"
    else:
        images, labels = (
            base / ("train" if section == "training" else "test") / n for n in ("Original", "Ground truth")
        )
    if not images.is_dir() or not labels.is_dir():
        raise wrong_layout(base, "images/ and masks/, or train/ and test/ with Original/ and Ground truth/")
    cases = pair(index(images, r"(\d+_[adgn])"), label=index(labels, r"(\d+_[adgn])"))
    if validate:
        check_cases(cases, "binary")
    return cases
