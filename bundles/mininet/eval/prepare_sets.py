# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Lay pictures of nuclei or skin out as sets with written parts, from the forms in which they are handed round.

Run ``python bundles/mininet/eval/prepare_sets.py --help`` for its use.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
from litemed.command_line import run_command
from litemed.datasets.files import Case, check_option, dataset_root, pair, wrong_layout
from litemed.datasets.paired_folders import paired
from litemed.datasets.splits import split_cases
from litemed.images.pictures import read_picture
from mininet.kinds import kind_of_file
from PIL import Image

__all__ = ["SPLITS", "prepare", "runs_of_numbers"]

PARTS = ("training", "validation", "test")
SPLITS = ("draw", "runs", "training")


def prepare(source: str, target: str, name: str, split: str = "draw", by_kind: bool = False, seed: int = 0) -> None:
    """Copy a set into ``target/name/training|validation|test/{images,masks}``.

    Two layouts are taken: ``images/`` and ``masks/`` with equal names; and that of the 2018 Data Science Bowl,
    ``ID/images/ID.png`` with a mask for each nucleus in ``ID/masks/``, which are joined into one of numbers.

    Ways to split:

    - ``"draw"``: 65 % training, 10 % validation and 25 % test, picture by picture, as `mininet.load_cases` draws them;
    - ``"runs"``: for pictures numbered in the order of their slides, whose patients aren't told: neighbours stay
      together, see `runs_of_numbers`;
    - ``"training"``: all of them train.

    Args:
        source: the set's folder.
        target: folder of the prepared sets, for the reader ``pooled``.
        name: of the set; with ``by_kind`` the kind is added.
        split: one of `SPLITS`.
        by_kind: a set for each kind of picture of `mininet.kinds.KINDS`, told by its looks.
        seed: of the drawing.

    Raises:
        FileExistsError: when such a set has been prepared.
        FileNotFoundError: when the folder has another layout.
        ValueError: for another split, or naming the files that are wrong.
    """
    check_option("split", split, SPLITS)
    root = dataset_root(source)
    cases = paired(root) if (root / "images").is_dir() else _one_folder_each(root)
    if split == "draw":
        parts = split_cases(cases, (0.65, 0.1, 0.25), seed=seed)
    else:
        parts = list(runs_of_numbers(cases)) if split == "runs" else [cases]
    placed = [
        (Path(target).expanduser() / (f"{name}_{kind_of_file(case['image'])}" if by_kind else name), part, case)
        for part, chosen in zip(PARTS, parts, strict=False)
        for case in chosen
    ]
    folders = sorted({folder for folder, _, _ in placed})
    for folder in folders:
        if folder.exists():
            raise FileExistsError(f"{folder} is there already: remove it to prepare it anew")
    joined = {case["label"]: _joined(Path(case["label"])) for case in cases if Path(case["label"]).is_dir()}
    for folder, part, case in placed:
        _copy(case, folder / part, joined.get(case["label"]))
    for folder in folders:
        counts = [sum(1 for where, each, _ in placed if (where, each) == (folder, part)) for part in PARTS]
        print(f"{folder}: " + ", ".join(f"{count} {part}" for count, part in zip(counts, PARTS, strict=True)))


def runs_of_numbers(cases: list[Case]) -> tuple[list[Case], list[Case], list[Case]]:
    """Training, validation and test part: the last quarter in the order of numbers tests, the middle sixth validates.

    "Middle" is of those that don't test. Where a name holds two numbers, slide and picture as ``04_2``, the slides
    are divided, and their pictures stay together; else the pictures.

    Args:
        cases: each with a number in its name.

    Raises:
        ValueError: for names without a number, or fewer than eight groups.
    """
    nameless = [case["case"] for case in cases if not re.search(r"\d", case["case"])]
    if nameless:
        raise ValueError(f"expected numbers in the names, got {', '.join(nameless[:5])}")
    groups = sorted({_first_number(case) for case in cases})
    tests = round(len(groups) / 4 + 0.25)
    validates = round((len(groups) - tests) / 6 + 0.25)
    if len(groups) < 8:
        raise ValueError(f"expected at least 8 numbers to divide, got {len(groups)}")
    first = (len(groups) - tests - validates) // 2
    test, validation = set(groups[-tests:]), set(groups[first : first + validates])
    return (
        [case for case in cases if _first_number(case) not in test | validation],
        [case for case in cases if _first_number(case) in validation],
        [case for case in cases if _first_number(case) in test],
    )


def _first_number(case: Case) -> int:
    return int(re.findall(r"\d+", case["case"])[0])


def _one_folder_each(root: Path) -> list[Case]:
    """Cases of the Data Science Bowl, whose ``label`` is still a folder."""
    folders = {path.parents[1].name: path for path in sorted(root.glob("*/images/*.png"))}
    if not folders:
        raise wrong_layout(root, "images/ and masks/, or a folder for each picture with images/ and masks/ in it")
    return pair(folders, label={name: path.parents[1] / "masks" for name, path in folders.items()})


def _copy(case: Case, part: Path, numbers: np.ndarray | None) -> None:
    """Copy a picture and its mask, or write the numbers in its place."""
    image, label = Path(case["image"]), Path(case["label"])
    for folder in ("images", "masks"):
        (part / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy(image, part / "images" / image.name)
    if numbers is None:
        shutil.copy(label, part / "masks" / label.name)
    else:
        Image.fromarray(numbers).save(part / "masks" / f"{image.stem}.png")


def _joined(folder: Path) -> np.ndarray:
    """uint16 numbers of the nuclei, in the order of their files; where two overlap the first keeps the pixels."""
    files = sorted(folder.glob("*.png"))
    if not files:
        raise ValueError(f"{folder} holds no masks")
    numbers: np.ndarray | None = None
    for number, file in enumerate(files, start=1):
        mask = read_picture(file)
        mask = (mask.max(axis=2) if mask.ndim == 3 else mask) > 0
        numbers = np.zeros(mask.shape, np.uint16) if numbers is None else numbers
        if mask.shape != numbers.shape:
            raise ValueError(f"{file} is {mask.shape}, expected {numbers.shape} as {files[0].name}")
        numbers[mask & (numbers == 0)] = number
    assert numbers is not None
    return numbers


if __name__ == "__main__":
    run_command(prepare, "prepare_sets")
