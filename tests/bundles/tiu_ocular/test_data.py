# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How the cases are listed, drawn and named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiu_ocular.data import load_cases, subject_lookup


def _names(cases: list[dict[str, str]]) -> set[str]:
    return {case["case"] for case in cases}


def _ubiris(root: Path, subjects: int) -> Path:
    """Two eyes of each subject, one LabelMe polygon each."""
    root.mkdir(parents=True, exist_ok=True)
    for eye in range(1, 2 * subjects + 1):
        name = f"C{eye}_S1_I1"
        Image.fromarray(np.zeros((8, 12, 3), dtype=np.uint8)).save(root / f"{name}.png")
        shape = {"label": "sclera", "points": [[2, 2], [9, 2], [9, 6]], "shape_type": "polygon"}
        content = {"imagePath": f"{name}.png", "imageWidth": 12, "imageHeight": 8, "shapes": [shape]}
        (root / f"{name}.json").write_text(json.dumps(content))
    return root


def test_parts_of_a_split_folder_are_kept(eyes: Path) -> None:
    sizes = {part: len(load_cases("paired", eyes, part)) for part in ("training", "validation", "test", "all")}
    assert sizes == {"training": 8, "validation": 2, "test": 3, "all": 13}
    assert all(case["subject"] == case["case"] for case in load_cases("paired", eyes, "all"))


def test_subjects_of_ubiris_never_come_into_two_parts(tmp_path: Path) -> None:
    root = _ubiris(tmp_path / "ubiris", 12)
    parts = [load_cases("ubiris", root, part) for part in ("training", "validation", "test")]
    subjects = [{case["subject"] for case in cases} for cases in parts]
    assert sum(map(len, parts)) == 24
    assert sum(map(len, subjects)) == len(set.union(*subjects)) == 12
    assert _names(load_cases("ubiris", root, "all")) == set.union(*map(_names, parts))


def test_fractions_nest_and_leave_the_other_parts_alone(eyes: Path) -> None:
    whole, half, tenth = (load_cases("paired", eyes, "training", fraction) for fraction in (1.0, 0.5, 0.1))
    assert [len(whole), len(half), len(tenth)] == [8, 4, 1]
    assert _names(tenth) < _names(half) < _names(whole)
    assert load_cases("paired", eyes, "test", 0.1) == load_cases("paired", eyes, "test")
    drawn = {tuple(sorted(_names(load_cases("paired", eyes, "training", 0.5, seed)))) for seed in range(6)}
    assert len(drawn) > 1


def test_a_flat_folder_is_drawn_by_subject(eyes: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    for kind in ("images", "masks"):
        (flat / kind).mkdir(parents=True)
        for number in range(20):
            source = eyes / "training" / kind / f"training{number % 8}.png"
            (flat / kind / f"eye{number:02d}.png").write_bytes(source.read_bytes())
    table = tmp_path / "subjects.csv"
    table.write_text("case,subject\n" + "".join(f"eye{number:02d},s{number // 2}\n" for number in range(20)))
    parts = [load_cases("paired", flat, part, subjects=table) for part in ("training", "validation", "test")]
    subjects = [{case["subject"] for case in cases} for cases in parts]
    assert sum(map(len, parts)) == 20
    assert sum(map(len, subjects)) == len(set.union(*subjects)) == 10
    table.write_text("case,subject\neye00,s0\n")
    with pytest.raises(ValueError, match="names no subject for 19 cases: eye01"):
        load_cases("paired", flat, "all", subjects=table)
    table.write_text("name\nx\n")
    with pytest.raises(ValueError, match="expected the columns case and subject"):
        load_cases("paired", flat, "all", subjects=table)


def test_validation_is_drawn_from_training_where_it_is_missing(eyes: Path) -> None:
    (eyes / "validation").rename(eyes / "other")
    training, validation = load_cases("paired", eyes, "training"), load_cases("paired", eyes, "validation")
    assert len(training) + len(validation) == 8
    assert not _names(training) & _names(validation)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reader": "kvasir"}, "got 'kvasir'"),
        ({"part": "train"}, "got 'train'"),
        ({"fraction": 0.0}, "got 0.0"),
        ({"fraction": 1.5}, "got 1.5"),
    ],
)
def test_wrong_options(arguments: dict[str, object], message: str, eyes: Path) -> None:
    with pytest.raises(ValueError, match=message):
        load_cases(**{"reader": "paired", "dataset_dir": eyes, "part": "training", **arguments})


def test_subject_of_an_image() -> None:
    cases = [{"case": "a", "image": "/x/a.png", "subject": "s1"}, {"case": "b", "image": "/x/b.png", "subject": "s2"}]
    assert [subject_lookup(cases)(stem) for stem in "ab"] == ["s1", "s2"]
    with pytest.raises(ValueError, match="two images are named a"):
        subject_lookup([cases[0], {**cases[1], "image": "/y/a.jpg"}])
