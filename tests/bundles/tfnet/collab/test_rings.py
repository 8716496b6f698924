# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Standardised ring coordinates against geometry."""

from __future__ import annotations

import numpy as np
import pytest
from tfnet.collab.rings import Rings, grade


def _rings(x: float = 200, y: float = 150, a: float = 100, b: float = 80) -> Rings:
    shares = (0.2, 0.5, 1.0)
    return Rings(np.asarray([[x - s * a, y - s * b, x + s * a, y + s * b] for s in shares]))


@pytest.mark.parametrize(("hour", "expected"), [(12, (200, 70)), (3, (300, 150)), (6, (200, 230)), (9, (100, 150))])
def test_hours_lie_as_on_a_clock(hour: int, expected: tuple[int, int]) -> None:
    radius, found = _rings().standardised(np.asarray([expected[0]]), np.asarray([expected[1]]))
    assert radius == pytest.approx([1])
    assert found == pytest.approx([hour % 12])


@pytest.mark.parametrize("hour", range(1, 13))
@pytest.mark.parametrize(("zone", "radius"), [(0, 0.1), (1, 0.35), (2, 0.8)])
def test_a_pixel_counts_in_its_zone_and_sector(hour: int, zone: int, radius: float) -> None:
    angle = np.radians(30 * hour)
    x, y = int(200 + 100 * radius * np.sin(angle)), int(150 - 80 * radius * np.cos(angle))
    mask = np.zeros((300, 400), dtype=bool)
    mask[y, x] = True
    counts = _rings().count(mask[40:260, 50:350], (50, 40))
    assert counts.sum() == 1
    assert counts[zone, hour - 1] == 1


def test_areas_are_those_of_ellipses() -> None:
    rings = _rings()
    areas = rings.areas(300, 400)
    whole = np.pi * 100 * 80
    assert rings.radii == pytest.approx([0.2, 0.5, 1])
    assert areas.sum(axis=1) == pytest.approx([0.04 * whole, 0.21 * whole, 0.75 * whole])
    assert np.ptp(areas, axis=1) == pytest.approx([0, 0, 0])
    everything = rings.count(np.ones((300, 400), dtype=bool), (0, 0))
    assert everything == pytest.approx(areas, rel=0.1)


def test_rings_that_leave_the_frame_are_clipped() -> None:
    rings = _rings(x=20, y=150)
    assert rings.crop_box(300, 400) == (0, 70, 120, 230)
    assert rings.leaves(300, 400)
    areas = rings.areas(300, 400)
    assert areas == pytest.approx(rings.count(np.ones((300, 120), dtype=bool), (0, 0)), rel=0.1, abs=70)
    assert areas[2, 8] == 0
    broken, seen = rings.sample(np.ones((160, 120), dtype=bool), (0, 70), 50)
    assert np.array_equal(broken, seen)
    assert seen.mean() == pytest.approx(areas.sum() / (4 * 100 * 80), abs=0.02)
    assert _rings(x=-150).crop_box(300, 400) is None
    assert not _rings().leaves(300, 400)


def test_sampling_finds_the_broken_quarter() -> None:
    mask = np.zeros((160, 200), dtype=bool)
    mask[:80, 100:] = True
    broken, seen = _rings().sample(mask, (100, 70), 100)
    assert seen.mean() == pytest.approx(np.pi / 4, abs=0.01)
    assert broken[:50, 50:].sum() == seen[:50, 50:].sum() == broken.sum()


def test_severity_in_words() -> None:
    assert [grade(part) for part in (0, 0.01, 0.02, 0.05, 0.1, 0.2)] == [
        "none",
        "slight",
        "slight",
        "moderate",
        "moderate",
        "severe",
    ]


@pytest.mark.parametrize("boxes", [np.zeros((2, 4)), np.zeros((3, 4)), np.full((3, 4), np.nan)])
def test_boxes_without_area_are_refused(boxes: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected inside, middle and outside box"):
        Rings(boxes)


def test_rings_are_told_by_their_period() -> None:
    """Twelve rings between a tenth and all of the radius; noise, a plain disc and a scene beside have no period."""
    rows, columns = np.mgrid[:300, :400] + 0.5
    radius = np.hypot((columns - 200) / 120, (rows - 150) / 120)
    boxes = np.array([[188, 138, 212, 162], [150, 100, 250, 200], [80, 30, 320, 270]], float)
    drawn = np.where((radius > 0.1) & (radius < 1), 100 + 80 * np.cos(2 * np.pi * 12 * (radius - 0.1) / 0.9), 60)
    noise = np.random.default_rng(0).normal(128, 30, (300, 400))
    measured = {
        name: Rings(boxes).measured(np.clip(image, 0, 255).astype(np.uint8))
        for name, image in {"rings": drawn, "noise": noise, "disc": 200 * (radius < 0.6)}.items()
    }
    assert measured["rings"].number == 12
    assert measured["rings"].periodicity > 0.8
    assert measured["noise"].periodicity < 0.2
    beyond = Rings(boxes + 500).measured(drawn.astype(np.uint8))
    assert (beyond.periodicity, beyond.number) == (0.0, None)
