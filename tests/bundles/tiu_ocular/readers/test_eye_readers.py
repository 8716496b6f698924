# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""UBIRIS.v2 and clinical eyes: layouts, the split by subject, shares of the training pictures, and bad files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from litemed.datasets.paired_folders import paired
from PIL import Image
from tiu_ocular.readers.clinical_eyes import clinical_eyes
from tiu_ocular.readers.ubiris import ubiris

SECTIONS = ("training", "validation", "test")
SQUARE = [[1, 1], [4, 1], [4, 4], [1, 4]]


def outlines(label: str = "iris", points: list[list[float]] = SQUARE, width: int = 8, height: int = 6) -> str:
    shapes = [{"label": label, "points": points, "shape_type": "polygon"}]
    return json.dumps({"shapes": shapes, "imageWidth": width, "imageHeight": height})


@pytest.fixture
def add(tmp_path, image) -> Callable[..., Path]:
    def write(name: str, folder: str = "", suffix: str = ".png", annotation: str | None = None) -> Path:
        path = tmp_path / folder / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        path.with_suffix(".json").write_text(outlines() if annotation is None else annotation)
        return path

    return write


@pytest.fixture
def public(add, tmp_path) -> Path:
    """28 subjects with two eyes, two pictures of each."""
    for eye in range(1, 57):
        for number in (1, 2):
            add(f"C{eye}_S1_I{number}", folder=f"part{eye % 2}", suffix=".tiff" if eye % 2 else ".png")
    return tmp_path


def test_subjects_are_in_one_section(public):
    parts = {section: ubiris(public, section) for section in SECTIONS}
    subjects = {section: {case["subject"] for case in cases} for section, cases in parts.items()}
    # 0.14 * 28 = 3.92 and 0.18 * 28 = 5.04, rounded; the rest for training
    assert {section: len(members) for section, members in subjects.items()} == {
        "training": 19,
        "validation": 4,
        "test": 5,
    }
    assert set.union(*subjects.values()) == {f"{number:03d}" for number in range(1, 29)}
    assert {section: len(cases) for section, cases in parts.items()} == {"training": 76, "validation": 16, "test": 20}


def test_eyes_in_pairs_are_one_subject(public):
    cases = [case for section in SECTIONS for case in ubiris(public, section, validate=False)]
    eyes = {case["eye"]: case["subject"] for case in cases}
    assert (eyes["C1"], eyes["C2"], eyes["C3"], eyes["C56"]) == ("001", "001", "002", "028")
    assert {case["session"] for case in cases} == {"1"}
    case = next(case for case in cases if case["case"] == "C3_S1_I2")
    assert Path(case["image"]) == public / "part1" / "C3_S1_I2.tiff"
    assert Path(case["label"]) == public / "part1" / "C3_S1_I2.json"


def test_shares_of_the_training_pictures_are_nested(public):
    def names(fraction: float, seed: int = 0) -> list[str]:
        return [case["case"] for case in ubiris(public, fraction=fraction, seed=seed, validate=False)]

    tenth, half, all_of_them = (names(fraction) for fraction in (0.1, 0.5, 1.0))
    assert (len(tenth), len(half), len(all_of_them)) == (8, 38, 76)
    assert set(tenth) < set(half) < set(all_of_them)
    assert names(0.1) == tenth != names(0.1, seed=1)
    assert len(names(0.001)) == 1
    assert names(1.0, seed=5) == all_of_them


def test_the_seed_leaves_the_sections_alone(public):
    assert ubiris(public, "test", seed=3, validate=False) == ubiris(public, "test", validate=False)


def test_pictures_without_annotation_and_other_files_are_skipped(public, image):
    Image.fromarray(image).save(public / "C99_S1_I1.png")
    Image.fromarray(image).save(public / "overview.png")
    (public / "settings.json").write_text("{}")
    assert sum(len(ubiris(public, section)) for section in SECTIONS) == 112


def test_annotations_may_lie_in_a_folder_of_their_own(add, tmp_path):
    for eye in (1, 3, 5):
        path = add(f"C{eye}_S2_I7", folder="images")
        (tmp_path / "json").mkdir(exist_ok=True)
        path.with_suffix(".json").rename(tmp_path / "json" / f"{path.stem}.json")
    assert Path(ubiris(tmp_path, "test")[0]["label"]).parent == tmp_path / "json"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"section": "train"}, "expected section to be one of 'training', 'validation', 'test', got 'train'"),
        ({"fraction": 0}, "expected a fraction above 0 up to 1, got 0"),
        ({"fraction": 10}, "expected a fraction above 0 up to 1, got 10"),
        ({"section": "test", "fraction": 0.5}, "only training pictures can be drawn, got fraction 0.5 of the test"),
    ],
)
def test_wrong_arguments(public, arguments, message):
    with pytest.raises(ValueError, match=message):
        ubiris(public, **arguments)


def test_too_few_subjects(add, tmp_path):
    add("C1_S1_I1")
    add("C3_S1_I1")
    with pytest.raises(ValueError, match="expected annotated pictures of at least 3 subjects, got 2"):
        ubiris(tmp_path)


def test_wrong_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected pictures C1_S1_I1\.tiff with LabelMe files"):
        ubiris(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"expected healthy\|omg/<patient>_<L\|R>_<number>\.jpg"):
        clinical_eyes(tmp_path)
    with pytest.raises(FileNotFoundError, match="doesn't exist"):
        ubiris(tmp_path / "nowhere")


def test_annotation_without_picture(public):
    (public / "part1" / "C1_S1_I1.tiff").unlink()
    with pytest.raises(ValueError, match=r"1 missing partner file\(s\):\n.*C1_S1_I1\.json has no picture"):
        ubiris(public)


def test_two_files_for_one_case(public, add):
    add("c1_s1_i1")
    with pytest.raises(ValueError, match="two files for one case"):
        ubiris(public)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (outlines(label="lash"), r"C1_S1_I1\.json has the label 'lash'"),
        (outlines(width=9), r"C1_S1_I1\.json is of a picture of 9x6, but .*C1_S1_I1\.png is 8x6"),
        ("{", r"C1_S1_I1\.json can't be read"),
    ],
)
def test_wrong_annotations_are_named(add, tmp_path, annotation, message):
    for eye in (1, 3, 5):
        add(f"C{eye}_S1_I1", annotation=annotation)
    section = next(section for section in SECTIONS if ubiris(tmp_path, section, validate=False)[0]["eye"] == "C1")
    with pytest.raises(ValueError, match=rf"1 of 1 cases are wrong:\n.*{message}"):
        ubiris(tmp_path, section)


def test_cut_picture_is_named(add, tmp_path):
    path = add("P1_L_1", folder="omg", suffix=".jpg")
    path.write_bytes(path.read_bytes()[:-80])
    with pytest.raises(ValueError, match=r"P1_L_1\.jpg can't be read"):
        clinical_eyes(tmp_path)


def test_closed_eye_is_taken_with_a_notice(add, tmp_path):
    nothing = json.dumps({"shapes": [], "imageWidth": 8, "imageHeight": 6})
    add("P1_L_1", folder="omg", annotation=nothing)
    with pytest.warns(UserWarning, match=r"1 of 1 eyes have no region:\n.*P1_L_1\.json"):
        assert len(clinical_eyes(tmp_path)) == 1


def test_clinical_groups(add, tmp_path):
    add("P01_R_1", folder="healthy")
    add("P01_L_1", folder="omg")
    add("Beijing_2_l_003", folder="omg")
    cases = clinical_eyes(tmp_path)
    assert [(case["subject"], case["eye"], case["group"]) for case in cases] == [
        ("P01", "right", "healthy"),
        ("Beijing_2", "left", "omg"),
        ("P01", "left", "omg"),
    ]
    assert [case["case"] for case in clinical_eyes(tmp_path, "healthy")] == ["P01_R_1"]
    with pytest.raises(ValueError, match="expected group to be one of 'healthy', 'omg', got 'ill'"):
        clinical_eyes(tmp_path, "ill")


@pytest.mark.parametrize("highest", [3, 4])
def test_label_maps_in_folders(tmp_path, save, image, highest):
    labels = np.arange(48, dtype=np.uint8).reshape(6, 8) % (highest + 1)
    save(tmp_path / "images" / "r1.jpg", image)
    path = save(tmp_path / "masks" / "r1.png", labels)
    assert paired(tmp_path) == [{"case": "r1", "image": str(tmp_path / "images" / "r1.jpg"), "label": str(path)}]
