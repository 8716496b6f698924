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


SIZE = (160, 80)


def test_the_boxes_follow_the_window() -> None:
    windows = RandWindowd("image", SIZE, prob=1, beside=0).set_random_state(seed=0)
    mirrored, widths = set(), []
    for _ in range(40):
        items = windows(_frame())
        mirrored.add(windows._mirror)
        assert items["image"].shape == (1, *SIZE)
        for axis in (0, 1):
            middle, length = items["label"][[1 + axis, 3 + axis]].tolist()
            lit = (items["image"][0] > 0.5).any(dim=1 - axis).nonzero()
            edges = SIZE[axis] * (middle - length / 2), SIZE[axis] * (middle + length / 2)
            assert (lit.min().item(), lit.max().item() + 1) == pytest.approx(edges, abs=1.0)
        outside = items["label"][-4:]
        assert (outside[:2] - outside[2:] / 2).min() >= -0.01
        assert (outside[:2] + outside[2:] / 2).max() <= 1.01
        widths.append(outside[3].item())
    assert mirrored == {False, True}
    assert min(widths) < 0.35  # and in the frame as it is, 0.6
    assert max(widths) > 0.85


def test_some_windows_lie_beside_the_rings() -> None:
    frame = RingTargetd("image")(
        {"image": torch.zeros(1, 200, 100), "boxes": [[6, 6, 8, 8], [4, 4, 9, 9], [2, 2, 12, 12]]}
    )
    frame["image"][:, 2:12, 2:12] = 1
    windows = RandWindowd("image", SIZE, prob=1, beside=1).set_random_state(seed=0)
    bare = [items for items in (windows(frame) for _ in range(10)) if items["label"][0] == 0]
    assert bare
    assert all(not items["label"].any() and not items["image"].any() for items in bare)


def test_frames_without_rings_and_with_rings_all_over() -> None:
    windows = RandWindowd("image", SIZE, prob=1).set_random_state(seed=0)
    items = windows({"image": torch.ones(1, 20, 10), "label": torch.zeros(13)})
    assert not items["label"].any()
    filling = RingTargetd("image")({"image": torch.zeros(1, 200, 100), "boxes": [*BOXES[:2], [-5.0, -5, 205, 105]]})
    windows = RandWindowd("image", SIZE, prob=1, beside=0).set_random_state(seed=0)
    for _ in range(5):
        outside = windows(filling)["label"][-4:]
        assert (outside[:2] - outside[2:] / 2).min() >= -0.01
        assert (outside[:2] + outside[2:] / 2).max() <= 1.01


def test_without_augmentation_frames_are_scaled() -> None:
    items = RandWindowd("image", (100, 50), prob=0)(_frame())
    assert torch.equal(items["label"], _frame()["label"])
    torch.testing.assert_close(items["image"][0, 45:55, 20:30].mean(), torch.tensor(1.0), atol=0.1, rtol=0)
    assert items["image"].shape == (1, 100, 50)
