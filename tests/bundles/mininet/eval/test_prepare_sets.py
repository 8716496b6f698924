# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Sets laid out with written parts: neighbours stay together, kinds are told apart, masks of single nuclei joined."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mininet import load_cases
from mininet.data import pooled_sets
from PIL import Image
from prepare_sets import prepare, runs_of_numbers


def _picture(path: Path, kind: str = "dark") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((12, 10, 3), {"dark": 10, "bright": 220, "stained": 200}[kind], dtype=np.uint8)
    pixels[4:8, 3:7] = {"dark": (250, 250, 250), "bright": (40, 40, 40), "stained": (90, 30, 160)}[kind]
    if kind == "stained":
        pixels[..., 1] -= 30
    Image.fromarray(pixels).save(path)


def _mask(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((12, 10), dtype=np.uint8)
    pixels[4:8, 3:7] = 255
    Image.fromarray(pixels).save(path)


def _flat(root: Path, names: list[str], kind: str = "dark") -> Path:
    for name in names:
        _picture(root / "images" / f"{name}.png", kind)
        _mask(root / "masks" / f"{name}.png")
    return root


def _names(root: Path, part: str) -> list[str]:
    return sorted(path.stem for path in (root / part / "images").iterdir()) if (root / part).is_dir() else []


def test_drawn_parts_are_those_that_training_draws(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    source = _flat(tmp_path / "source", [f"p{number:02d}" for number in range(20)])
    prepare(str(source), str(tmp_path / "sets"), "cells")
    parts = {part: _names(tmp_path / "sets" / "cells", part) for part in ("training", "validation", "test")}
    assert parts == {
        part: sorted(case["case"] for case in load_cases("paired", source, part))
        for part in ("training", "validation", "test")
    }
    assert "cells: 13 training, 2 validation, 5 test" in capsys.readouterr().out
    with pytest.raises(FileExistsError, match="cells is there already"):
        prepare(str(source), str(tmp_path / "sets"), "cells")


def test_each_kind_is_a_set_of_its_own(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for kind in ("dark", "bright", "stained"):
        _flat(source, [f"{kind}{number}" for number in range(10)], kind)
    prepare(str(source), str(tmp_path / "sets"), "bowl", by_kind=True)
    told = {"bowl_fluorescence": "dark", "bowl_bright-field": "bright", "bowl_stained": "stained"}
    assert {path.name for path in (tmp_path / "sets").iterdir()} == set(told)
    for name, kind in told.items():
        found = [each for part in ("training", "validation", "test") for each in _names(tmp_path / "sets" / name, part)]
        assert sorted(found) == sorted(f"{kind}{number}" for number in range(10))


def test_neighbours_stay_together() -> None:
    cases = [
        {"case": f"10{number:02d}_x"} for number in (1, 2, 3, 4, 6, 7, 9, 10, 12, 14, 15, 17, 20, 26, 27, 32, 37, 38)
    ]
    training, validation, test = ([int(case["case"][2:4]) for case in part] for part in runs_of_numbers(cases))
    assert test == [26, 27, 32, 37, 38]
    assert validation == [7, 9]
    assert training == [1, 2, 3, 4, 6, 10, 12, 14, 15, 17, 20]


def test_pictures_of_a_slide_stay_together() -> None:
    cases = [{"case": f"{slide:02d}_{number}"} for slide in range(1, 12) for number in range(1, 4)]
    parts = [{case["case"][:2] for case in part} for part in runs_of_numbers(cases)]
    assert [len(part) for part in parts] == [6, 2, 3]
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]


def test_what_has_too_few_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="expected numbers in the names, got a, b"):
        runs_of_numbers([{"case": "a"}, {"case": "b"}])
    with pytest.raises(ValueError, match="at least 8 numbers to divide, got 3"):
        runs_of_numbers([{"case": str(number)} for number in range(3)])


def test_masks_of_single_nuclei_are_joined(tmp_path: Path) -> None:
    for number in range(3):
        _picture(tmp_path / "bowl" / f"id{number}" / "images" / f"id{number}.png")
        for place in range(2):
            mask = np.zeros((12, 10), dtype=np.uint8)
            mask[4 * place : 4 * place + 5, 2:5] = 255
            path = tmp_path / "bowl" / f"id{number}" / "masks" / f"{place}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(mask).save(path)
    prepare(str(tmp_path / "bowl"), str(tmp_path / "sets"), "bowl", split="training")
    joined = np.asarray(Image.open(tmp_path / "sets" / "bowl" / "training" / "masks" / "id1.png"))
    assert joined.dtype == np.uint16
    assert joined[:, 3].tolist() == [1] * 5 + [2] * 4 + [0] * 3
    assert list(pooled_sets(tmp_path / "sets")) == ["bowl"]
    assert len(load_cases("pooled", tmp_path / "sets", "training")) == 3
    with pytest.raises(FileNotFoundError, match="has a validation part"):
        load_cases("pooled", tmp_path / "sets", "validation")


def test_other_layouts_and_masks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="or a folder for each picture"):
        prepare(str(tmp_path / "empty"), str(tmp_path / "sets"), "empty")
    _picture(tmp_path / "bowl" / "id" / "images" / "id.png")
    _mask(tmp_path / "bowl" / "id" / "masks" / "0.png")
    Image.fromarray(np.zeros((3, 3), dtype=np.uint8)).save(tmp_path / "bowl" / "id" / "masks" / "1.png")
    with pytest.raises(ValueError, match=r"1\.png is \(3, 3\), expected \(12, 10\)"):
        prepare(str(tmp_path / "bowl"), str(tmp_path / "sets"), "bowl", split="training")
    with pytest.raises(ValueError, match="split"):
        prepare(str(tmp_path / "bowl"), str(tmp_path / "sets"), "bowl", split="thirds")
    assert not (tmp_path / "sets").exists()
