# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How the applications' cases are listed and split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mininet import load_cases
from mininet.simulation.fundus import fundus
from PIL import Image


def _write(path: Path, size: tuple[int, int] = (8, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.eye(*size, dtype=np.uint8) * 255).save(path)


def _flat(root: Path, names: list[str]) -> Path:
    for name in names:
        _write(root / "images" / f"{name}.png")
        _write(root / "masks" / f"{name}.png")
    return root


def _names(cases: list[dict[str, str]]) -> set[str]:
    return {case["case"] for case in cases}


def test_flat_folder_is_drawn_into_three_parts(tmp_path: Path) -> None:
    names = [f"case{i:02d}" for i in range(20)]
    root = _flat(tmp_path, names)
    parts = [_names(load_cases("paired", root, part)) for part in ("training", "validation", "test")]
    assert [len(part) for part in parts] == [13, 2, 5]
    assert set.union(*parts) == set(names)
    assert parts == [_names(load_cases("paired", root, part)) for part in ("training", "validation", "test")]
    assert parts[0] != _names(load_cases("paired", root, "training", seed=1))
    both = load_cases("paired", root, "training+validation")
    assert [case["case"] for case in both] == sorted(parts[0] | parts[1])


def test_split_folders_are_kept_and_validation_stands_in_for_test(tmp_path: Path) -> None:
    _flat(tmp_path / "training", ["a", "b"])
    _flat(tmp_path / "validation", ["c"])
    assert _names(load_cases("paired", tmp_path, "training")) == {"a", "b"}
    assert _names(load_cases("paired", tmp_path, "test")) == {"c"}
    _flat(tmp_path / "test", ["d"])
    assert _names(load_cases("paired", tmp_path, "test")) == {"d"}


def test_both_eyes_of_a_child_stay_together(tmp_path: Path) -> None:
    for child in range(1, 15):
        for side in "LR":
            _write(tmp_path / f"Image_{child:02d}{side}.jpg")
            _write(tmp_path / f"Image_{child:02d}{side}_1stHO.png")
    training, validation, test = (
        {case["case"][:8] for case in load_cases("chasedb1", tmp_path, part)}
        for part in ("training", "validation", "test")
    )
    assert test == {f"Image_{child:02d}" for child in range(11, 15)}
    assert len(training) == 9
    assert len(validation) == 1
    assert not training & validation


def test_sections_of_drive_are_kept() -> None:
    training, validation, test = (load_cases("drive", fundus(), part) for part in ("training", "validation", "test"))
    assert not _names(training) & _names(validation)
    assert all("training" in case["image"] for case in training + validation)
    assert all("test" in case["image"] and "region" in case for case in test)


@pytest.mark.parametrize(("reader", "part"), [("kvasir", "training"), ("drive", "train")])
def test_unknown_reader_or_part(reader: str, part: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"got '{reader if reader == 'kvasir' else part}'"):
        load_cases(reader, tmp_path, part)
