# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Cases of the MedSAM challenge's archives, and the slices of them that a training sees."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from litemed.datasets.challenge import read_challenge
from litemed.datasets.splits import split_cases
from litemed.images.volumes import open_volume
from litemed.slices.sampling import sample_slices

__all__ = ["list_archives", "list_slices", "load_cases", "modality_of", "set_of"]

PARTS = ("training", "validation", "test")
_SHARES = (0.7, 0.1, 0.2)


def modality_of(case: str) -> str:
    """The modality in an archive's name, ``2D_<modality>_...`` or ``3D_...``; ``"other"`` where it has none."""
    fields = Path(case).stem.split("_")
    return fields[1] if len(fields) > 1 and fields[0].upper() in ("2D", "3D") else "other"


def set_of(case: str) -> str:
    """The data set in an archive's name, ``2D_<modality>_<set>_...``; empty where it names none."""
    fields = Path(case).stem.split("_", 3)
    return fields[2] if len(fields) > 3 and fields[0].upper() in ("2D", "3D") else ""


def load_cases(dataset_dir: str | os.PathLike[str], part: str, seed: int = 0) -> list[dict[str, Any]]:
    """List the archives of one part of a data set.

    A folder of ``training/``, ``validation/`` and ``test/`` keeps them. Any other folder's archives, also those in
    folders below it, are drawn into 70 % training, 10 % validation and 20 % test, by the seed alone; every archive is
    a case.

    Args:
        dataset_dir: the folder, see `litemed.datasets.challenge_conversion` for making one.
        part: ``"training"``, ``"validation"`` or ``"test"``.
        seed: of the drawing.

    Returns:
        Dictionaries of ``image`` (the path), ``case`` and ``modality``.

    Raises:
        FileNotFoundError: when there is no such folder, or no archive in it.
        ValueError: for another part, or too few archives for three parts.
    """
    if part not in PARTS:
        raise ValueError(f"expected a part among {', '.join(PARTS)}, got {part!r}")
    root = Path(dataset_dir)
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is no folder: expected one of the challenge's .npz archives")
    divided = all((root / name).is_dir() for name in PARTS)
    folder = root / part if divided else root
    cases = [
        {"image": str(path), "case": path.stem, "modality": modality_of(path.stem)}
        for path in sorted(folder.rglob("*.npz"))
    ]
    if not cases:
        raise FileNotFoundError(f"no .npz archive in {folder}")
    return cases if divided else split_cases(cases, _SHARES, seed=seed)[PARTS.index(part)]


def list_archives(
    dataset_dir: str | os.PathLike[str], folders: Sequence[str], most: int | None = None
) -> list[dict[str, Any]]:
    """Archives of pictures in some folders, with labels or without; volumes are left out.

    Args:
        dataset_dir: folder of ``folders``.
        folders: to list; those that aren't there are left out.
        most: of each modality, at equal steps; None for all.

    Returns:
        dictionaries of ``image`` (the path) and ``modality``.
    """
    items = [
        {"image": str(path), "modality": modality_of(path.stem)}
        for folder in folders
        for path in sorted((Path(dataset_dir) / folder).rglob("*.npz"))
        if not path.name.upper().startswith("3D")
    ]
    return items if most is None else _drawn_evenly(items, most)


def list_slices(cases: Sequence[dict[str, Any]], interval: int = 5, most: int | None = None) -> list[dict[str, Any]]:
    """The pictures of 2D cases, and every few slices of 3D cases that bear a label.

    Args:
        cases: from `load_cases`.
        interval: of volumes' slices, see `litemed.slices.sample_slices`.
        most: of each modality, evenly drawn from its pictures and slices; None for all.

    Returns:
        the dictionaries of the cases with ``slice``: -1 for a picture, else the index.

    Raises:
        ValueError: for an archive that can't be read, or has no labels.
    """
    items = []
    for case in cases:
        path = Path(case["image"])
        with np.load(path, allow_pickle=False) as archive:
            if "gts" not in archive.files:
                raise ValueError(f"{path}: expected an array 'gts' of labels to train with, got {archive.files}")
        if _is_volume(path):
            label = open_volume(path, is_label=True)
            items += [{**case, "slice": index} for index in sample_slices(label, interval, label=label)]
        else:
            items.append({**case, "slice": -1})
    if not items:
        raise ValueError(f"no labelled slice in {len(cases)} archives")
    return items if most is None else _drawn_evenly(items, most)


def _drawn_evenly(items: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """At most so many items of each modality, at equal steps through them."""
    drawn = []
    for modality in dict.fromkeys(item["modality"] for item in items):
        own = [item for item in items if item["modality"] == modality]
        count = min(most, len(own))
        drawn += [own[index * len(own) // count] for index in range(count)]
    return drawn


def _is_volume(path: Path) -> bool:
    """By its name, as in the challenge; other archives are opened."""
    start = path.name[:2].upper()
    return start == "3D" if start in ("2D", "3D") else read_challenge(path).is_volume
