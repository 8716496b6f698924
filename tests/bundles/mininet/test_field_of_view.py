# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The field of view of drawn discs, whose areas are known from arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mininet.field_of_view import field_of_view
from scipy import ndimage

COLOUR = np.array([180.0, 90.0, 40.0], dtype=np.float32)[:, None, None]


def _places(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.mgrid[:height, :width] + 0.5
    return rows, columns


def _photograph(inside: np.ndarray, light: float | np.ndarray = 1.0, surround: float = 4.0) -> np.ndarray:
    """A retina of one colour in a field of view, its edge a pixel or two wide, with a camera's noise."""
    edge = ndimage.gaussian_filter(inside.astype(np.float32), 1.0)
    noise = np.random.default_rng(0).normal(scale=2.0, size=(3, *inside.shape))
    return (COLOUR * light * edge + surround * (1 - edge) + noise).clip(0, 255).astype(np.float32)


def _disc(height: int, width: int, row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = _places(height, width)
    return np.hypot(rows - row, columns - column) <= radius


def _check(image: np.ndarray, inside: np.ndarray, area: float | None = None) -> None:
    found = field_of_view(image)
    assert found.dtype == bool
    assert found.sum() == pytest.approx(inside.sum() if area is None else area, rel=0.01)
    assert (found & inside).sum() / (found | inside).sum() > 0.985


@pytest.mark.parametrize("size", [300, 700, 1300])
def test_disc_of_any_size(size: int) -> None:
    radius = 0.4 * size
    inside = _disc(size, size, size / 2, size / 2, radius)
    _check(_photograph(inside), inside, math.pi * radius**2)


def test_dark_macula_bright_disc_lettering_and_reflexes_do_not_count() -> None:
    inside = _disc(400, 440, 200, 220, 170)
    image = _photograph(inside)
    image[:, 190:220, 150:180] = 1
    image[:, _disc(400, 440, 190, 300, 25)] = 255
    image[:, 6:20, 6:90] = 230
    image[:, _disc(400, 440, 385, 425, 12)] = 200
    _check(image, inside, math.pi * 170**2)


@pytest.mark.parametrize(("gain", "surround"), [(0.25, 0.0), (0.5, 15.0), (1.0, 25.0)])
def test_dark_picture_in_a_surround_that_is_not_black(gain: float, surround: float) -> None:
    inside = _disc(400, 440, 200, 220, 170)
    rows, columns = _places(400, 440)
    falloff = 1 - 0.4 * (np.hypot(rows - 200, columns - 220) / 170) ** 2
    _check(_photograph(inside, gain * falloff.clip(0.2), surround), inside, math.pi * 170**2)


def test_rim_darker_than_the_surround() -> None:
    inside = _disc(400, 440, 200, 220, 170)
    rows, columns = _places(400, 440)
    falloff = 1 - 0.95 * (np.hypot(rows - 200, columns - 220) / 170) ** 2
    _check(_photograph(inside, 0.5 * falloff.clip(0.02), 24.0), inside, math.pi * 170**2)


def test_disc_cut_by_the_frame() -> None:
    # the middle 300 rows of a disc of radius 200: two halves of a strip and two circular segments left out
    inside = _disc(300, 500, 150, 250, 200)
    segment = 200**2 * math.acos(150 / 200) - 150 * math.sqrt(200**2 - 150**2)
    _check(_photograph(inside), inside, math.pi * 200**2 - 2 * segment)


def test_disc_cut_by_bars_within_the_frame() -> None:
    rows, _ = _places(500, 500)
    inside = _disc(500, 500, 250, 250, 200) & (rows > 110) & (rows < 390)
    segment = 200**2 * math.acos(140 / 200) - 140 * math.sqrt(200**2 - 140**2)
    _check(_photograph(inside), inside, math.pi * 200**2 - 2 * segment)


def test_small_disc_in_a_wide_frame() -> None:
    inside = _disc(400, 900, 210, 300, 130)
    _check(_photograph(inside), inside, math.pi * 130**2)


def test_only_the_corners_are_dark() -> None:
    inside = _disc(400, 400, 200, 200, 240)
    _check(_photograph(inside), inside)


def test_squeezed_picture_has_an_ellipse() -> None:
    rows, columns = _places(400, 600)
    inside = ((rows - 200) / 170) ** 2 + ((columns - 300) / 250) ** 2 <= 1
    _check(_photograph(inside), inside, math.pi * 170 * 250)


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_picture_of_one_value_is_all_in_view(value: float) -> None:
    assert field_of_view(np.full((3, 20, 30), value, dtype=np.float32)).all()


def test_cropped_picture_is_all_in_view() -> None:
    rows, columns = _places(300, 360)
    vignette = 1 - 0.7 * np.hypot((rows - 150) / 150, (columns - 180) / 180) ** 2 / 2
    image = _photograph(np.ones((300, 360), dtype=bool), vignette)
    image[:, _disc(300, 360, 150, 80, 25)] = 250
    assert field_of_view(image).all()


def test_cropped_picture_whose_corners_are_dark_is_all_in_view() -> None:
    rows, columns = _places(300, 300)
    vignette = 1 - 0.9 * np.hypot((rows - 150) / 150, (columns - 150) / 150) ** 2 / 2
    image = _photograph(np.ones((300, 300), dtype=bool), vignette)
    image[:, _disc(300, 300, 140, 160, 45)] = 250
    assert field_of_view(image).all()


def test_what_is_no_disc_keeps_its_outline() -> None:
    rows, columns = _places(400, 400)
    inside = (abs(rows - 200) + abs(columns - 200)) < 150
    found = field_of_view(_photograph(inside))
    assert (found & inside).sum() / (found | inside).sum() > 0.95
