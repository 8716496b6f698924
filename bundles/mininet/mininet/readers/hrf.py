# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""HRF: High-Resolution Fundus image database."""

from __future__ import annotations

import os
import re

from litemed.datasets.files import Case, check_option, dataset_root, index, pair, wrong_layout
from litemed.datasets.validation import check_cases

__all__ = ["hrf"]

_LABELS = ("manual1", "masks_area", "masks")
_TRAINING_NUMBERS = 5


def hrf(root: str | os.PathLike[str], section: str | None = "training", validate: bool = True) -> list[Case]:
    """Reads HRF (Budai et al., International Journal of Biomedical Imaging 2013): 45 fundus photographs of 3504x2336.

    Two layouts are taken: the official one, ``images/01_dr.JPG``, ``manual1/01_dr.tif`` and ``mask/01_dr_mask.tif``;
    and ``images/`` with ``masks/``, or with ``masks_area/``, masks that were made smaller by area and keep thin
    vessels. Without ``mask/`` cases have no ``region``.

    Args:
        root: the data set's folder.
        section: ``"training"``, the first five of each kind (healthy, glaucoma, diabetic retinopathy), or ``"test"``,
            the others: the division of Orlando et al., IEEE TBME 64(1), 2017; None for all.
        validate: check sizes and values of all files.

    Raises:
        FileNotFoundError: when the folder has another layout, or no image of the section.
        ValueError: for another section, or naming the files that are wrong.
    """
    check_option("section", section, (None, "training", "test"))
    base = dataset_root(root)
    labels = next((base / name for name in _LABELS if (base / name).is_dir()), None)
    if labels is None or not (base / "images").is_dir():
        raise wrong_layout(base, "images/ and manual1/ (or masks/)")
    partners = {"label": index(labels, r"(\d+_(?:h|g|dr))")}
    if (base / "mask").is_dir():
        partners["region"] = index(base / "mask", r"(\d+_(?:h|g|dr))_mask")
    cases = pair(index(base / "images", r"(\d+_(?:h|g|dr))"), **partners)
    if section is not None:
        cases = [case for case in cases if (_number(case) <= _TRAINING_NUMBERS) == (section == "training")]
    if not cases:
        raise wrong_layout(base / "images", f"images of the {section} section")
    if validate:
        check_cases(cases, "binary")
    return cases


def _number(case: Case) -> int:
    return int(re.findall(r"\d+", case["case"])[0])
