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
    mirrored = [torch.allclose(result, picture.flip(-2), atol=0.01) for result in results]
    same = [torch.allclose(result, picture, atol=0.01) for result in results]
    assert all(kept or turned for kept, turned in zip(same, mirrored, strict=True))
    assert any(mirrored)
    assert not all(mirrored)


def test_the_frame_has_the_given_size_and_holds_the_whole_picture() -> None:
    framing = RandFramingd("image", size=(60, 20), prob=0).set_random_state(seed=0)
    items = framing({"image": DISC.expand(3, -1, -1), "label": DISC})
    assert items["image"].shape == (3, 60, 20)
    # 96 x 64 fits into 60 x 20 by a factor of 20 / 64
    assert items["label"].sum() == pytest.approx(math.pi * (12 * 20 / 64) ** 2, rel=0.1)
    assert items["image"][0].sum() == pytest.approx(float(items["label"].sum()), rel=0.1)


def test_a_close_eye_is_centred_and_fills_its_share_of_the_frame() -> None:
    options = {"prob": 1, "rotation": 0, "close": 1, "filling": (0.5, 0.5), "shift": 0}
    framing = RandFramingd("image", size=(90, 60), **options).set_random_state(seed=0)
    disc = framing({"image": torch.zeros(3, 96, 64), "label": DISC})["label"][0]
    # the disc's box is 23 x 23 pixels, and 23 becomes half of the frame's height
    assert disc.sum() == pytest.approx(math.pi * 12**2 * (30 / 23) ** 2, rel=0.05)
    x, y = torch.nonzero(disc).float().mean(0)
    assert (float(x), float(y)) == pytest.approx((44.5, 29.5), abs=0.6)


def test_a_shifted_close_eye_stays_in_the_frame() -> None:
    options = {"prob": 1, "rotation": 0, "close": 1, "filling": (0.6, 0.9), "shift": 0.4}
    framing = RandFramingd("image", size=(90, 60), **options).set_random_state(seed=0)
    for _ in range(20):
        disc = framing({"image": torch.zeros(3, 96, 64), "label": DISC})["label"][0]
        assert not disc[[0, -1]].any()
        assert not disc[:, [0, -1]].any()


def test_an_empty_label_map_shows_the_whole_picture() -> None:
    framing = RandFramingd("image", prob=1, rotation=0, zoom=(1, 1), shift=0, close=1).set_random_state(seed=0)
    picture = _picture()
    framed = framing({"image": picture, "label": torch.zeros(1, 96, 64)})["image"]
    assert min(float((framed - target).abs().max()) for target in (picture, picture.flip(-2))) < 0.01


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
    with pytest.raises(ValueError, match=r"expected filling .* got \(0, 1\)"):
        RandFramingd("image", filling=(0, 1))
    with pytest.raises(ValueError, match=r"expected close between 0 and 1, got 1\.5"):
        RandFramingd("image", close=1.5)
    with pytest.raises(ValueError, match="got -1"):
        RandPhotometryd("image", strength=-1)
