# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Surface elements: sizes by hand, MONAI's and DeepMind's tables, and closed surfaces."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest
import torch
from litemed.metrics.surfels import element_sizes, neighbour_codes
from monai.metrics.utils import get_code_to_measure_table

SPACINGS = [(1.0, 1.0), (0.3, 2.1), (1.0, 1.0, 1.0), (5.0, 0.8, 0.8), (0.3, 1.7, 2.9)]


@pytest.mark.parametrize("spacing", SPACINGS)
def test_sizes_equal_monai(spacing: tuple[float, ...]) -> None:
    table, _ = get_code_to_measure_table(spacing)
    np.testing.assert_allclose(element_sizes(spacing), table.numpy(), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_sizes_equal_deepmind(deepmind: ModuleType, spacing: tuple[float, ...]) -> None:
    tables = deepmind.metrics.lookup_tables
    create = (
        tables.create_table_neighbour_code_to_contour_length
        if len(spacing) == 2
        else tables.create_table_neighbour_code_to_surface_area
    )
    np.testing.assert_allclose(element_sizes(spacing), create(list(spacing)), rtol=1e-12, atol=1e-12)


def test_sizes_by_hand() -> None:
    # one corner of a square is cut off by half its diagonal, one of a cube by a triangle of three half diagonals
    assert element_sizes((3.0, 4.0))[0b0001] == pytest.approx(2.5)
    assert element_sizes((3.0, 4.0))[0b0011] == pytest.approx(4.0)
    assert element_sizes((3.0, 4.0))[0b1001] == pytest.approx(5.0)
    assert element_sizes((1.0, 1.0, 1.0))[0b1] == pytest.approx(math.sqrt(3) / 4 * 0.5)
    # the four corners of one face: a plane across the other two sides
    assert element_sizes((2.0, 3.0, 5.0))[0b00001111] == pytest.approx(3 * 5)
    assert element_sizes((2.0, 3.0, 5.0))[0b01010101] == pytest.approx(2 * 3)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_inverting_a_window_keeps_its_size(spacing: tuple[float, ...]) -> None:
    sizes = element_sizes(spacing)
    assert sizes[0] == sizes[-1] == 0.0
    np.testing.assert_array_equal(sizes, sizes[::-1])


@pytest.mark.parametrize("shape", [(7, 9), (5, 6, 7)])
def test_codes_equal_a_correlation(shape: tuple[int, ...]) -> None:
    mask = np.random.default_rng(0).random(shape) < 0.5
    _, kernel = get_code_to_measure_table((1.0,) * len(shape))
    convolve = torch.nn.functional.conv2d if len(shape) == 2 else torch.nn.functional.conv3d
    expected = convolve(torch.from_numpy(np.pad(mask, 1))[None, None].float(), kernel.float())[0, 0]
    np.testing.assert_array_equal(neighbour_codes(mask), expected.numpy().astype(np.uint8))


def test_surface_of_one_voxel_is_closed() -> None:
    # a diamond of four half diagonals; an octahedron of eight triangles
    pixel, voxel = np.ones((1, 1), bool), np.ones((1, 1, 1), bool)
    assert element_sizes((1.0, 1.0))[neighbour_codes(pixel)].sum() == pytest.approx(2 * math.sqrt(2))
    assert element_sizes((1.0, 1.0, 1.0))[neighbour_codes(voxel)].sum() == pytest.approx(math.sqrt(3))


def test_large_box_has_its_own_surface() -> None:
    # edges are bevelled, so the area falls short of 6 n^2 by a part that shrinks as 1 / n
    for side in (20, 40):
        area = element_sizes((1.0, 1.0, 1.0))[neighbour_codes(np.ones((side,) * 3, bool))].sum()
        assert 1 - 1.5 / side < area / (6 * side**2) < 1
