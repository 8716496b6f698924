# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Augmentation: repeatable, in range, and pictures and labels together."""

from __future__ import annotations

import math

import pytest
import torch
from tiu_ocular.augmentation import RandFramingd, RandPhotometryd

DISC = ((torch.arange(96)[:, None] - 60) ** 2 + (torch.arange(64)[None] - 30) ** 2 < 12**2).float()[None]


def _picture() -> torch.Tensor:
    return torch.rand(3, 96, 64, generator=torch.Generator().manual_seed(0)) * 200


@pytest.mark.parametrize("seed", range(6))
def test_labels_follow_the_picture(seed: int) -> None:
    framing = RandFramingd("image").set_random_state(seed=seed)
    items = framing({"image": DISC.expand(3, -1, -1), "label": DISC * 3})
    assert set(items["label"].unique().tolist()) <= {0.0, 3.0}
    agree = (items["image"][0] > 0.5) == (items["label"][0] == 3)
    assert agree.float().mean() > 0.985


def test_zoom_scales_areas_by_its_square_and_keeps_a_disc_round() -> None:
    framing = RandFramingd("image", prob=1, zoom=(0.8, 0.8), rotation=40, shift=0).set_random_state(seed=0)
    disc = framing({"image": torch.zeros(3, 96, 64), "label": DISC})["label"][0]
    assert disc.sum() == pytest.approx(0.64 * math.pi * 12**2, rel=0.05)
    x, y = torch.nonzero(disc).float().unbind(1)
    assert x.var() == pytest.approx(float(y.var()), rel=0.1)


def test_shift_is_a_share_of_each_side() -> None:
    framing = RandFramingd("image", prob=1, zoom=(1, 1), rotation=0, shift=0.1).set_random_state(seed=3)
    label = torch.zeros(1, 100, 50)
    label[0, 50, 25] = 1
    for _ in range(20):
        moved = framing({"image": torch.zeros(3, 100, 50), "label": label})["label"][0]
        x, y = torch.nonzero(moved)[0].tolist()
        assert abs(x - 49.5) <= 11
        assert abs(y - 25) <= 6


def test_without_a_change_of_frame_there_is_at_most_a_mirror_image() -> None:
    framing = RandFramingd("image", prob=0).set_random_state(seed=0)
    picture = _picture()
    results = [framing({"image": picture})["image"] for _ in range(10)]
    mirrored = [torch.equal(result, picture.flip(-2)) for result in results]
    assert all(torch.equal(result, picture) or turned for result, turned in zip(results, mirrored, strict=True))
    assert any(mirrored)
    assert not all(mirrored)


@pytest.mark.parametrize("limit", [1.0, 255.0, 65535.0])
def test_light_keeps_the_range_of_the_picture(limit: float) -> None:
    photometry = RandPhotometryd("image", prob=1).set_random_state(seed=0)
    picture = _picture() / 200 * limit
    for _ in range(20):
        changed = photometry({"image": picture})["image"]
        assert changed.isfinite().all()
        assert changed.min() >= 0
        assert changed.max() <= picture.max() * 1.0001


def test_light_is_repeatable_and_varied() -> None:
    picture = _picture()
    first, second = (
        [photometry({"image": picture})["image"] for _ in range(4)]
        for photometry in (RandPhotometryd("image", prob=1).set_random_state(seed=5) for _ in range(2))
    )
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], first[1])


def test_no_strength_is_no_change() -> None:
    picture = _picture()
    assert RandPhotometryd("image", prob=1, strength=0)({"image": picture})["image"] is picture


def test_a_black_picture_survives() -> None:
    photometry = RandPhotometryd("image", prob=1).set_random_state(seed=1)
    for _ in range(10):
        assert photometry({"image": torch.zeros(3, 16, 16)})["image"].abs().max() < 1e-5


def test_options_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"got \(2, 1\)"):
        RandFramingd("image", zoom=(2, 1))
    with pytest.raises(ValueError, match="got -1"):
        RandPhotometryd("image", strength=-1)
