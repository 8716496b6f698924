# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes from users and other programs: every form they come in, and everything that is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from litemed.images.box_files import number_boxes, read_boxes

INF = float("inf")
SIDES = (200, 100)
BOX = [[10.0, 20.0, 50.0, 80.0]]
"""First and last pixel: columns 10 to 50, rows 20 to 80; 41 wide and 61 high, from 10 to 51 and from 20 to 81."""

CODE = "$__import__('pathlib').Path('RAN').touch()"


def corners(source: Any, box_format: str | None = None, image: str = "") -> list[list[float]]:
    return read_boxes(source, box_format)[image].corners(SIDES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2,3,4", [[1, 2, 3, 4]]),
        ("1 2 3.5 4; 5,6,7,8", [[1, 2, 3.5, 4], [5, 6, 7, 8]]),
        ("[[1,2,3,4],[5,6,7,8]]", [[1, 2, 3, 4], [5, 6, 7, 8]]),
        ("1,-inf,1e1,4", [[1, -INF, 10, 4]]),
        (";".join(["2,2,40,40"] * 300), [[2, 2, 40, 40]] * 300),
    ],
    ids=["one", "two", "brackets", "infinite", "many"],
)
def test_text_of_numbers(text: str, expected: list[list[float]]) -> None:
    (found,) = read_boxes(text).values()
    assert (found.rows, found.layout, found.source) == (expected, "corners", "the command line")


def test_text_of_numbers_is_never_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("1,2,3,4").write_text("5,6,7,8")
    assert corners("1,2,3,4") == [[1, 2, 3, 4]]


@pytest.mark.parametrize("numbers", [BOX[0], BOX, tuple(BOX[0]), np.array(BOX), [np.array(BOX[0])]])
def test_numbers(numbers: Any) -> None:
    assert corners(numbers) == BOX


JSON = {
    "a list": BOX,
    "under boxes": {"boxes": BOX},
    "LabelMe": {"version": "5", "shapes": [{"label": "a", "shape_type": "rectangle", "points": [[51, 81], [10, 20]]}]},
    "LabelMe's polygon": {"shapes": [{"label": "a", "points": [[10, 30], [51, 20], [30, 81]]}]},
}


@pytest.mark.parametrize("name", JSON)
def test_json(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(JSON[name]))
    assert corners(tmp_path / "a.json") == BOX


TABLES = {
    "bare.csv": "10,20,50,80\n\n",
    "semicolons.csv": "x0;y0;x1;y1\n10;20;50;80\n",
    "tabs.tsv": "x0\ty0\tx1\ty1\n10\t20\t50\t80\n",
    "spaces.txt": "10 20 50 80\n",
    "ours.csv": "id,y0,x0,y1,x1\n1,20,10,80,50\n",
    "ends.csv": "x1,y1,x2,y2,label\n10,20,50,80,cell\n",
    "voc.csv": "class,xmin,ymin,xmax,ymax\ncell,10,20,50,80\n",
    "tensorflow.csv": "width,height,xmin,ymin,xmax,ymax\n200,100,10,20,50,80\n",
    "underscores.csv": "X_min,Y_min,X_max,Y_max\n10,20,50,80\n",
    "sides.csv": "left,top,right,bottom\n10,20,50,80\n",
    "sizes.csv": "x,y,w,h\n10,20,41,61\n",
    "words.csv": "label,x,y,width,height\ncell,10,20,41,61\n",
    "yolo.txt": "3 0.1525 0.505 0.205 0.61\n",
    "found_by_yolo.txt": "3 0.1525 0.505 0.205 0.61 0.87\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TABLES[name])
    np.testing.assert_allclose(corners(tmp_path / name), BOX)


def test_tables_of_volumes(tmp_path: Path) -> None:
    for name, text in (
        ("a.csv", "1,2,3,4,5,6\n"),
        ("b.csv", "z0,z1,x0,x1,y0,y1\n3,6,1,4,2,5\n"),
        ("c.csv", "x,y,z,w,h,d\n1,2,3,4,4,4\n"),
    ):
        (tmp_path / name).write_text(text)
        assert read_boxes(tmp_path / name)[""].corners((9, 9, 9)) == [[1, 2, 3, 4, 5, 6]]


@pytest.mark.parametrize(
    ("box_format", "row"),
    [("sizes", [10, 20, 41, 61]), ("coco", [10, 20, 41, 61]), ("yolo", [3, 0.1525, 0.505, 0.205, 0.61, 0.9])],
)
def test_formats_that_are_named(tmp_path: Path, box_format: str, row: list[float]) -> None:
    (tmp_path / "a.csv").write_text(",".join(map(str, row)))
    (tmp_path / "a.json").write_text(json.dumps([row]))
    for source in (tmp_path / "a.csv", tmp_path / "a.json", [row], ",".join(map(str, row))):
        np.testing.assert_allclose(corners(source, box_format), BOX)


def test_a_size_of_one_pixel_keeps_its_extent() -> None:
    assert corners([10, 20, 1, 5], "sizes") == [[9.5, 20, 10.5, 24]]


BY_IMAGE = {
    "ours.json": json.dumps({"a.png": BOX, "b.png": [[1, 2, 3, 4], [5, 6, 7, 8]]}),
    "ours.csv": "image,x0,y0,x1,y1\nb.png,1,2,3,4\na.png,10,20,50,80\nb.png,5,6,7,8\n",
    "filename.csv": "filename,x,y,w,h\nb.png,1,2,3,3\na.png,10,20,41,61\nb.png,5,6,3,3\n",
    "coco.json": json.dumps(
        {
            "images": [{"id": 7, "file_name": "val/a.png"}, {"id": 8, "file_name": "b.png"}],
            "annotations": [
                {"image_id": 7, "bbox": [10, 20, 41, 61], "category_id": 1},
                {"image_id": 8, "bbox": [1, 2, 3, 3]},
                {"image_id": 8, "bbox": [5, 6, 3, 3]},
            ],
        }
    ),
}


@pytest.mark.parametrize("name", BY_IMAGE)
def test_files_on_many_images(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(BY_IMAGE[name])
    found = read_boxes(tmp_path / name)
    assert sorted(found) == ["a.png", "b.png"]
    assert found["a.png"].corners(SIDES) == BOX
    assert found["b.png"].corners(SIDES) == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert found["b.png"].source == f"{name}, b.png"


BAD_FILES = [
    ("a.json", "{", "a.json isn't readable JSON"),
    ("a.json", "[" * 100_000, "a.json isn't readable JSON: .*recursion"),
    ("a.json", '{"rois": []}', "at least one box"),
    ("a.json", '{"rois": 3}', "expected boxes under 'boxes'"),
    ("a.json", "3", "list of boxes, or one under 'boxes', got int"),
    ("a.json", "[]", "at least one box"),
    ("a.json", '[[1, 2, "3", 4]]', r"boxes of numbers x0,y0,x1,y1, got '3' \(a.json\)"),
    ("a.json", "[[1, 2, true, 4]]", "got True"),
    ("a.json", "[[1, 2, [3], 4]]", r"got \[3\]"),
    ("a.json", '{"a.png": 3, "b.png": []}', "list of boxes by image"),
    ("a.json", '{"shapes": [{"points": [[1, 2]]}]}', r"two points or more, got .* \(a.json, shape 1\)"),
    ("a.json", '{"images": [], "annotations": []}', "a COCO file without annotations"),
    ("a.json", '{"images": [{"id": 1}], "annotations": []}', "not a COCO file: KeyError"),
    ("a.json", '{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "bbox": [1]}]}', "height"),
    ("a.csv", "1,2,3", r"expected x0,y0,x1,y1 or x0,y0,z0,x1,y1,z1 in every row, got '1,2,3' \(box 1\)"),
    ("a.csv", "1,10,20,30,40\n2,50,60,70,80", "got '1,10,20,30,40' .box 1.: name the columns in a first line"),
    ("a.csv", "1,2,3,4\n1,2,3,4,5,6", r"got '1,2,3,4,5,6' \(box 2\)"),
    ("a.csv", "1,2,3,4\n5,6,x,8", r"expected a number, got 'x': .*\(box 2\)"),
    ("a.csv", "x0,y0,x1,y1\n1,2,3", r"4 cells in every row, got '1,2,3' \(box 1\)"),
    ("a.csv", "x0,y0,x1,y1\n1,2,3,4,5", "4 cells in every row"),
    ("a.csv", "image,x0\na,1", "expected the columns x0,y0,x1,y1 or x,y,w,h, got 'image,x0'"),
    ("a.csv", "x0,y0,x1,y1\n", "a header alone"),
    ("a.csv", "\n", "an empty file"),
    ("a.csv", "1_0,2,30,40", "expected the columns"),
    ("a.csv", "x0,y0,x1,y1\n1_0,2,30,40", "expected a number, got '1_0'"),
    ("a.png", "no boxes", "in a file of .json, .csv, .tsv, .txt"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES)
def test_bad_files_are_told_in_one_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_boxes(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("text", ["boxes.json", "True", "1_0,2,3,4", "1,2,3,x", CODE, "@boxes", "x" * 5000, "a\0b"])
def test_other_text_is_a_file_that_is_not_there(text: str) -> None:
    with pytest.raises(FileNotFoundError, match="doesn't exist: expected boxes as x0,y0,x1,y1, or a file") as caught:
        read_boxes(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("source", [[], None, 3, [[CODE]], {"a": 1}, [["1", "2", "3", "4"]], "a.json", [None, 1, 2, 3]])
def test_clients_give_numbers_alone(source: Any) -> None:
    with pytest.raises(ValueError, match=r"expected (at least one box|boxes of numbers)"):
        number_boxes(source, "boxes")


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="a box format of corners, sizes, coco, yolo, labelme, got 'voc'"):
        read_boxes(BOX, "voc")


@pytest.mark.parametrize("cell", [CODE, "@a", "%b", "#", "1_0", "=1+1"])
def test_cells_and_values_are_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in (
        ("a.csv", f'x0,y0,x1,y1\n1,2,3,"{cell}"\n'),
        ("a.json", json.dumps([[1, 2, 3, cell]])),
        ("b.json", json.dumps({"a.png": [[1, 2, 3, cell]]})),
        ("c.json", json.dumps({"boxes": [cell]})),
    ):
        Path(name).write_text(content)
        with pytest.raises(ValueError, match="number"):
            read_boxes(name)
    Path("d.csv").write_text(f'image,x0,y0,x1,y1\n"{cell}",10,20,50,80\n')
    assert list(read_boxes("d.csv")) == [cell]
    assert not Path("RAN").exists()
