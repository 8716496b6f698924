# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The cases of a data set of eyes, split into training, validation and test without a subject in two parts."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from litemed.datasets.files import Case
from litemed.datasets.paired_folders import paired
from litemed.datasets.splits import split_cases

from tiu_ocular.readers import READERS

__all__ = ["load_cases", "subject_lookup"]

_PARTS = ("training", "validation", "test", "all")


def load_cases(
    reader: str,
    dataset_dir: str | Path,
    part: str,
    fraction: float = 1.0,
    seed: int = 0,
    subjects: str | Path | None = None,
    validation: float = 0.15,
    test: float = 0.2,
) -> list[Case]:
    """List the cases of one part of a data set.

    - ``ubiris`` keeps its three sections.
    - ``paired`` with folders ``training/``, ``test/`` and perhaps ``validation/`` keeps them; without the last, the
      validation part is drawn from the training folder.
    - Any other set, ``clinical_eyes`` or a flat folder of ``images/`` and ``masks/``, is drawn into three parts.

    The drawing of parts is by subject and always the same; ``fraction`` takes its share of the training part alone, by
    ``seed``, so that all fractions are validated and tested on the same cases.

    Args:
        reader: name of a reader of :data:`tiu_ocular.readers.READERS`.
        dataset_dir: the data set's folder.
        part: ``"training"``, ``"validation"``, ``"test"``, or ``"all"``, every case whatever its part.
        fraction: share of the training pictures to use, above 0 and up to 1; at least one is.
        seed: which of them.
        subjects: CSV file with the columns ``case`` and ``subject``, for a data set that doesn't name subjects itself.
            Elsewhere a case without subject is a subject of its own.
        validation: share of subjects that validate, where the data set doesn't say.
        test: share of the subjects of a flat set that test.

    Returns:
        Cases, each with a ``subject``.

    Raises:
        ValueError: for an unknown reader or part, a fraction out of range, a case that ``subjects`` lacks, or a data
            set that its reader refuses.
    """
    if reader not in READERS:
        raise ValueError(f"expected a reader among {', '.join(sorted(READERS))}, got {reader!r}")
    if part not in _PARTS:
        raise ValueError(f"expected a part among {', '.join(_PARTS)}, got {part!r}")
    if not 0 < fraction <= 1:
        raise ValueError(f"expected a fraction above 0 and up to 1, got {fraction}")
    sections = {
        name: partial(_with_subjects, read, subjects) for name, read in _sections(reader, Path(dataset_dir)).items()
    }
    if part == "all":
        return [case for read in sections.values() for case in read()]
    if "flat" in sections:
        shares = [1 - validation - test, validation, test]
        cases = split_cases(sections["flat"](), shares, group=_subject)[_PARTS.index(part)]
    elif part == "test" or "validation" in sections:
        cases = sections[part]()
    else:
        shares = [1 - validation, validation]
        cases = split_cases(sections["training"](), shares, group=_subject)[_PARTS.index(part)]
    return _take(cases, fraction, seed) if part == "training" and fraction < 1 else cases


def _sections(reader: str, root: Path) -> dict[str, Callable[[], list[Case]]]:
    """How to read each section that a data set comes in."""
    if reader == "ubiris":
        return {part: partial(READERS[reader], root, section=part) for part in _PARTS[:3]}
    if reader == "paired" and (root / "training").is_dir():
        return {part: partial(paired, root, split=part) for part in _PARTS[:3] if (root / part).is_dir()}
    return {"flat": partial(READERS[reader], root)}


def _take(cases: list[Case], fraction: float, seed: int) -> list[Case]:
    """A share of the cases, drawn by picture; a larger share holds the smaller one of the same seed."""
    order = random.Random(seed).sample(range(len(cases)), len(cases))
    return [cases[position] for position in sorted(order[: max(1, round(fraction * len(cases)))])]


def _subject(case: Case) -> str:
    return case["subject"]


def _with_subjects(read: Callable[[], list[Case]], table: str | Path | None) -> list[Case]:
    cases = read()
    if table is None:
        return [{"subject": case["case"], **case} for case in cases]
    with Path(table).open(newline="") as file:
        reader = csv.DictReader(file)
        if not {"case", "subject"} <= set(reader.fieldnames or ()):
            raise ValueError(f"expected the columns case and subject in {table}, got {reader.fieldnames}")
        subjects = {row["case"]: row["subject"] for row in reader}
    missing = [case["case"] for case in cases if case["case"] not in subjects]
    if missing:
        raise ValueError(f"{table} names no subject for {len(missing)} cases: {', '.join(missing[:5])}")
    return [{**case, "subject": subjects[case["case"]]} for case in cases]


def subject_lookup(cases: Iterable[Case]) -> Callable[[str], str]:
    """How to tell the subject from the stem of an image's file name.

    Raises:
        ValueError: when two cases have images of one name.
    """
    subjects: dict[str, str] = {}
    for case in cases:
        stem = Path(case["image"]).stem
        if stem in subjects:
            raise ValueError(f"two images are named {stem}: {case['image']} and another")
        subjects[stem] = case["subject"]
    return subjects.__getitem__
