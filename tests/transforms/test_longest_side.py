# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The challenge's resizing against OpenCV's values, and its inverse against PyTorch's interpolation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from litemed.transforms.longest_side import LongestSide, resize_area
from torch.nn import functional as F

GREY = (np.arange(35).reshape(5, 7) ** 2 % 97).astype(np.float32)

# cv2.resize(..., interpolation=cv2.INTER_AREA) of OpenCV 5.0
SMALLER = [
    [22.4286, 25.5143, 17.6857, 43.2857],
    [34.0286, 64.4286, 50.6572, 48.1429],
    [48.0286, 55.8572, 61.0857, 63.7143],
]
LARGER = [[0, 0.3333, 1, 3, 4], [0, 0.3333, 1, 3, 4], [49, 54, 64, 75.3333, 81], [49, 54, 64, 75.3333, 81]]


@pytest.mark.parametrize(("image", "expected"), [(GREY, SMALLER), (GREY[:2, :3], LARGER)], ids=["smaller", "larger"])
def test_resizes_as_opencv_does(image: np.ndarray, expected: list[list[float]]) -> None:
    resized = resize_area(image, np.shape(expected))
    np.testing.assert_allclose(resized, expected, atol=2e-4)
    np.testing.assert_array_equal(resize_area(np.dstack([image, image]), np.shape(expected))[..., 1], resized)


@pytest.mark.parametrize(
    ("size", "resized"),
    [
        ((512, 512), (256, 256)),
        ((100, 61), (256, 156)),  # 61 * 2.56 = 156.16
        ((61, 200), (78, 256)),  # 61 * 1.28 = 78.08
        ((1000, 1), (256, 1)),  # 0.256, but a side is never empty
    ],
)
def test_longest_side_fills_the_square(size: tuple[int, int], resized: tuple[int, int]) -> None:
    assert LongestSide(*size).resized == resized


def test_prepares_by_minimum_and_maximum_and_pads_right_and_below() -> None:
    image = np.full((256, 128), 40.0)
    image[:128] = 90.0
    square = LongestSide(256, 128).prepare(image)
    assert square.shape == (3, 256, 256)
    assert square.dtype == torch.float32
    expected = torch.zeros(3, 256, 256)
    expected[:, :128, :128] = 1
    torch.testing.assert_close(square, expected)


def test_a_constant_picture_is_dark_not_nan() -> None:
    assert LongestSide(10, 10).prepare(np.full((10, 10, 3), 7.0)).abs().max() == 0


def test_rounds_resized_bytes_only_where_asked() -> None:
    columns = np.tile(np.array([0, 1, 4, 4, 9, 11, 20, 20], dtype=np.uint8), (512, 64))  # means 0.5, 4, 10 and 20
    geometry = LongestSide(512, 512)
    np.testing.assert_allclose(geometry.prepare(columns)[0, 0, :4], (np.array([0.5, 4, 10, 20]) - 0.5) / 19.5)
    np.testing.assert_allclose(geometry.prepare(columns, rounded=True)[0, 0, :4], (np.array([1, 4, 10, 20]) - 1) / 19)


@pytest.mark.parametrize("shape", [(8, 8), (10, 10, 2), (10, 10, 3, 1)])
def test_refuses_other_pictures(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected a picture \(10, 10\)"):
        LongestSide(10, 10).prepare(np.zeros(shape))


def test_boxes_keep_fractions_unless_cut_off() -> None:
    geometry = LongestSide(300, 400)  # 0.64
    box = np.array([[10.0, 21, 300, 299]])
    np.testing.assert_allclose(geometry.to_square(box), [[6.4, 13.44, 192, 191.36]], rtol=1e-6)
    np.testing.assert_array_equal(geometry.to_square(box, truncated=True), [[6, 13, 192, 191]])


@pytest.mark.parametrize("size", [(613, 407), (100, 61), (31, 256), (1000, 3), (256, 256)])
def test_restores_as_interpolation_of_the_cropped_square(size: tuple[int, int]) -> None:
    geometry = LongestSide(*size)
    rows, columns = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    logits = 20 - torch.hypot(rows - 0.4 * geometry.resized[0], columns - 0.5 * geometry.resized[1])
    height, width = geometry.resized
    expected = F.interpolate(logits[None, None, :height, :width], size=size, mode="bilinear", align_corners=False)[0, 0]
    values, region = geometry.restore(logits)
    torch.testing.assert_close(values, expected[region], rtol=0, atol=2e-3)
    outside = expected.clone()
    outside[region] = -1
    assert outside.max() <= 0


def test_restores_nothing_from_a_map_without_positives() -> None:
    logits = torch.full((256, 256), -1.0)
    logits[200:, :] = 5  # in the padding
    values, region = LongestSide(100, 200).restore(logits)
    assert values.numel() == 0
    assert np.zeros((100, 200))[region].size == 0
