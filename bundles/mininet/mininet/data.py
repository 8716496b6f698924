# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The cases of each application, split into training, validation and test."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from litemed.datasets.files import Case, dataset_root, wrong_layout
from litemed.datasets.paired_folders import paired
from litemed.datasets.splits import split_cases
from litemed.notices import Notice

from mininet.readers import READERS

__all__ = ["POOLED", "cases_of_sets", "evaluation_part", "load_cases", "patient_of", "pooled_sets", "reader_of"]

POOLED = ("drive", "chasedb1", "hrf", "fives")
"""Sets of fundus photographs that ``pooled`` looks for below one folder, each in a folder of its reader's name."""

_PARTS = ("training", "validation", "test")
_ALL_TRAINING = "training+validation"
_FLAT = ("monuseg", "paired", "stare")
_PATIENT_PREFIX = {
    "chasedb1": 8,  # Image_07L and Image_07R are one child's eyes
    "monuseg": 12,  # the first three fields of a TCGA barcode name the patient
}
_SAME_PATIENT = {"fives": {"23_A": "22_A"}}


def patient_of(reader: str) -> Callable[[str], str] | None:
    """How to tell the patient from the name of a case; None where a data set has one picture of each, or doesn't say.

    Args:
        reader: name of a reader of :data:`mininet.readers.READERS`, or ``"pooled"``.
    """
    if reader == "pooled":
        return lambda case: case[: _PATIENT_PREFIX["chasedb1"]] if case.startswith("Image_") else case
    if reader in _SAME_PATIENT:
        return lambda case: _SAME_PATIENT[reader].get(case, case)
    length = _PATIENT_PREFIX.get(reader)
    return None if length is None else (lambda case: case[:length])


def evaluation_part(reader: str) -> str:
    """The part to score by default: all of STARE, which no shipped weights were trained on, else the test part.

    Args:
        reader: name of a reader of :data:`mininet.readers.READERS`.
    """
    return "all" if reader == "stare" else "test"


def pooled_sets(root: str | Path) -> dict[str, Path]:
    """The folders of the sets below a folder, by name in lower case.

    They are those of :data:`POOLED`, and where there is none of these all that hold ``images/`` and ``masks/``, or
    these two in ``training/``. A folder that is itself laid out as DRIVE, as the built-in sample is, is the only set.

    Raises:
        FileNotFoundError: when none is there.
    """
    base = dataset_root(root)
    folders = {path.name.lower(): path for path in sorted(base.iterdir()) if path.is_dir()}
    found = {reader: folders[reader] for reader in POOLED if reader in folders}
    if found:
        return found
    pairs = {name: path for name, path in folders.items() if _is_paired(path) or _is_paired(path / "training")}
    if pairs:
        return pairs
    if "training" in folders:
        return {"drive": base}
    raise wrong_layout(base, f"folders among {', '.join(POOLED)}, or of images/ and masks/")


def _is_paired(folder: Path) -> bool:
    return (folder / "images").is_dir() and (folder / "masks").is_dir()


def reader_of(name: str) -> str:
    """Name of the reader of one of `pooled_sets`."""
    return name if name in READERS else "paired"


def load_cases(
    reader: str,
    dataset_dir: str | Path,
    part: str,
    validation: float = 0.1,
    test: float = 0.25,
    seed: int = 0,
    leave_out: str | None = None,
) -> list[Case]:
    """List the cases of one part of a data set.

    - A set that comes with training and test sections (DRIVE, CHASEDB1, HRF, FIVES, ISIC) keeps them; the validation
      part is drawn from the training section.
    - A folder of ``training/``, ``validation/`` and perhaps ``test/``, each with ``images/`` and ``masks/``, keeps
      them; without ``test/`` the validation part is tested on.
    - A flat set (STARE, MoNuSeg, a part of FIVES, ``images/`` and ``masks/``) is drawn into three parts.
    - ``pooled`` joins the same part of all sets that lie in the folder, see :func:`pooled_sets`. A set may lack a part,
      see :func:`cases_of_sets`: it may train alone.

    Drawing is by patient where the set names patients, by picture elsewhere, and depends on the seed alone.

    Args:
        reader: name of a reader of :data:`mininet.readers.READERS`, or ``"pooled"``.
        dataset_dir: the data set's folder, or for ``"pooled"`` the one that holds several sets.
        part: ``"training"``, ``"validation"`` or ``"test"``; ``"training+validation"`` is the first two together,
            ``"all"`` all three.
        validation: share of the training section, or of a flat set, that validates.
        test: share of a flat set that tests.
        seed: of the drawing.
        leave_out: of the pooled sets the one that takes no part in training and validation; all of it is then the test
            part.

    Raises:
        FileNotFoundError: when the data set, or each of the pooled ones, lacks the part or has another layout.
        ValueError: for an unknown reader or part, a set left out that isn't there, or a data set that its reader
            refuses.
    """
    if reader != "pooled" and reader not in READERS:
        raise ValueError(f"expected a reader among {', '.join(sorted({*READERS, 'pooled'}))}, got {reader!r}")
    allowed = (*_PARTS, _ALL_TRAINING, "all")
    if part not in allowed:
        raise ValueError(f"expected a part among {', '.join(allowed)}, got {part!r}")
    if reader == "pooled":
        return _pooled(pooled_sets(dataset_dir), part, leave_out, validation, test, seed)
    if leave_out is not None:
        raise ValueError(f"leave_out={leave_out!r} is for the reader 'pooled', got {reader!r}")
    if part == "all":
        return _whole(reader, Path(dataset_dir))
    if part == _ALL_TRAINING:
        both = (
            _part(reader, dataset_dir, each, validation, test, seed)
            for each in _PARTS[:2]
            if _may_have(Path(dataset_dir), each)
        )
        return sorted((case for cases in both for case in cases), key=lambda case: case["case"])
    return _part(reader, dataset_dir, part, validation, test, seed)


def _whole(reader: str, root: Path) -> list[Case]:
    """All cases of one set."""
    if reader == "paired" and (root / "training").is_dir():
        return [case for part in _PARTS if (root / part).is_dir() for case in paired(root, split=part)]
    if reader == "hrf":
        return READERS[reader](root, section=None)
    if _is_flat(reader, root):
        return READERS[reader](root)
    return [case for section in ("training", "test") for case in READERS[reader](root, section=section)]


def _is_flat(reader: str, root: Path) -> bool:
    """Whether a set has no sections of its own."""
    return reader in _FLAT or (reader == "fives" and not (root / "train").is_dir())


def _pooled(
    folders: dict[str, Path], part: str, leave_out: str | None, validation: float, test: float, seed: int
) -> list[Case]:
    if leave_out is not None and leave_out not in folders:
        raise ValueError(f"expected leave_out among {', '.join(folders)}, got {leave_out!r}")
    if leave_out is not None and part == "test":
        return load_cases(reader_of(leave_out), folders[leave_out], "all")
    kept = {name: path for name, path in folders.items() if name != leave_out}
    if not kept:
        raise FileNotFoundError(f"leave_out={leave_out!r} leaves no set of {', '.join(map(str, folders.values()))}")
    found = cases_of_sets(kept, part, validation, test, seed)
    return [case for cases in found.values() for case in cases]


def cases_of_sets(
    folders: Mapping[str, Path], part: str, validation: float = 0.1, test: float = 0.25, seed: int = 0
) -> dict[str, list[Case]]:
    """The cases of one part of each set that has it, by the set's name.

    A set whose sections are its own, or whose parts are written, may lack one: the first pictures of HRF, say, are all
    of its training section. It is passed over, and a notice tells so. Nothing may be missing where all is asked for.

    Args:
        folders: of the sets, by name, see :func:`pooled_sets`.
        part: as in :func:`load_cases`.
        validation: as in :func:`load_cases`.
        test: as in :func:`load_cases`.
        seed: of the drawing.

    Raises:
        FileNotFoundError: when no set has the part, or one has no part at all.
        ValueError: as :func:`load_cases` does.
    """
    found = {}
    for name, folder in folders.items():
        try:
            found[name] = load_cases(reader_of(name), folder, part, validation, test, seed)
        except FileNotFoundError as error:
            if part == "all" or not any(_is_there(name, folder, each) for each in _PARTS if each != part):
                raise
            warnings.warn(f"{name} has no {part} part: {error}", Notice, stacklevel=2)
    if not found:
        raise FileNotFoundError(f"no set in {', '.join(str(path) for path in folders.values())} has a {part} part")
    return found


def _is_there(name: str, folder: Path, part: str) -> bool:
    """Whether a set has a part, be it one that its reader refuses."""
    try:
        load_cases(reader_of(name), folder, part)
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return True


def _may_have(root: Path, part: str) -> bool:
    """Whether a set of written parts has this one, or a validation part to test on; others are drawn from."""
    written = [each for each in _PARTS if _is_paired(root / each)]
    return not written or part not in _PARTS or part in written or (part == "test" and "validation" in written)


def _part(reader: str, dataset_dir: str | Path, part: str, validation: float, test: float, seed: int) -> list[Case]:
    """The training, validation or test cases of one set."""
    root = Path(dataset_dir)
    if reader == "paired" and (root / "training").is_dir():
        has_test = (root / "test").is_dir()
        return paired(root, split="validation" if part == "test" and not has_test else part)
    patient = patient_of(reader)
    group = None if patient is None else (lambda case: patient(case["case"]))
    fractions: Sequence[float]
    if _is_flat(reader, root):
        cases, fractions = READERS[reader](root), [1 - validation - test, validation, test]
    elif part == "test":
        return READERS[reader](root, section="test")
    else:
        cases, fractions = READERS[reader](root, section="training"), [1 - validation, validation]
    return split_cases(cases, fractions, seed=seed, group=group)[_PARTS.index(part)]
