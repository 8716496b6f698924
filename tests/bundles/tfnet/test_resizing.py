# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes and values of what the networks take."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image
from tfnet.detector import ring_window
from tfnet.resizing import FitPictured, FixedSizeInferer, RingWindowd, StretchPictured, UnitRanged, placement, stretch


@pytest.mark.parametrize(("stored", "expected"), [([0.0, 51.0, 255.0], [0, 0.2, 1]), ([0.0, 13107.0], [0, 0.2])])
def test_8_and_16_bit_come_to_0_to_1(stored: list[float], expected: list[float]) -> None:
    picture = UnitRanged("image")({"image": torch.tensor(stored).view(1, 1, -1)})["image"]
    assert picture.flatten().tolist() == pytest.approx(expected)


def test_grey_is_luma_as_pillow_has_it() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(colours).convert("L"))
    stored = torch.tensor(colours, dtype=torch.float32).permute(2, 1, 0)
    picture = UnitRanged("image", grey=True)({"image": stored})["image"]
    np.testing.assert_allclose(255 * picture[0].T, expected, atol=0.51)
    assert torch.equal(UnitRanged("image", grey=True)({"image": stored[:1]})["image"], stored[:1] / 255)


def test_a_frame_keeps_its_aspect_between_bars_with_its_boxes() -> None:
    frame = torch.ones(1, 100, 200)
    frame[:, 40:60, 100:150] = 3
    items = FitPictured("image", (80, 60))({"image": frame, "boxes": [[40, 100, 60, 150]]})
    assert items["image"].shape == (1, 80, 60)
    assert placement(100, 200, (80, 60)) == (30, 60, 25, 0)
    assert not items["image"][:, :25].any()
    assert not items["image"][:, 55:].any()
    assert items["boxes"][0] == pytest.approx([37, 30, 43, 45], rel=1e-6)
    assert (items["image"][0, 39:41, 33:42] > 2.99).all()
    assert FitPictured("image", (80, 60))({"image": frame, "boxes": None})["boxes"] is None


@pytest.mark.parametrize(
    ("outside", "expected"),
    [
        ([10.4, 20.6, 50.0, 61.2], (10, 21, 50, 61)),
        ([-9.0, 30.0, 40.0, 99.0], (0, 30, 40, 80)),
        ([150.0, 10.0, 190.0, 50.0], (30, 20, 70, 60)),
        (None, (30, 20, 70, 60)),
    ],
    ids=["inside", "leaving the frame", "beside the frame", "none"],
)
def test_window_of_the_rings(outside: list[float] | None, expected: tuple[int, ...]) -> None:
    assert ring_window(outside, 100, 80) == expected
    frame = torch.arange(8000.0).view(1, 100, 80)
    boxes = None if outside is None else [[40, 40, 45, 45], [30, 30, 55, 55], outside]
    items = RingWindowd("image")({"image": frame, "boxes": boxes})
    x0, y0, x1, y1 = expected
    assert torch.equal(items["image"], frame[:, x0:x1, y0:y1])
    assert "boxes" not in items


def test_stretching_keeps_a_ramp_and_halving_averages() -> None:
    ramp = torch.arange(8.0).expand(1, 1, 4, 8)
    # a triangle of two pixels' half width around each pair's centre
    expected = [2 * place + 0.5 for place in range(4)]
    halved = stretch(ramp, (4, 4))[0, 0]
    assert halved[0, 1:3].tolist() == pytest.approx(expected[1:3])
    assert stretch(ramp, (4, 8)) is ramp


def test_masks_stay_binary_and_pictures_keep_their_file() -> None:
    image = MetaTensor(torch.rand(3, 20, 10), meta={"filename_or_obj": "eye.png"})
    label = MetaTensor(torch.zeros(1, 20, 10))
    label[:, 5:15] = 1
    items = StretchPictured(["image", "label"], (8, 16), mask_keys="label")({"image": image, "label": label})
    assert items["image"].shape == (3, 8, 16)
    assert items["image"].meta["filename_or_obj"] == "eye.png"
    assert items["label"].unique().tolist() == [0, 1]
    # a quarter of the 20 at each end is 2 of 8
    assert items["label"][0, :, 0].tolist() == [0, 0, 1, 1, 1, 1, 0, 0]


def test_the_network_works_at_one_size_and_logits_come_at_the_pictures() -> None:
    seen = []

    def network(inputs: torch.Tensor) -> torch.Tensor:
        seen.append(inputs.shape)
        return inputs[:, :2]

    logits = FixedSizeInferer((32, 16))(torch.full((1, 3, 50, 40), 0.5), network)
    assert seen == [(1, 3, 32, 16)]
    assert logits.shape == (1, 2, 50, 40)
    torch.testing.assert_close(logits, torch.full_like(logits, 0.5))
