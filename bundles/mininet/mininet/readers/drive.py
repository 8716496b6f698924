# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""DRIVE: Digital Retinal Images for Vessel Extraction."""

from __future__ import annotations

import os

from litemed.datasets.files import Case, check_option, dataset_root, index, pair, wrong_layout
from litemed.datasets.validation import check_cases

_MANUAL_FOLDERS = {1: "1st_manual", 2: "2nd_manual"}


def drive(
    root: str | os.PathLike[str], section: str = "training", observer: int = 1, validate: bool = True
) -> list[Case]:
    """Reads DRIVE (Staal et al., IEEE TMI 23(4), 2004): 40 fundus photographs of 565x584 with vessel masks.

    Two layouts are taken:

    - the official one, ``training|test/{images,1st_manual,2nd_manual,mask}``;
    - a flat one, ``images/NN_training|NN_test``, ``manual/NN_manual1`` and ``mask/NN_mask``.

    Args:
        root: the data set's folder.
        section: ``"training"`` (images 21 to 40) or ``"test"`` (01 to 20).
        observer: whose annotation is the label, 1 (the reference) or 2 (test images only).
        validate: check sizes and values of all files.

    Returns:
        Cases with ``region``, the field of view.

    Raises:
        FileNotFoundError: when the folder has neither layout.
        ValueError: for another section or observer, or naming the files that are wrong.
    """
    check_option("section", section, ("training", "test"))
    check_option("observer", observer, _MANUAL_FOLDERS)
    base = dataset_root(root)
    manual = _MANUAL_FOLDERS[observer]
    if (base / section).is_dir():
        base = base / section
    elif (base / "images").is_dir():
        manual = "manual"
    else:
        raise wrong_layout(base, f"{section}/{{images,{manual},mask}}/ or {{images,manual,mask}}/")
    cases = pair(
        index(base / "images", r"(\d+)_(?:training|test)"),
        label=index(base / manual, rf"(\d+)_manual{observer}"),
        region=index(base / "mask", r"(\d+)(?:_training|_test)?_mask"),
    )
    cases = [case for case in cases if case["case"].lower().endswith(section)]
    if not cases:
        raise wrong_layout(base / "images", f"images named NN_{section}")
    if validate:
        check_cases(cases, "binary")
    return cases
