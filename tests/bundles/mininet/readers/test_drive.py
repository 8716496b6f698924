# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""DRIVE in both layouts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mininet.readers.drive import drive

SECTIONS = {"training": (21, 22), "test": (1, 2)}


@pytest.fixture
def official(tmp_path, save, image, mask) -> Path:
    for section, numbers in SECTIONS.items():
        for number in numbers:
            folder = tmp_path / section
            save(folder / "images" / f"{number:02d}_{section}.tif", image)
            save(folder / "1st_manual" / f"{number:02d}_manual1.gif", mask)
            save(folder / "mask" / f"{number:02d}_{section}_mask.gif", mask | 255)
            if section == "test":
                save(folder / "2nd_manual" / f"{number:02d}_manual2.gif", mask)
    return tmp_path


@pytest.fixture(params=["{number:02d}_mask.gif", "{number:02d}_{section}_mask.gif"])
def flat(request, tmp_path, save, image, mask) -> Path:
    for section, numbers in SECTIONS.items():
        for number in numbers:
            save(tmp_path / "images" / f"{number:02d}_{section}.tif", image)
            save(tmp_path / "manual" / f"{number:02d}_manual1.gif", mask)
            save(tmp_path / "mask" / request.param.format(number=number, section=section), mask | 255)
    return tmp_path


@pytest.mark.parametrize("section", SECTIONS)
def test_official_layout(official, section):
    cases = drive(official, section)
    assert [case["case"] for case in cases] == [f"{number:02d}_{section}" for number in SECTIONS[section]]
    number = SECTIONS[section][0]
    assert {key: str(Path(path).relative_to(official)) for key, path in cases[0].items() if key != "case"} == {
        "image": f"{section}/images/{number:02d}_{section}.tif",
        "label": f"{section}/1st_manual/{number:02d}_manual1.gif",
        "region": f"{section}/mask/{number:02d}_{section}_mask.gif",
    }


@pytest.mark.parametrize("section", SECTIONS)
def test_flat_layout(flat, section):
    cases = drive(flat, section)
    assert [case["case"] for case in cases] == [f"{number:02d}_{section}" for number in SECTIONS[section]]
    for case, number in zip(cases, SECTIONS[section], strict=True):
        assert Path(case["label"]).name == f"{number:02d}_manual1.gif"
        assert Path(case["region"]).name.startswith(f"{number:02d}_")


def test_second_observer(official):
    assert [Path(case["label"]).name for case in drive(official, "test", observer=2)] == [
        "01_manual2.gif",
        "02_manual2.gif",
    ]
    with pytest.raises(FileNotFoundError, match=r"expected a folder 2nd_manual/ .* found 1st_manual/, images/, mask/"):
        drive(official, "training", observer=2)


@pytest.mark.parametrize(("section", "observer"), [("validation", 1), ("test", 3)])
def test_unknown_section_or_observer(official, section, observer):
    with pytest.raises(ValueError, match=r"expected (section|observer) to be one of .*, got ('validation'|3)"):
        drive(official, section, observer)


def test_missing_region_is_named(official):
    (official / "training" / "mask" / "22_training_mask.gif").unlink()
    with pytest.raises(ValueError, match=r"1 missing partner.*\n.*22_training\.tif has no region"):
        drive(official)


def test_region_must_be_binary(flat, save, mask):
    region = next((flat / "mask").glob("21_*"))
    save(region, np.arange(48, dtype=np.uint8).reshape(6, 8))
    with pytest.raises(ValueError, match=rf"{region.name} has 48 values"):
        drive(flat)


def test_wrong_folder(flat):
    layouts = r"training/\{images,1st_manual,mask\}/ or \{images,manual,mask\}/"
    with pytest.raises(FileNotFoundError, match=f"expected {layouts} in"):
        drive(flat / "images")


def test_flat_layout_without_the_section(flat):
    for folder in ("images", "manual", "mask"):
        for path in (flat / folder).glob("0*"):
            path.unlink()
    assert len(drive(flat, "training")) == 2
    with pytest.raises(FileNotFoundError, match="expected images named NN_test"):
        drive(flat, "test")
