# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""UBIRIS.v2 with LabelMe annotations: eyes in visible light."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

from litemed.datasets.files import Case, check_option, dataset_root, stem, wrong_layout
from litemed.datasets.splits import split_cases

from tiu_ocular.readers.ocular import annotated_pictures, check_eyes

_NAME = re.compile(r"C(\d+)_S(\d+)_I(\d+)", re.IGNORECASE)
_SECTIONS = ("training", "validation", "test")
_SHARES = {"validation": 0.14, "test": 0.18}  # 8 and 10 of 56 subjects


def ubiris(
    dataset_dir: str | os.PathLike[str],
    section: str = "training",
    fraction: float = 1.0,
    seed: int = 0,
    validate: bool = True,
) -> list[Case]:
    """Reads annotated pictures of UBIRIS.v2 (Proenca et al., IEEE TPAMI 32(8), 2010), split by subject.

    Pictures ``C<eye>_S<session>_I<number>`` (tiff, png, jpg) lie anywhere below the folder, each with a LabelMe file of
    the same stem beside it or elsewhere below the folder; the many pictures without one are skipped. Eyes 2n - 1 and 2n
    are the two eyes of subject n.

    Subjects, not pictures, are divided: 14 % for validation and 18 % for test, rounded but at least one each, the rest
    for training (8, 10 and 38 of 56 subjects; the TIU paper tests on 10 of 56). The division depends on which subjects
    there are, on nothing else.

    Args:
        dataset_dir: the data set's folder.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        fraction: share of the training pictures, above 0 up to 1, rounded, at least one. Pictures are drawn from all
            training subjects; with equal ``seed`` a smaller share is part of every larger one.
        seed: of that draw.
        validate: check all files.

    Returns:
        Cases with ``subject``, ``eye`` and ``session``. ``label`` is a LabelMe file: see `litemed.images.labelme_map`
        and `litemed.transforms.LoadLabelMapd`.

    Raises:
        FileNotFoundError: when the folder has no annotated pictures.
        ValueError: for another section, a fraction out of range or of another section than training, fewer than three
            subjects, an annotation without a picture, or naming the files that are wrong.
    """
    check_option("section", section, _SECTIONS)
    if not 0 < fraction <= 1:
        raise ValueError(f"expected a fraction above 0 up to 1, got {fraction}")
    if fraction < 1 and section != "training":
        raise ValueError(f"only training pictures can be drawn, got fraction {fraction} of the {section} section")
    base = dataset_root(dataset_dir)
    cases = [_case(picture, outlines) for picture, outlines in annotated_pictures(base, _NAME)]
    if not cases:
        raise wrong_layout(base, "pictures C1_S1_I1.tiff with LabelMe files C1_S1_I1.json")
    parts = split_cases(cases, fractions=_fractions(cases), group=lambda case: case["subject"])
    cases = parts[_SECTIONS.index(section)]
    cases = _drawn(cases, max(1, round(fraction * len(cases))), seed)
    if validate:
        check_eyes(cases)
    return cases


def _case(picture: Path, outlines: Path) -> Case:
    name = stem(picture) or ""
    eye, session, _ = re.findall(r"\d+", name)
    subject = (int(eye) + 1) // 2
    return {
        "case": name,
        "image": str(picture),
        "label": str(outlines),
        "subject": f"{subject:03d}",
        "eye": f"C{int(eye)}",
        "session": session,
    }


def _fractions(cases: list[Case]) -> list[float]:
    """Shares of the sections: whole subjects, at least one in each."""
    total = len({case["subject"] for case in cases})
    if total < len(_SECTIONS):
        raise ValueError(f"expected annotated pictures of at least {len(_SECTIONS)} subjects, got {total}")
    validation, test = (max(1, round(share * total)) for share in _SHARES.values())
    return [count / total for count in (total - validation - test, validation, test)]


def _drawn(cases: list[Case], count: int, seed: int) -> list[Case]:
    """The first cases of a random order, in the given order."""
    order = random.Random(seed).sample(range(len(cases)), len(cases))
    return [cases[position] for position in sorted(order[:count])]
