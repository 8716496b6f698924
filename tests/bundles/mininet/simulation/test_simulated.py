# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated samples: layout, exact masks, sound pictures, the same bytes each time."""

from __future__ import annotations

import warnings
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from litemed.datasets.files import Case
from mininet import simulation
from mininet.readers.drive import drive
from mininet.readers.isic import isic
from PIL import Image
from scipy.ndimage import binary_dilation, label


def picture(case: Case) -> np.ndarray:
    return np.asarray(Image.open(case["image"])).astype(float)


def mask(case: Case, kind: str = "label") -> np.ndarray:
    return np.asarray(Image.open(case[kind]).convert("L")) > 0


@pytest.fixture
def fundus(home) -> list[Case]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return drive(simulation.fundus(home), "training") + drive(simulation.fundus(home), "test")


@pytest.fixture
def lesions(home) -> dict[str, list[Case]]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {part: isic(simulation.lesions(home), part) for part in ("training", "validation", "test")}


def test_fundus_has_the_official_layout_of_drive(home, fundus):
    names = [f"{number}_training" for number in range(21, 27)] + ["01_test", "02_test", "03_test"]
    assert [case["case"] for case in fundus] == names
    root = simulation.fundus(home)
    assert sorted(str(path.relative_to(root)) for path in root.rglob("01_*")) == [
        "test/1st_manual/01_manual1.gif",
        "test/images/01_test.tif",
        "test/mask/01_test_mask.gif",
    ]
    assert "Simulated" in (root / "README.txt").read_text()


def test_fundus_masks(fundus):
    for case in fundus:
        vessels, field = mask(case), mask(case, "region")
        assert picture(case).shape == (302, 292, 3)
        assert field.sum() == pytest.approx(np.pi * 139**2, rel=0.002)
        assert not (vessels & ~field).any()
        assert 0.08 < vessels.sum() / field.sum() < 0.20  # DRIVE's own masks have 0.11 to 0.17


def test_vessels_are_darker_than_what_is_beside_them(fundus):
    for case in fundus:
        green, vessels, field = picture(case)[..., 1], mask(case), mask(case, "region")
        beside = binary_dilation(vessels, iterations=3) & ~binary_dilation(vessels) & field
        contrast = green[beside].mean() - green[vessels].mean()
        shifted = np.roll(vessels, (4, 4), (0, 1)) & field
        assert contrast > 8
        assert green[shifted].mean() - green[vessels].mean() > contrast / 2


def test_fundus_is_dark_outside_the_field_of_view(fundus):
    for case in fundus:
        assert picture(case)[~binary_dilation(mask(case, "region"), iterations=2)].mean() < 3


def test_lesions_have_the_layout_of_isic(home, lesions):
    assert {part: len(cases) for part, cases in lesions.items()} == {"training": 8, "validation": 4, "test": 4}
    assert len({case["case"] for cases in lesions.values() for case in cases}) == 16
    assert "Simulated" in (simulation.lesions(home) / "README.txt").read_text()


def test_lesion_masks(lesions):
    for case in chain.from_iterable(lesions.values()):
        lesion = mask(case)
        assert picture(case).shape == (192, 256, 3)
        assert 0.02 < lesion.mean() < 0.5
        assert label(lesion)[1] == 1
        beside = binary_dilation(lesion, iterations=20) & ~binary_dilation(lesion, iterations=6)
        assert picture(case)[lesion].mean() < picture(case)[beside].mean() - 20


@pytest.mark.parametrize("write", [simulation.fundus, simulation.lesions])
def test_written_again_it_has_the_same_bytes_and_no_two_pictures_agree(home, tmp_path, write):
    root, again = write(home), write(tmp_path)
    files = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert all((root / path).read_bytes() == (again / path).read_bytes() for path in files)
    pictures = [(root / path).read_bytes() for path in files if Path(path).suffix in (".tif", ".jpg")]
    assert len(set(pictures)) == len(pictures)


def test_a_sample_is_small(home):
    for write in (simulation.fundus, simulation.lesions):
        root = write(home)
        assert sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) < 3e6
