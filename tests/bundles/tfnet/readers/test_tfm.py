# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TFM: classes, boxes and polygons in every spelling that is taken, and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tfnet.readers.tfm import TFM_BOXES, TFM_CLASSES, tfm, video_of

WIDTH, HEIGHT = 80, 60
# inside, middle and outside, concentric around (40, 30)
BOXES = [(37.0, 27.0, 43.0, 33.0), (32.0, 24.0, 48.0, 36.0), (20.0, 15.0, 60.0, 45.0)]


@pytest.fixture
def root(tmp_path, save) -> Path:
    """Frames a_1 to a_4 of the training section, without labels."""
    for number in range(1, 5):
        save(tmp_path / "images" / "train" / f"a_{number}.png", np.zeros((HEIGHT, WIDTH), np.uint8))
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write_classes(root: Path, text: str) -> Path:
    return write(root / "labels" / "classification" / "train_cls.txt", text)


def write_boxes(root: Path, *rows: str, name: str = "a_1") -> Path:
    return write(root / "labels" / "detection" / "train" / f"{name}.txt", "\n".join(rows) + "\n")


def write_outlines(root: Path, text: str, folder: str = "segmentaiton") -> Path:
    return write(root / "labels" / folder / "train" / "a_1.txt", text)


def numbers(values) -> str:
    return " ".join(f"{value:.6f}" for value in values)


def test_names_are_in_the_order_of_their_numbers():
    assert TFM_CLASSES == ("clear", "closed", "broken", "blur")
    assert TFM_BOXES == ("inside", "middle", "outside")


@pytest.mark.parametrize(
    "rows",
    [
        ["a_2.png 3", "a_1.png 0", "a_4.png 2", "a_3.png 1"],
        ["# frame, class", "", "images/train/a_1.png,clear", "a_2,Blur", "a_3.png , CLOSED", '"a_4.png","broken"'],
        ["a_1.png\t0", "a_2.png\t3", "a_3.png\t1", "a_4.png\t2"],
        ["0 a_1.png", "blur a_2.png", "closed;a_3", "2.0,a_4"],
        ["file class", "a_1 1 0 0 0", "a_2 0 0 0 1", "a_3,0,1,0,0", "a_4 0 0 1 0"],
        ["a_1.png 0", "a_2.png 3", "a_3.png 1", "a_4.png 2", "a_4.png broken"],
    ],
)
def test_classes(root, rows):
    write_classes(root, "\n".join(rows))
    cases = tfm(root, "classification")
    assert [(case["case"], case["label"]) for case in cases] == [("a_1", 0), ("a_2", 3), ("a_3", 1), ("a_4", 2)]
    assert cases[0]["image"] == str(root / "images" / "train" / "a_1.png")
    assert {case["video"] for case in cases} == {"a"}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("a_2.png 4", "expected a file name and a class (0 clear, 1 closed, 2 broken, 3 blur), got 'a_2.png 4'"),
        ("a_2.png torn", "got 'a_2.png torn'"),
        ("2", "got '2'"),
        ("a_2 0 1 1 0", "expected one class, got 0 1 1 0"),
        ("a_9.png 1", "no image a_9 in"),
        ("a_1.png 1", "a_1 has two classes, clear and closed"),
    ],
)
def test_wrong_class_row_is_named(root, row, complaint):
    path = write_classes(root, f"a_1.png 0\n\n{row}\n")
    with pytest.raises(ValueError, match=re.escape(f"{path}, line 3: ") + ".*" + re.escape(complaint)):
        tfm(root, "classification")


def test_empty_or_missing_list_of_classes(root):
    with pytest.raises(FileNotFoundError, match=r"expected a list of classes .*train_cls\.txt"):
        tfm(root, "classification")
    write_classes(root, "# nothing\n")
    with pytest.raises(ValueError, match=r"train_cls\.txt has no rows"):
        tfm(root, "classification")
    (root / "labels" / "classification" / "train_cls.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"train_cls\.txt can't be read"):
        tfm(root, "classification")


def corners(box):
    return box


def centre_and_size(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]


def corner_and_size(box):
    return box[0], box[1], box[2] - box[0], box[3] - box[1]


def outline(box):
    return box[0], box[1], box[2], box[1], box[2], box[3], box[0], box[3]


@pytest.mark.parametrize("form", [corners, centre_and_size, corner_and_size, outline])
@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(
    "label", ["{number} {box}", "{name} {box}", "{box} {name}", "{number},{box}", "{name}\t{box} 0.9"]
)
def test_boxes_in_every_form(root, form, relative, label):
    if form is outline and "0.9" in label:
        pytest.skip("a polygon has no confidence")
    rows = []
    for number in (2, 0, 1):
        values = np.array(form(BOXES[number]))
        values = values / np.tile((WIDTH, HEIGHT), len(values) // 2) if relative else values
        rows.append(label.format(number=number, name=TFM_BOXES[number].title(), box=numbers(values)))
    write_boxes(root, *rows)
    [case] = tfm(root, "detection")
    assert (case["case"], case["video"]) == ("a_1", "a")
    np.testing.assert_allclose(case["boxes"], BOXES, atol=1e-3)


def test_boxes_without_class(root):
    write_boxes(root, *(numbers(box) for box in reversed(BOXES)))
    np.testing.assert_allclose(tfm(root, "detection")[0]["boxes"], BOXES)


def test_a_box_a_little_outside_is_cut(root):
    write_boxes(root, *(f"{number} {numbers(box)}" for number, box in enumerate([*BOXES[:2], (-1, 10, 79, 50)])))
    assert tfm(root, "detection")[0]["boxes"][2] == (0, 10, 79, 50)


def test_frames_without_boxes_are_left_out(root):
    write_boxes(root, *(f"{number} {numbers(box)}" for number, box in enumerate(BOXES)))
    write_boxes(root, "", name="a_2")
    write_boxes(root, "inside", "middle", name="classes")
    assert [case["case"] for case in tfm(root, "detection")] == ["a_1"]


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["0 37 27 43 33", "1 32 24 x 36", "2 20 15 60 45"], "line 2: expected numbers, got '1 32 24 x 36'"),
        (["0 37 27 43 33", "1 32 24 nan 36", "2 20 15 60 45"], "line 2: expected numbers"),
        (["0 37 27", "1 32 24 48 36"], "line 1: expected a class and the four numbers of a box"),
        (["pupil 37 27 43 33"], "line 1: expected a box called inside, middle, outside, got 'pupil'"),
        (["0 37 27 43 33", "1 32 24 48 36"], "line 2: expected 3 boxes (inside, middle, outside), got 2"),
        (["inside 37 27 43 33", "inside 32 24 48 36", "outside 20 15 60 45"], "line 3: expected one box each of"),
        (["0 37 27 43 33", "1 32 24 48 36", "2 20 15 160 45"], "line 1: no reading of the 3 boxes makes them"),
        (["0 1 1 7 7", "1 32 24 48 36", "2 20 15 60 45"], "line 1: no reading of the 3 boxes makes them"),
        (["outside 37 27 43 33", "middle 32 24 48 36", "inside 20 15 60 45"], "line 3: no reading"),
    ],
)
def test_wrong_boxes_are_named(root, rows, complaint):
    path = write_boxes(root, *rows)
    with pytest.raises(ValueError, match=re.escape(f"{path}, {complaint}")):
        tfm(root, "detection")


def test_incomplete_frames_can_be_skipped(root):
    write_boxes(root, *(f"{number} {numbers(box)}" for number, box in enumerate(BOXES)))
    write_boxes(root, "0 37 27 43 33", name="a_2")
    with pytest.warns(UserWarning, match=r"1 frame\(s\) without three boxes are skipped:\n.*a_2\.txt, line 1"):
        assert [case["case"] for case in tfm(root, "detection", incomplete="skip")] == ["a_1"]
    write_boxes(root, "0 37 27 43 33", name="a_1")
    with pytest.raises(ValueError, match=r"2 file\(s\) of boxes are wrong"):
        tfm(root, "detection", incomplete="skip")


def test_boxes_without_image_or_file(root):
    with pytest.raises(FileNotFoundError, match=r"expected a folder .*train with \*\.txt"):
        tfm(root, "detection")
    path = write_boxes(root, "0 37 27 43 33", name="b_1")
    with pytest.raises(ValueError, match=re.escape(f"{path} has no image")):
        tfm(root, "detection")
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"expected \*\.txt in"):
        tfm(root, "detection")


@pytest.fixture
def crops(root, save, mask) -> Path:
    for kind in ("broken_only", "full", "non_broken"):
        for part in ("train", "val", "test"):
            for number in (2, 1):
                save(root / f"crop_{kind}" / "images" / part / f"{part}_{number}.png", mask)
                values = mask * 0 if kind == "non_broken" or (number == 2 and kind == "full") else mask
                save(root / f"crop_{kind}" / "masks" / part / f"{part}_{number}.png", values)
    return root


@pytest.mark.parametrize(("section", "part"), [("training", "train"), ("validation", "val"), ("test", "test")])
@pytest.mark.parametrize("kind", ["broken_only", "full", "non_broken"])
@pytest.mark.filterwarnings("error")
def test_crops(crops, section, part, kind):
    cases = tfm(crops, "segmentation", section, crops=kind)
    assert [case["case"] for case in cases] == [f"{part}_1", f"{part}_2"]
    assert cases[0] == {
        "case": f"{part}_1",
        "image": str(crops / f"crop_{kind}" / "images" / part / f"{part}_1.png"),
        "label": str(crops / f"crop_{kind}" / "masks" / part / f"{part}_1.png"),
        "video": part,
    }
    assert tfm(crops, section=section, crops=kind, validate=False) == cases


def test_wrong_crops_are_named(crops, save, mask):
    save(crops / "crop_full" / "masks" / "val" / "val_1.png", mask[1:])
    with pytest.raises(ValueError, match=r"val_1\.png is 8x5, but its image"):
        tfm(crops, "segmentation", "validation", "full")
    (crops / "crop_full" / "masks" / "val" / "val_1.png").unlink()
    with pytest.raises(ValueError, match=r"val_1\.png has no label"):
        tfm(crops, "segmentation", "validation", "full")


@pytest.mark.parametrize("folder", ["segmentaiton", "segmentation"])
@pytest.mark.parametrize(
    "text",
    [
        f"0 {numbers((0.25, 0.5, 0.5, 0.5, 0.5, 0.75, 0.25, 0.75))}\n",
        "broken 20,30 40,30 40,45 20,45\n",
        "0 20 30 40 30 40 37 20 37\n0 20 37 40 37 40 45 20 45\n",
        "20 30 40 30 40 45 20 45",
    ],
)
def test_whole_frames_are_painted(root, folder, text):
    write_outlines(root, text, folder)
    [case] = tfm(root, "segmentation", crops=None)
    assert case["label"] == str(root / "masks" / "train" / "a_1.png")
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[30:45, 20:40] = 255
    np.testing.assert_array_equal(np.asarray(Image.open(case["label"])), expected)


def test_masks_are_painted_again_only_after_a_change(root, tmp_path):
    outlines = write_outlines(root, "0 20 30 40 30 40 45 20 45")
    [case] = tfm(root, crops=None, masks_dir=tmp_path / "elsewhere")
    label = Path(case["label"])
    assert label == tmp_path / "elsewhere" / "train" / "a_1.png"
    painted = label.stat().st_mtime_ns
    tfm(root, crops=None, masks_dir=tmp_path / "elsewhere")
    assert label.stat().st_mtime_ns == painted
    outlines.write_text("0 0 0 10 0 10 10")
    later = painted / 1e9 + 10
    os.utime(outlines, (later, later))
    tfm(root, crops=None, masks_dir=tmp_path / "elsewhere")
    assert np.count_nonzero(np.asarray(Image.open(label))) < 100


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("0 20 30 40 30", "expected a class and at least three corners x y"),
        ("0 20 30 140 30 40 45", "expected corners within 80x60"),
        ("0 20 30 40 a 40 45", "expected numbers"),
    ],
)
def test_wrong_outlines_are_named(root, row, complaint):
    path = write_outlines(root, f"0 20 30 40 30 40 45\n{row}\n")
    with pytest.raises(ValueError, match=re.escape(f"{path}, line 2: ") + f"({complaint})"):
        tfm(root, crops=None)
    assert not (root / "masks").exists()


@pytest.mark.parametrize(
    "options",
    [{"task": "cropping"}, {"section": "train"}, {"crops": "all"}, {"task": "detection", "incomplete": "drop"}],
)
def test_unknown_options(root, options):
    with pytest.raises(ValueError, match=rf"expected \w+ to be one of .*, got '{list(options.values())[-1]}'"):
        tfm(root, **options)


def test_wrong_folder(root, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"expected crop_broken_only/\{images,masks\}/train/ in .*found images/"
    ):
        tfm(root)
    write(root / "labels" / "classification" / "val_cls.txt", "a_1 0")
    with pytest.raises(FileNotFoundError, match=r"expected images/val/ in .*, found train/"):
        tfm(root, "classification", "validation")
    with pytest.raises(FileNotFoundError, match="doesn't exist"):
        tfm(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("case", "video"),
    [
        ("test03_00123", "test03"),
        ("test03-frame_00123", "test03"),
        ("subject 3 (12)", "subject 3"),
        ("01_7", "01"),
        ("eye_frame12", "eye"),
        ("00123", ""),
        ("closed", ""),
    ],
)
def test_video_of_a_frame(case, video):
    assert video_of(case) == video
