# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""LabelMe files: polygons to label maps, with areas counted by hand."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from litemed.images.labelme import labelme_map, read_labelme


def rectangle(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def content(*shapes: tuple[str, list[list[float]]], **changes: Any) -> dict[str, Any]:
    return {
        "version": "5.5.0",
        "shapes": [{"label": name, "points": points, "shape_type": "polygon"} for name, points in shapes],
        "imagePath": "a.jpg",
        "imageHeight": 10,
        "imageWidth": 12,
    } | changes


@pytest.fixture
def write(tmp_path):
    def save(*shapes: tuple[str, list[list[float]]], **changes: Any) -> Path:
        path = tmp_path / "eye.json"
        path.write_text(json.dumps(content(*shapes, **changes)))
        return path

    return save


def counts(mask: np.ndarray) -> list[int]:
    return np.bincount(mask.ravel(), minlength=5).tolist()


def test_regions_are_painted_in_order_however_the_file_is_sorted(write):
    shapes = [
        ("caruncle", rectangle(0, 0, 2, 2)),
        ("pupil", rectangle(5, 4, 7, 6)),
        ("sclera", rectangle(0, 0, 12, 10)),
        ("iris", rectangle(4, 3, 8, 7)),
    ]
    for order in (shapes, shapes[::-1]):
        mask = labelme_map(write(*order))
        assert mask.shape == (10, 12)
        assert mask.dtype == np.uint8
        assert counts(mask) == [0, 120 - 16 - 4, 16 - 4, 4, 4]
        assert (mask[4:6, 5:7] == 3).all()


@pytest.mark.parametrize(
    ("outline", "area"),
    [
        (rectangle(0.4, 0.4, 2.6, 2.6), 3 * 3),  # holds the centres 0.5, 1.5 and 2.5
        (rectangle(0.6, 0.6, 2.4, 2.4), 1),  # holds the centre 1.5 alone
        ([[0, 0], [8.1, 0], [0, 8.1]], 8 * 9 // 2),  # 8 + 7 + ... + 1
        ([[0, 0], [6, 4], [6, 0], [0, 4]], 12),  # crosses itself: 1 + 1, 2 + 2, 2 + 2, 1 + 1
        ([*rectangle(0, 0, 6, 6), [0, 0], *rectangle(2, 2, 4, 4), [2, 2]], 36 - 4),  # even-odd: a hole
        (rectangle(0, 0, 12, 10), 120),
        (rectangle(-1, -1, 13, 11), 120),
        (rectangle(0.6, 0.6, 0.9, 0.9), 0),
    ],
)
def test_area(write, outline, area):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert counts(labelme_map(write(("sclera", outline)))) == [120 - area, area, 0, 0, 0]


def test_a_region_may_have_several_parts_or_none(write):
    path = write(("pupil", rectangle(0, 0, 2, 2)), ("pupil", rectangle(5, 5, 7, 7)))
    assert counts(labelme_map(path)) == [112, 0, 0, 8, 0]
    assert not labelme_map(write()).any()


@pytest.mark.parametrize("name", ["Lacrimal_Caruncle", "lacrimal caruncle", "CARUNCLE", "lacrimal-caruncle "])
def test_names_in_other_spellings(write, name):
    assert counts(labelme_map(write((name, rectangle(0, 0, 2, 2))))) == [116, 0, 0, 0, 4]


def test_other_anatomy(write):
    path = write(("cup", rectangle(2, 2, 4, 4)), ("disc", rectangle(0, 0, 6, 6)))
    assert counts(labelme_map(path, {"disc": 1, "cup": 2})) == [84, 32, 4, 0, 0]


def test_what_leaves_the_picture_is_cut_off_with_a_notice(write):
    path = write(("sclera", rectangle(-3, -3, 2, 2)))
    with pytest.warns(UserWarning, match=r"eye\.json: a polygon of 'sclera' is cut off"):
        assert counts(labelme_map(path)) == [116, 4, 0, 0, 0]


@pytest.mark.parametrize("outline", [rectangle(12, 0, 20, 5), rectangle(0, -9, 5, 0), rectangle(-9, 2, -1, 5)])
def test_polygon_outside_the_picture(write, outline):
    with pytest.raises(ValueError, match=r"eye\.json: a polygon of 'iris' lies outside the picture of 12x10"):
        labelme_map(write(("sclera", rectangle(0, 0, 3, 3)), ("iris", outline)))


def test_unknown_label(write):
    with pytest.raises(ValueError, match=r"eye\.json has the label 'eyelash', expected one of sclera, iris, pupil"):
        labelme_map(write(("eyelash", rectangle(0, 0, 3, 3))))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"eye\.json can't be read"),
        ('{"shapes": [', r"eye\.json can't be read"),
        ("[]", r"eye\.json isn't a LabelMe file"),
        ("{}", r"eye\.json isn't a LabelMe file"),
        (json.dumps(content(imageWidth=None)), r"expected imageWidth to be a number of pixels, got None"),
        (json.dumps(content(imageHeight=0)), r"expected imageHeight to be a number of pixels, got 0"),
        (json.dumps(content(imageHeight="10")), r"expected imageHeight to be a number of pixels, got '10'"),
        (json.dumps(content(shapes=[{"points": []}])), r"shape 1 has no label"),
        (json.dumps(content(shapes=["iris"])), r"shape 1 has no label"),
        (
            json.dumps(content(shapes=[{"label": "iris", "points": [[1, 1], [2, 2]], "shape_type": "circle"}])),
            r"shape 1 \('iris'\) is a circle, expected a polygon",
        ),
        (json.dumps(content(("iris", [[1, 1], [2, 2]]))), r"shape 1 \('iris'\) has no three vertices"),
        (json.dumps(content(("iris", [[1, 1], [2, 2], [3]]))), r"shape 1 \('iris'\) has no three vertices"),
        (json.dumps(content(("iris", [[1, 1], [2, 2], [3, None]]))), r"shape 1 \('iris'\) has no three vertices"),
        (json.dumps(content(shapes=[{"label": "iris"}])), r"shape 1 \('iris'\) has no three vertices"),
    ],
)
def test_broken_files_are_named(tmp_path, text, message):
    path = tmp_path / "eye.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        labelme_map(path)


def test_outlines_as_they_are(write):
    size, shapes = read_labelme(write(("iris", rectangle(0, 1, 2, 3))))
    assert size == (12, 10)
    assert [(name, points.tolist()) for name, points in shapes] == [("iris", rectangle(0, 1, 2, 3))]
