# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""CHASE_DB1: retinal vessels of schoolchildren."""

from __future__ import annotations

import os
import re

from litemed.datasets.files import Case, check_option, dataset_root, index, pair, wrong_layout
from litemed.datasets.validation import check_cases

_OBSERVERS = {1: "1stHO", 2: "2ndHO"}
_TRAINING_PATIENTS = 10


def chasedb1(
    root: str | os.PathLike[str], section: str = "training", observer: int = 1, validate: bool = True
) -> list[Case]:
    """Reads CHASE_DB1 (Fraz et al., IEEE TBME 59(9), 2012): 28 fundus photographs of 999x960, both eyes of 14 children.

    Two layouts are taken: the official one, ``Image_01L.jpg`` beside ``Image_01L_1stHO.png`` in one folder, and
    ``images/`` with ``manual/``. The set has no field-of-view masks, so cases have no ``region``.

    Args:
        root: the data set's folder.
        section: ``"training"``, the usual first 20 images (children 01 to 10), or ``"test"``, the last 8 (11 to 14): no
            child is in both.
        observer: whose annotation is the label, 1 (the reference) or 2.
        validate: check sizes and values of all files.

    Raises:
        FileNotFoundError: when the folder has neither layout, or no image of the section.
        ValueError: for another section or observer, or naming the files that are wrong.
    """
    check_option("section", section, ("training", "test"))
    check_option("observer", observer, _OBSERVERS)
    base = dataset_root(root)
    two_folders = (base / "images").is_dir()
    cases = pair(
        index(base / "images" if two_folders else base, r"(image_\d+[lr])"),
        label=index(base / "manual" if two_folders else base, rf"(image_\d+[lr])_{_OBSERVERS[observer]}"),
    )
    cases = [case for case in cases if (_patient(case) <= _TRAINING_PATIENTS) == (section == "training")]
    if not cases:
        raise wrong_layout(base, f"images of the {section} section")
    if validate:
        check_cases(cases, "binary")
    return cases


def _patient(case: Case) -> int:
    return int("".join(re.findall(r"\d", case["case"])))
