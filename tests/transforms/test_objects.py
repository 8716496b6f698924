# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Objects of pictures as training samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from litemed.transforms.longest_side import LongestSide
from litemed.transforms.objects import RandObjectd
from monai.data import MetaTensor


def _picture(labels: np.ndarray) -> dict[str, torch.Tensor]:
    values = np.random.default_rng(0).integers(0, 256, (3, *labels.T.shape)).astype(np.float32)
    meta = {"filename_or_obj": "picture"}
    label = torch.from_numpy(labels.T[None].astype(np.int32))
    return {"image": MetaTensor(torch.from_numpy(values), meta=meta), "label": label}


def test_one_object_in_a_grown_box() -> None:
    labels = np.zeros((64, 128), np.uint8)
    labels[10:20, 30:50], labels[40:60, 100:128] = 1, 2
    item = _picture(labels)
    transform = RandObjectd().set_random_state(seed=0)
    expected = {1: (60, 20, 99, 39), 2: (200, 80, 255, 119)}  # at twice the size
    seen, growths = set(), set()
    for _ in range(60):
        sample = transform(item)
        image, mask = sample["image"], sample["label"][0]
        assert image.shape == (4, 256, 256)
        assert torch.equal(image[:3], LongestSide(64, 128).prepare(np.asarray(item["image"]).transpose(2, 1, 0)))
        label = 1 if mask[30, 70] else 2
        x0, y0, x1, y1 = expected[label]
        assert mask.sum() == (x1 - x0 + 1) * (y1 - y0 + 1) == mask[y0 : y1 + 1, x0 : x1 + 1].sum()
        rows, columns = (torch.nonzero(image[3].any(dim=dim)).flatten() for dim in (1, 0))
        growth = [x0 - columns[0], y0 - rows[0], columns[-1] - x1, rows[-1] - y1]
        assert all(0 <= side <= 5 for side in growth)
        assert label == 1 or growth[2] == 0  # the picture's edge
        seen.add(label)
        growths.update(int(side) for side in growth)
    assert seen == {1, 2}
    assert growths == set(range(6))


def test_an_object_below_a_pixel_is_kept() -> None:
    labels = np.zeros((1024, 1024), np.uint8)
    labels[510, 100] = 1
    item = _picture(labels)
    sample = RandObjectd(grow=0).set_random_state(seed=0)(item)
    assert torch.nonzero(sample["label"][0]).tolist() == [[127, 25]]
    with pytest.raises(ValueError, match="expected grow from 0 pixels, got -1"):
        RandObjectd(grow=-1)


def test_a_picture_without_objects_is_refused() -> None:
    with pytest.raises(ValueError, match="picture: no object to prompt for"):
        RandObjectd()(_picture(np.zeros((4, 5), np.uint8)))
