# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How the applications' cases are listed and split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from litemed.notices import Notice
from mininet import evaluation_part, load_cases
from mininet.data import cases_of_sets, pooled_sets
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


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    for child in range(1, 15):
        for side in "LR":
            _write(tmp_path / "CHASEDB1" / f"Image_{child:02d}{side}.jpg")
            _write(tmp_path / "CHASEDB1" / f"Image_{child:02d}{side}_1stHO.png")
    for number in range(1, 13):
        for kind in ("dr", "g", "h"):
            _write(tmp_path / "HRF" / "images" / f"{number:02d}_{kind}.png")
            _write(tmp_path / "HRF" / "masks" / f"{number:02d}_{kind}.png")
    _flat(tmp_path / "fives", [f"{number}_A" for number in range(1, 21)])
    return tmp_path


def test_pooled_parts_are_those_of_the_sets(pool: Path) -> None:
    for part, counts in (("training", (18, 14, 13)), ("validation", (2, 1, 2)), ("test", (8, 21, 5))):
        cases = load_cases("pooled", pool, part)
        folders = [Path(case["image"]).relative_to(pool).parts[0] for case in cases]
        assert tuple(folders.count(name) for name in ("CHASEDB1", "HRF", "fives")) == counts


def test_a_set_left_out_is_tested_whole_and_trains_nothing(pool: Path) -> None:
    for left_out, folder, count in (("chasedb1", "CHASEDB1", 28), ("hrf", "HRF", 36), ("fives", "fives", 20)):
        test = load_cases("pooled", pool, "test", leave_out=left_out)
        assert len(test) == count
        assert all(f"/{folder}/" in case["image"] for case in test)
        for part in ("training", "validation", "training+validation"):
            assert not any(
                f"/{folder}/" in case["image"] for case in load_cases("pooled", pool, part, leave_out=left_out)
            )


def test_any_folders_of_pictures_and_masks_are_pooled(tmp_path: Path) -> None:
    _flat(tmp_path / "stained", [f"s{number}" for number in range(20)])
    _flat(tmp_path / "Dark", [f"d{number}" for number in range(20)])
    names = _names(load_cases("pooled", tmp_path, "test"))
    assert sorted(name[0] for name in names) == ["d"] * 5 + ["s"] * 5
    assert {name[0] for name in _names(load_cases("pooled", tmp_path, "training", leave_out="dark"))} == {"s"}
    assert len(load_cases("pooled", tmp_path, "test", leave_out="dark")) == 20


def test_the_sample_is_a_pool_of_one() -> None:
    assert pooled_sets(fundus()) == {"drive": fundus()}
    assert load_cases("pooled", fundus(), "training") == load_cases("drive", fundus(), "training")


def test_both_pictures_of_one_eye_stay_together(tmp_path: Path) -> None:
    _flat(tmp_path, [f"{number}_A" for number in range(14, 34)])
    for seed in range(5):
        parts = [_names(load_cases("fives", tmp_path, part, seed=seed)) for part in ("training", "validation", "test")]
        assert [len({"22_A", "23_A"} & part) for part in parts].count(2) == 1


def test_left_out_sets_are_checked(pool: Path) -> None:
    with pytest.raises(ValueError, match="expected leave_out among chasedb1, hrf, fives, got 'drive'"):
        load_cases("pooled", pool, "training", leave_out="drive")
    with pytest.raises(ValueError, match="leave_out='hrf' is for the reader 'pooled'"):
        load_cases("hrf", pool / "HRF", "training", leave_out="hrf")
    with pytest.raises(
        FileNotFoundError, match="expected folders among drive, chasedb1, hrf, fives, or of images/ and masks/"
    ):
        load_cases("pooled", pool / "CHASEDB1", "training")


def test_all_pictures_of_a_set(tmp_path: Path) -> None:
    for number in range(1, 21):
        _write(tmp_path / "stare-images" / f"im{number:04d}.ppm")
        _write(tmp_path / "labels-ah" / f"im{number:04d}.ah.ppm")
    assert evaluation_part("stare") == "all"
    assert evaluation_part("drive") == "test"
    assert len(load_cases("stare", tmp_path, "all")) == 20
    assert len(load_cases("stare", tmp_path, "test")) == 5


def test_a_set_too_small_to_be_divided_is_scored_whole(tmp_path: Path) -> None:
    _flat(tmp_path / "flat", ["a", "b"])
    assert _names(load_cases("paired", tmp_path / "flat", "all")) == {"a", "b"}
    _flat(tmp_path / "training", ["a"])
    _flat(tmp_path / "validation", ["c"])
    assert _names(load_cases("paired", tmp_path, "all")) == {"a", "c"}
    assert len(load_cases("drive", fundus(), "all")) == 9


@pytest.mark.parametrize(("reader", "part"), [("kvasir", "training"), ("drive", "train")])
def test_unknown_reader_or_part(reader: str, part: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"got '{reader if reader == 'kvasir' else part}'"):
        load_cases(reader, tmp_path, part)


def test_a_set_of_written_parts_may_lack_some_of_them(tmp_path: Path) -> None:
    _flat(tmp_path / "whole" / "training", ["a", "b"])
    _flat(tmp_path / "whole" / "validation", ["c"])
    _flat(tmp_path / "whole" / "test", ["d"])
    _flat(tmp_path / "trains" / "training", ["e"])
    parts = {"training": _names(load_cases("pooled", tmp_path, "training"))}
    for part in ("validation", "test"):
        with pytest.warns(Notice, match=f"trains has no {part} part: expected validation/images/"):
            parts[part] = _names(load_cases("pooled", tmp_path, part))
    assert parts == {"training": {"a", "b", "e"}, "validation": {"c"}, "test": {"d"}}
    assert _names(load_cases("pooled", tmp_path, "training+validation")) == {"a", "b", "c", "e"}
    assert _names(load_cases("pooled", tmp_path, "all")) == {"a", "b", "c", "d", "e"}


def test_a_set_of_its_own_sections_may_lack_one_but_not_all(pool: Path) -> None:
    for folder in ("images", "masks"):
        for path in (pool / "HRF" / folder).iterdir():
            if int(path.name[:2]) > 5:
                path.unlink()
    _flat(pool / "cells" / "training", ["a"])
    with pytest.warns(Notice, match="hrf has no test part: expected images of the test section in .*HRF/images"):
        found = cases_of_sets(pooled_sets(pool), "test")
    assert {name: len(cases) for name, cases in found.items()} == {"chasedb1": 8, "fives": 5}
    assert len(load_cases("pooled", pool, "test", leave_out="hrf")) == 15
    with pytest.warns(Notice, match="hrf has no test part"):
        assert len(load_cases("pooled", pool, "test")) == 13
    assert len(load_cases("pooled", pool, "validation")) == 2 + 1 + 2
    with pytest.raises(FileNotFoundError, match=r"no set in .*/cells has a test part"), pytest.warns(Notice):
        cases_of_sets({"cells": pool / "cells"}, "test")
    for path in (pool / "HRF" / "masks").iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"image files with names like .* in .*HRF/masks"):
        load_cases("pooled", pool, "test")
    with pytest.raises(FileNotFoundError, match="leave_out='cells' leaves no set of"):
        load_cases("pooled", _alone(pool), "training", leave_out="cells")


def _alone(pool: Path) -> Path:
    """A folder with one set of the pool."""
    (pool / "alone").mkdir()
    (pool / "cells").rename(pool / "alone" / "cells")
    return pool / "alone"
