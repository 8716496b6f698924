# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The ring detector's target, and windows of frames."""

from __future__ import annotations

import pytest
import torch
from tfnet.augmentation import RandWindowd, RingTargetd

BOXES = [[90.0, 40.0, 110.0, 60.0], [80.0, 30.0, 120.0, 70.0], [60.0, 20.0, 140.0, 80.0]]


def test_the_target_of_a_frame() -> None:
    items = RingTargetd("image")({"image": torch.zeros(1, 200, 100), "boxes": BOXES})
    assert "boxes" not in items
    assert items["label"][:5].tolist() == pytest.approx([1, 0.5, 0.5, 0.1, 0.2])
    assert not RingTargetd("image")({"image": torch.zeros(1, 200, 100), "boxes": None})["label"].any()


def _frame() -> dict[str, torch.Tensor]:
    """A frame whose inside box is white, as wide as its target says."""
    image = torch.zeros(1, 200, 100)
    image[:, 90:110, 40:60] = 1
    return RingTargetd("image")({"image": image, "boxes": BOXES})


def test_the_boxes_follow_the_window() -> None:
    windows = RandWindowd("image", prob=1).set_random_state(seed=0)
    mirrored = set()
    for _ in range(20):
        items = windows(_frame())
        mirrored.add(windows._mirror)
        x, y, width, height = items["label"][1:5].tolist()
        lit = items["image"][0] > 0.5
        columns, rows = lit.any(dim=1).nonzero(), lit.any(dim=0).nonzero()
        assert (columns.min().item(), columns.max().item() + 1) == pytest.approx(
            (200 * (x - width / 2), 200 * (x + width / 2)), abs=1.0
        )
        assert (rows.min().item(), rows.max().item() + 1) == pytest.approx(
            (100 * (y - height / 2), 100 * (y + height / 2)), abs=1.0
        )
        outside = items["label"][-4:]
        assert (outside[:2] - outside[2:] / 2).min() >= -1e-5
        assert (outside[:2] + outside[2:] / 2).max() <= 1 + 1e-5
    assert mirrored == {False, True}


def test_frames_without_rings_and_with_rings_all_over() -> None:
    windows = RandWindowd("image", prob=1).set_random_state(seed=0)
    items = windows({"image": torch.ones(1, 20, 10), "label": torch.zeros(13)})
    assert not items["label"].any()
    torch.testing.assert_close(items["image"], torch.ones(1, 20, 10))
    filling = RingTargetd("image")({"image": torch.zeros(1, 200, 100), "boxes": [*BOXES[:2], [-5.0, -5, 205, 105]]})
    x, width = windows(filling)["label"][[9, 11]].tolist()
    assert (x, width) == pytest.approx((0.5, 1.05))


def test_nothing_happens_without_augmentation() -> None:
    frame = _frame()
    items = RandWindowd("image", prob=0)(frame)
    assert items["image"] is frame["image"]
    assert torch.equal(items["label"], frame["label"])
