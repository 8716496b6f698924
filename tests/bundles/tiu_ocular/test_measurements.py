# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Measurements of shapes whose lengths and areas are known by arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage
from tiu_ocular.limbus import border_points, fit_outline
from tiu_ocular.measurements import COMPARED, DEFINITIONS, RATIOS, compare_eyes, measure_eye, measure_eyes

HEIGHT, WIDTH = 320, 480
A, B, R, P = 150.0, 70.0, 55.0, 20.0  # half width and half height of the opening, radii of iris and pupil
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH].astype(float)
X, Y = COLUMNS - 240, ROWS - 160


def _eye(
    *, lid: float = -math.inf, angle: float = 0, squeeze: float = 1, shift: float = 0, half_height: float = B
) -> np.ndarray:
    """An elliptic opening, an iris and a pupil in its middle, and an upper lid that comes down to y = ``lid``."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    along, down = X * cos + Y * sin, Y * cos - X * sin
    opening = ((along / A) ** 2 + (down / half_height) ** 2 < 1) & (down > lid)
    distance = np.hypot((along - shift) / squeeze, down)
    labels = opening.astype(np.uint8)
    labels[opening & (distance < R)] = 2
    labels[opening & (distance < P)] = 3
    return labels


def _segment(radius: float, distance: float) -> float:
    """Area of the smaller part that a chord at a distance from the centre cuts off a circle."""
    return radius**2 * math.acos(distance / radius) - distance * math.sqrt(radius**2 - distance**2)


def test_open_eye() -> None:
    found = measure_eye(_eye())
    assert found["fissure_width"] == pytest.approx(2 * A, abs=1.5)
    assert found["fissure_height"] == pytest.approx(2 * B, abs=1.5)
    assert found["pfh"] == pytest.approx(2 * B, abs=1.5)
    assert found["mrd1"] == pytest.approx(B, abs=1)
    assert found["mrd2"] == pytest.approx(B, abs=1)
    assert found["iris_diameter"] == pytest.approx(2 * R, rel=0.005)
    assert found["pupil_diameter"] == pytest.approx(2 * P, rel=0.01)
    assert found["opening_area"] == pytest.approx(math.pi * A * B, rel=0.003)
    assert found["iris_area"] == pytest.approx(math.pi * (R**2 - P**2), rel=0.01)
    assert found["pupil_area"] == pytest.approx(math.pi * P**2, rel=0.01)
    assert found["iris_to_opening_area"] == pytest.approx(R**2 / (A * B), rel=0.01)
    assert found["iris_to_sclera_area"] == pytest.approx(R**2 / (A * B - R**2), rel=0.01)
    assert found["pupil_to_iris_area"] == pytest.approx(P**2 / R**2, rel=0.01)
    assert found["pupil_to_iris_diameter"] == pytest.approx(P / R, rel=0.01)
    assert found["fissure_height_to_width"] == pytest.approx(B / A, rel=0.01)
    assert found["iris_visible_fraction"] == pytest.approx(1, abs=0.01)
    assert found["caruncle_area"] is None
    assert found["caruncle_to_opening_area"] is None
    assert found["unit"] == "pixel"
    assert found["flags"] == []
    assert set(found) == {*DEFINITIONS, "unit", "flags"}


@pytest.mark.parametrize("lid", [-40.0, -20.0, 0.0, 15.0])
def test_drooping_lid(lid: float) -> None:
    found = measure_eye(_eye(lid=lid))
    hidden = _segment(R, abs(lid)) if lid < 0 else math.pi * R**2 - _segment(R, lid) if lid else math.pi * R**2 / 2
    assert found["iris_diameter"] == pytest.approx(2 * R, rel=0.02)
    assert found["iris_visible_fraction"] == pytest.approx(1 - hidden / (math.pi * R**2), abs=0.02)
    assert found["mrd1"] == pytest.approx(-lid, abs=1.5)
    assert found["fissure_height"] == pytest.approx(B - lid, abs=1.5)


@pytest.mark.parametrize("angle", [-25.0, 10.0, 30.0])
def test_tilted_head_changes_nothing(angle: float) -> None:
    upright, tilted = measure_eye(_eye()), measure_eye(_eye(angle=angle))
    for name in (*RATIOS, "mrd1", "fissure_width", "fissure_height", "iris_diameter"):
        assert tilted[name] == pytest.approx(upright[name], rel=0.02), name


@pytest.mark.parametrize("half_height", [70.0, 40.0])
def test_iris_seen_from_the_side_keeps_its_diameter(half_height: float) -> None:
    found = measure_eye(_eye(squeeze=0.9, shift=30, half_height=half_height))
    assert found["iris_diameter"] == pytest.approx(2 * R, rel=0.02)
    assert found["pupil_diameter"] == pytest.approx(2 * P, rel=0.02)


def test_spacing_scales_lengths_and_areas() -> None:
    pixels, millimetres = measure_eye(_eye()), measure_eye(_eye(), spacing=0.1)
    assert millimetres["unit"] == "mm"
    for name in DEFINITIONS:
        factor = 0.01 if name.endswith("_area") and "_to_" not in name else 0.1
        if name in RATIOS or "_to_" in name:
            factor = 1
        if pixels[name] is not None:
            assert millimetres[name] == pytest.approx(factor * pixels[name]), name


def test_mm_by_the_iris_with_the_spread_of_irises_between_persons() -> None:
    pixels, found = measure_eye(_eye(lid=15)), measure_eye(_eye(lid=15), iris_mm=11.71)
    scale = 11.71 / pixels["iris_diameter"]
    assert (found["unit"], found["iris_diameter"]) == ("mm", pytest.approx(11.71))
    assert found["pfh"] == pytest.approx(scale * pixels["pfh"])
    assert found["opening_area"] == pytest.approx(scale**2 * pixels["opening_area"])
    # 1.96 * 0.42 / 11.71 is 7.03 %
    assert (found["pfh_low"], found["pfh_high"]) == pytest.approx(
        (0.9297 * found["pfh"], 1.0703 * found["pfh"]), rel=1e-4
    )
    assert found["opening_area_high"] == pytest.approx(1.0703**2 * found["opening_area"], rel=1e-4)
    assert found["mrd1_low"] < found["mrd1"] < found["mrd1_high"] < 0  # the lid covers the centre
    assert found["iris_visible_fraction"] == pixels["iris_visible_fraction"]
    hidden = measure_eye(np.where(_eye() > 1, 1, _eye()), iris_mm=11.71)
    assert (hidden["unit"], hidden["fissure_width"]) == ("mm", None)
    assert hidden["flags"] == ["no iris", "no pupil", "no scale"]
    assert hidden["fissure_height_to_width"] == pytest.approx(B / A, rel=0.01)


def test_both_eyes_of_a_face_are_of_one_scale() -> None:
    right, left = _eye(), ndimage.zoom(_eye(lid=-20), 0.8, order=0)  # irises of 110 and 88 pixels
    face = np.zeros((400, 900), np.uint8)
    face[:320, :480], face[100:356, 510:894] = right, left
    found = measure_eyes(face, iris_mm=12.0)
    assert list(found) == ["right", "left"]
    scale = 12 * 2 / (110 + 88)
    assert found["right"]["mrd1"] == pytest.approx(scale * B, rel=0.01)
    assert found["left"]["mrd1"] == pytest.approx(scale * 16, abs=0.1)
    assert compare_eyes(found["left"], found["right"])["mrd1_difference"] == pytest.approx(scale * (16 - B), rel=0.03)
    assert found["left"]["flags"] == []
    assert measure_eyes(right) == {"": measure_eye(right)}
    face[340:370, 100:300] = 1
    assert measure_eyes(face)["right"]["flags"] == []  # less than a quarter of the largest
    face[330:398, 60:480] = 1
    assert measure_eyes(face)["right"]["flags"] == ["several eyes"]
    with pytest.raises(ValueError, match=r"given twice: by spacing 0\.1 and by iris_mm 12"):
        measure_eyes(face, 0.1, 12.0)


def test_closed_eye_is_null_not_zero() -> None:
    found = measure_eye(np.zeros((20, 30), dtype=np.uint8))
    assert found["flags"] == ["no open eye"]
    assert all(found[name] is None for name in DEFINITIONS)


def test_missing_regions_are_null() -> None:
    labels = _eye()
    labels[labels >= 2] = 1
    found = measure_eye(labels)
    assert found["flags"] == ["no iris", "no pupil"]
    assert found["sclera_area"] == pytest.approx(math.pi * A * B, rel=0.003)
    missing = [name for name in DEFINITIONS if found[name] is None]
    assert {"iris_area", "pupil_area", "iris_diameter", "iris_visible_fraction", "pupil_to_iris_area"} <= set(missing)
    assert found["fissure_height"] is not None
    without_pupil = np.where(_eye() == 3, 2, _eye())
    assert measure_eye(without_pupil)["pupil_diameter"] is None
    assert measure_eye(without_pupil)["iris_diameter"] == pytest.approx(2 * R, rel=0.005)


def test_second_pupil_is_flagged_and_left_out() -> None:
    labels = _eye()
    labels[np.hypot(X - 38, Y) < 8] = 3
    labels[np.hypot(X - 100, Y) < 8] = 3
    found = measure_eye(labels)
    assert found["flags"] == ["several pupils"]
    assert found["pupil_area"] == measure_eye(_eye())["pupil_area"]
    assert found["pupil_diameter"] == pytest.approx(2 * P, rel=0.01)


def test_second_eye_is_flagged_and_specks_are_not() -> None:
    labels = _eye(half_height=50)
    labels[5:8, 5:8] = 2
    assert measure_eye(labels) == measure_eye(_eye(half_height=50))
    labels[270:310, 100:300] = 1
    assert measure_eye(labels)["flags"] == ["several eyes"]


def test_what_no_human_eye_looks_like_is_flagged() -> None:
    """A cat's slit, an eye without sclera, and an iris out of proportion; a picture of a part is none of these."""
    slit = np.where(_eye() == 3, 2, _eye())
    slit[(np.abs(X) < 6) & (np.abs(Y) < 40)] = 3
    dark = np.where(np.hypot(X, Y) < 66, 2, np.where(np.hypot(X, Y) < 68, 1, 0))
    small = _eye()
    small[small > 1] = 1
    small[np.hypot(X, Y) < 30] = 2
    for labels in (slit, dark, small):
        assert "unlike a human eye" in measure_eye(labels)["flags"]
    assert measure_eye(_eye()[110:210, 180:300])["flags"] == ["cut by the picture's border"]


def test_cut_eye_is_flagged() -> None:
    assert measure_eye(_eye()[:, 100:])["flags"] == ["cut by the picture's border"]


@pytest.mark.parametrize(("height", "width"), [(1, 500), (500, 1), (1, 1), (3, 400)])
def test_extreme_shapes(height: int, width: int) -> None:
    found = measure_eye(np.ones((height, width), dtype=np.uint8))
    assert found["fissure_width"] == pytest.approx(math.hypot(height, width))
    assert found["sclera_area"] == height * width


@pytest.mark.parametrize(
    ("labels", "spacing", "message"),
    [
        (np.zeros((2, 3, 4)), None, r"got shape \(2, 3, 4\)"),
        (np.full((4, 4), 7), None, "got 7"),
        (np.zeros((4, 4)), 0.0, "got 0.0"),
    ],
)
def test_what_cannot_be_measured(labels: np.ndarray, spacing: float | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure_eye(labels, spacing)


def test_comparison_of_two_eyes() -> None:
    left, right = measure_eye(_eye(), 0.1), measure_eye(_eye(lid=-20), 0.1)
    compared = compare_eyes(left, right)
    assert set(compared) == {f"{name}_{kind}" for name in COMPARED for kind in ("difference", "asymmetry")}
    assert compared["fissure_height_difference"] == pytest.approx((B - 20) / 10, abs=0.2)
    assert compared["fissure_height_asymmetry"] == pytest.approx(50 / ((140 + 90) / 2), rel=0.03)
    assert compared["iris_diameter_difference"] == pytest.approx(0, abs=0.1)
    closed = compare_eyes(left, measure_eye(np.zeros((9, 9)), 0.1))
    assert set(closed.values()) == {None}
    with pytest.raises(ValueError, match="in mm, the right one in pixel"):
        compare_eyes(left, measure_eye(_eye()))


def test_outline_of_an_exact_ellipse() -> None:
    angles = np.linspace(0, 2 * math.pi, 100, endpoint=False)
    circle = np.column_stack([100 + 40 * np.cos(angles), 50 + 40 * np.sin(angles)])
    found = fit_outline(circle)
    assert found is not None
    assert tuple(found) == pytest.approx((100, 50, 40, 40), abs=1e-3)
    assert found.area == pytest.approx(math.pi * 1600, rel=1e-4)


def test_stray_points_do_not_move_the_outline() -> None:
    angles = np.linspace(0, 2 * math.pi, 100, endpoint=False)
    circle = np.column_stack([40 * np.cos(angles), 40 * np.sin(angles)])
    circle[::20] += 60
    found = fit_outline(circle)
    assert found is not None
    assert found.major == pytest.approx(40, rel=0.02)


def test_too_little_of_an_outline_is_no_outline() -> None:
    angles = np.linspace(-0.1, 0.1, 30)
    noise = np.random.default_rng(0).normal(0, 0.5, (30, 2))
    assert fit_outline(np.column_stack([40 * np.cos(angles), 40 * np.sin(angles)]) + noise) is None
    assert fit_outline(np.zeros((3, 2))) is None


def test_border_lies_between_pixels() -> None:
    inside = np.zeros((3, 4), dtype=bool)
    inside[1, 1] = True
    points = border_points(inside, ~inside)
    assert sorted(map(tuple, points.tolist())) == [(0.5, 1.0), (1.0, 0.5), (1.0, 1.5), (1.5, 1.0)]
