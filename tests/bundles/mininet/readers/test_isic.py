# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""ISIC challenges 2016 to 2018."""

from __future__ import annotations

from pathlib import Path

import pytest
from mininet.readers.isic import isic

FOLDERS = {
    ("2016", "training"): ("ISBI2016_ISIC_Part1_Training_Data", "ISBI2016_ISIC_Part1_Training_GroundTruth"),
    ("2016", "test"): ("ISBI2016_ISIC_Part1_Test_Data", "ISBI2016_ISIC_Part1_Test_GroundTruth"),
    ("2017", "training"): ("ISIC-2017_Training_Data", "ISIC-2017_Training_Part1_GroundTruth"),
    ("2017", "validation"): ("ISIC-2017_Validation_Data", "ISIC-2017_Validation_Part1_GroundTruth"),
    ("2017", "test"): ("ISIC-2017_Test_v2_Data", "ISIC-2017_Test_v2_Part1_GroundTruth"),
    ("2018", "training"): ("ISIC2018_Task1-2_Training_Input", "ISIC2018_Task1_Training_GroundTruth"),
    ("2018", "test"): ("isic2018_task1-2_test_input", "isic2018_task1_test_groundtruth"),
}


def write_year(root: Path, year: str, save, image, mask) -> None:
    for (of_year, section), (images, masks) in FOLDERS.items():
        if of_year != year:
            continue
        mark = "_Segmentation.png" if year == "2016" else "_segmentation.png"
        suffix = ".JPG" if section == "test" else ".jpg"
        for name in (f"ISIC_{section}_1", f"ISIC_{section}_2"):
            save(root / images / f"{name}{suffix}", image)
            save(root / images / f"{name}_superpixels.png", image)
            save(root / masks / f"{name}{mark}", mask)
        (root / images / f"{images}_metadata.csv").write_text("image_id\n")


@pytest.mark.parametrize(("year", "section"), FOLDERS)
def test_every_year_and_section(tmp_path, save, image, mask, year, section):
    write_year(tmp_path, year, save, image, mask)
    cases = isic(tmp_path, section)
    assert [case["case"] for case in cases] == [f"ISIC_{section}_1", f"ISIC_{section}_2"]
    for case in cases:
        assert Path(case["image"]).parent.name == FOLDERS[year, section][0]
        assert Path(case["label"]).stem.lower() == f"{case['case']}_segmentation".lower()


def test_ground_truth_of_other_tasks_is_passed_over(tmp_path, save, image, mask):
    write_year(tmp_path, "2017", save, image, mask)
    other = tmp_path / "ISIC-2017_Training_Part2_GroundTruth"
    other.mkdir()
    (other / "ISIC_training_1_features.json").write_text("{}")
    assert len(isic(tmp_path)) == 2


def test_two_years_in_one_folder(tmp_path, save, image, mask):
    write_year(tmp_path, "2016", save, image, mask)
    write_year(tmp_path, "2017", save, image, mask)
    with pytest.raises(FileNotFoundError, match=r"expected one folder \*training\*_Data/"):
        isic(tmp_path)


def test_missing_section(tmp_path, save, image, mask):
    write_year(tmp_path, "2016", save, image, mask)
    with pytest.raises(
        FileNotFoundError, match=r"one folder \*validation\*_Data/ .* found ISBI2016_ISIC_Part1_Test_Data/"
    ):
        isic(tmp_path, "validation")


def test_missing_mask_is_named(tmp_path, save, image, mask):
    write_year(tmp_path, "2017", save, image, mask)
    (tmp_path / "ISIC-2017_Training_Part1_GroundTruth" / "ISIC_training_2_segmentation.png").unlink()
    with pytest.raises(ValueError, match=r"ISIC_training_2\.jpg has no label"):
        isic(tmp_path)


def test_mask_of_three_values_is_named(tmp_path, save, image, mask):
    write_year(tmp_path, "2017", save, image, mask)
    mask[0, 0] = 7
    save(tmp_path / "ISIC-2017_Training_Part1_GroundTruth" / "ISIC_training_2_segmentation.png", mask)
    with pytest.raises(ValueError, match=r"ISIC_training_2_segmentation\.png has 3 values, .*: 0, 7, 255"):
        isic(tmp_path)
