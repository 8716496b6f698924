# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""HRF as published, and made smaller."""

from __future__ import annotations

from pathlib import Path

import pytest
from mininet.readers.hrf import hrf

NAMES = [f"{number:02d}_{kind}" for number in (1, 5, 6, 15) for kind in ("dr", "g", "h")]


@pytest.fixture(params=["official", "flat"])
def folder(request, tmp_path, save, image, mask) -> Path:
    official = request.param == "official"
    for name in NAMES:
        save(tmp_path / "images" / f"{name}{'.JPG' if official else '.jpg'}", image)
        save(tmp_path / ("manual1" if official else "masks") / f"{name}{'.tif' if official else '.png'}", mask)
        if official:
            save(tmp_path / "mask" / f"{name}_mask.tif", mask)
    return tmp_path


def test_the_first_five_of_each_kind_train(folder):
    training, test = hrf(folder, "training"), hrf(folder, "test")
    assert [case["case"] for case in training] == NAMES[:6]
    assert [case["case"] for case in test] == NAMES[6:]
    assert [case["case"] for case in hrf(folder, None)] == NAMES
    assert all(("region" in case) == (folder / "mask").is_dir() for case in training + test)


def test_masks_made_smaller_by_area_come_first(folder, save, mask):
    if (folder / "masks").is_dir():
        for name in NAMES:
            save(folder / "masks_area" / f"{name}.png", mask)
    expected = "masks_area" if (folder / "masks").is_dir() else "manual1"
    assert {Path(case["label"]).parent.name for case in hrf(folder)} == {expected}


def test_a_section_without_pictures_is_told(tmp_path, save, image, mask):
    save(tmp_path / "images" / "01_h.jpg", image)
    save(tmp_path / "masks" / "01_h.png", mask)
    with pytest.raises(FileNotFoundError, match="expected images of the test section"):
        hrf(tmp_path, "test")
    with pytest.raises(FileNotFoundError, match="expected images/ and manual1/"):
        hrf(tmp_path / "images")
