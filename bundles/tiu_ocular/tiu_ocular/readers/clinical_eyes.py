# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Eyes of myasthenia patients, cropped from faces, with LabelMe annotations."""

from __future__ import annotations

import os
import re

from litemed.datasets.files import Case, check_option, dataset_root, stem, wrong_layout

from tiu_ocular.readers.ocular import annotated_pictures, check_eyes

_NAME = re.compile(r"(.+)_([LR])_(\d+)", re.IGNORECASE)
_GROUPS = ("healthy", "omg")


def clinical_eyes(dataset_dir: str | os.PathLike[str], group: str | None = None, validate: bool = True) -> list[Case]:
    """Reads pictures of patients' eyes, such as the clinical set of the TIU paper (501 pictures of 47 patients).

    That set isn't public and its layout unknown; here it is ``healthy|omg/<patient>_<L|R>_<number>.<jpg, png, ...>``,
    each picture with a LabelMe file of the same stem: unaffected eyes and eyes with ocular myasthenia gravis, as the
    paper's Table 3 divides them. A patient may have both.

    Args:
        dataset_dir: the data set's folder.
        group: ``"healthy"``, ``"omg"`` or None for both.
        validate: check all files.

    Returns:
        Cases with ``subject`` (the patient), ``eye`` (``"left"`` or ``"right"``) and ``group``. ``label`` is a LabelMe
        file: see `litemed.images.labelme_map` and `litemed.transforms.LoadLabelMapd`.

    Raises:
        FileNotFoundError: when the folder has no annotated pictures.
        ValueError: for another group, an annotation without a picture, or naming the files that are wrong.
    """
    if group is not None:
        check_option("group", group, _GROUPS)
    base = dataset_root(dataset_dir)
    cases = []
    for name in _GROUPS if group is None else (group,):
        if not (base / name).is_dir():
            continue
        for picture, outlines in annotated_pictures(base / name, _NAME):
            case = stem(picture) or ""
            patient, side, _ = case.rsplit("_", 2)
            cases.append(
                {
                    "case": case,
                    "image": str(picture),
                    "label": str(outlines),
                    "subject": patient,
                    "eye": "left" if side.upper() == "L" else "right",
                    "group": name,
                }
            )
    if not cases:
        raise wrong_layout(base, f"{group or '|'.join(_GROUPS)}/<patient>_<L|R>_<number>.jpg with LabelMe files")
    if validate:
        check_eyes(cases)
    return cases
