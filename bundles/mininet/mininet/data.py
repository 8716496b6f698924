# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The cases of each application, split into training, validation and test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from litemed.datasets.files import Case
from litemed.datasets.paired_folders import paired
from litemed.datasets.splits import split_cases

from mininet.readers import READERS

__all__ = ["load_cases", "patient_of"]

_PARTS = ("training", "validation", "test")
_ALL_TRAINING = "training+validation"
_PATIENT_PREFIX = {
    "chasedb1": 8,  # Image_07L and Image_07R are one child's eyes
    "monuseg": 12,  # the first three fields of a TCGA barcode name the patient
}


def patient_of(reader: str) -> Callable[[str], str] | None:
    """How to tell the patient from the name of a case; None where a data set has one picture of each, or doesn't say.

    Args:
        reader: name of a reader of :data:`mininet.readers.READERS`.
    """
    length = _PATIENT_PREFIX.get(reader)
    return None if length is None else (lambda case: case[:length])


def load_cases(
    reader: str, dataset_dir: str | Path, part: str, validation: float = 0.1, test: float = 0.25, seed: int = 0
) -> list[Case]:
    """List the cases of one part of a data set.

    - A set that comes with training and test sections (DRIVE, CHASEDB1, ISIC) keeps them; the validation part is
      drawn from the training section.
    - A folder of ``training/``, ``validation/`` and perhaps ``test/``, each with ``images/`` and ``masks/``, keeps
      them; without ``test/`` the validation part is tested on.
    - A flat set (STARE, MoNuSeg, ``images/`` and ``masks/``) is drawn into three parts.

    Drawing is by patient where the set names patients, by picture elsewhere, and depends on the seed alone.

    Args:
        reader: name of a reader of :data:`mininet.readers.READERS`.
        dataset_dir: the data set's folder.
        part: ``"training"``, ``"validation"`` or ``"test"``; ``"training+validation"`` is the first two together.
        validation: share of the training section, or of a flat set, that validates.
        test: share of a flat set that tests.
        seed: of the drawing.

    Raises:
        ValueError: for an unknown reader or part, or a data set that its reader refuses.
    """
    if reader not in READERS:
        raise ValueError(f"expected a reader among {', '.join(sorted(READERS))}, got {reader!r}")
    if part == _ALL_TRAINING:
        both = (load_cases(reader, dataset_dir, each, validation, test, seed) for each in _PARTS[:2])
        return sorted((case for cases in both for case in cases), key=lambda case: case["case"])
    if part not in _PARTS:
        raise ValueError(f"expected a part among {', '.join((*_PARTS, _ALL_TRAINING))}, got {part!r}")
    if reader == "paired" and (Path(dataset_dir) / "training").is_dir():
        has_test = (Path(dataset_dir) / "test").is_dir()
        return paired(dataset_dir, split="validation" if part == "test" and not has_test else part)
    patient = patient_of(reader)
    group = None if patient is None else (lambda case: patient(case["case"]))
    if reader in ("monuseg", "paired", "stare"):
        cases, fractions = READERS[reader](dataset_dir), [1 - validation - test, validation, test]
    elif part == "test":
        return READERS[reader](dataset_dir, section="test")
    else:
        cases, fractions = READERS[reader](dataset_dir, section="training"), [1 - validation, validation]
    return split_cases(cases, fractions, seed=seed, group=group)[_PARTS.index(part)]
