# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated Placido devices: as different as they shall be, and true to their own boxes, gaps and colours."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tfnet import simulation
from tfnet.readers.tfm import tfm
from tfnet.simulation.device import STRESSES, Device, draw_device
from tfnet.simulation.rings import Rings
from tfnet.simulation.video import TearFilmVideo


@pytest.fixture(scope="module")
def drawn() -> list[Device]:
    return [draw_device((3, number)) for number in range(400)]


@pytest.fixture
def device(drawn: list[Device]) -> Device:
    """Small and plain: bright, sharp rings in the frame's middle, and nothing else."""
    plain = {"is_dark": False, "dashes": 0, "notch": None, "cross": 0.0, "cone": 0.0, "hole": 0.0, "lamps": (0, 0.0)}
    light = {"gain": (0.7, 0.7), "fall": 0.0, "eye_light": 0.4, "softness": 0.1, "noise": 0.003, "quality": None}
    shape = {"size": (240, 320), "extent": 0.5, "place": (0.5, 0.5), "rings": Rings(0.2, 6, 0.5, 0.0)}
    return replace(drawn[0], **plain, **light, **shape)


def test_devices_span_what_is_met(drawn: list[Device]) -> None:
    extents, counts = [each.extent for each in drawn], [each.rings.count for each in drawn]
    assert 0.15 <= min(extents) < 0.2
    assert 0.65 < max(extents) <= 0.7
    assert min(counts) <= 8
    assert 32 <= max(counts) <= 34
    heights, widths = np.array([each.size for each in drawn]).T
    assert heights.min() == 480
    assert heights.max() >= 2160
    assert {-1, 0, 1} == set(np.sign(heights - widths).tolist())  # landscape, square and portrait
    assert not (heights % 2).any()
    assert not (widths % 2).any()
    for kind in ("is_dark", "dashes", "notch", "cross", "cone", "hole", "quality", "is_infrared"):
        assert 0.05 < np.mean([bool(getattr(each, kind)) for each in drawn]) < 0.95, kind


def test_a_sensor_resolves_the_rings(drawn: list[Device]) -> None:
    periods = [each.rings.spacing * each.extent * each.size[0] / 2 for each in drawn if each.rings.count > 5]
    assert min(periods) >= 4


def test_the_same_seed_is_the_same_device() -> None:
    assert draw_device((1, 2)) == draw_device((1, 2))
    assert draw_device((1, 2)) != draw_device((1, 3))


def test_rings_lie_in_their_boxes(device: Device) -> None:
    """Six bright rings are crossed on the way from the outside box's border to the centre."""
    video = TearFilmVideo(5, seconds=1.0, frame_rate=10.0, device=device)
    clear = next(frame for frame in video if frame.label == 0)
    assert clear.image.shape == (240, 320)
    assert clear.boxes is not None
    x0, y0, x1, y1 = clear.boxes[-1]
    assert (x1 - x0) / 240 == pytest.approx(0.5, rel=0.2)
    row = clear.image[round((y0 + y1) / 2), round(x0) - 4 : round((x0 + x1) / 2)].astype(int)
    bright = row > (row.min() + row.max()) / 2
    assert np.count_nonzero(np.diff(bright.astype(int)) == 1) == 6


def test_the_outside_box_of_the_smallest_rings_goes_around_more_than_the_middle_one(device: Device) -> None:
    small = device.strained("scale", np.random.default_rng(2))
    assert small.extent < 0.2
    inside, middle, outside = TearFilmVideo(5, seconds=1.0, frame_rate=10.0, device=small).boxes(0)
    assert (outside[2:] - outside[:2] > 1.05 * (middle[2:] - middle[:2])).all()
    assert (middle[2:] - middle[:2] > inside[2:] - inside[:2]).all()


def test_the_lid_may_fall_below_a_close_view(device: Device) -> None:
    video = TearFilmVideo(5, seconds=1.0, frame_rate=20.0, device=replace(device, extent=0.7, outermost=1.2))
    shut = [index for index, label in enumerate(video.labels) if label == 1]
    assert max(video._lid_drop(index) for index in shut) > 240
    assert all(video[index].image.shape == (240, 320) for index in shut)


def test_dark_rings_on_light(device: Device) -> None:
    coordinate = np.linspace(0.1, 1.2, 600, dtype=np.float32)[None]
    angle = np.zeros_like(coordinate)
    bright = device.target(coordinate, angle, 0.05, 0.0, 0.0)
    dark = replace(device, is_dark=True).target(coordinate, angle, 0.05, 0.0, 0.0)
    within = (coordinate > 0.2) & (coordinate < 0.99)
    np.testing.assert_allclose(dark[within], 1 - 0.9 * bright[within], atol=1e-5)
    assert (dark[coordinate > 1.05] == 0).all()


def test_dashes_and_a_notch_interrupt_the_rings(device: Device) -> None:
    angle = np.linspace(-np.pi, np.pi, 3600, endpoint=False, dtype=np.float32)[None]
    middle = np.full_like(angle, device.rings.inside + device.rings.duty * device.rings.spacing / 2)
    dashed = replace(device, dashes=8).target(middle, angle, 0.05, 0.0, 0.0)[0] > 0.5
    assert np.count_nonzero(np.diff(np.r_[dashed, dashed[:1]].astype(int)) == -1) == 8
    cut = replace(device, notch=(0.5, 0.1)).target(middle, angle, 0.05, 0.0, 0.0)
    assert (cut[np.abs(angle - 0.5) < 0.1] < 1e-3).all()
    assert (cut[np.abs(angle - 0.5) > 0.15] > 0.9).all()


def test_colour_keeps_the_luma(device: Device) -> None:
    grey = np.arange(256, dtype=np.uint8)[None]
    colour = replace(device, is_infrared=False, tint=(1.0, 0.9, 1.2)).coloured(grey)
    assert colour.shape == (1, 256, 3)
    luma = np.asarray(Image.fromarray(colour).convert("L")).astype(int)
    assert np.abs(luma - grey)[:, :180].max() <= 2  # above, a channel saturates
    assert colour[0, 100, 0] > colour[0, 100, 2]
    assert replace(device, is_infrared=True).coloured(grey) is grey


@pytest.mark.parametrize("stress", STRESSES)
def test_a_strained_device_still_records(stress: str, drawn: list[Device]) -> None:
    small = next(each for each in drawn if max(each.size) <= 640)
    strained = small.strained(stress, np.random.default_rng(0))  # type: ignore[arg-type]
    assert strained != small
    frame = TearFilmVideo(1, seconds=0.5, frame_rate=6.0, device=strained)[0]
    assert frame.image.shape == small.size
    assert frame.image.std() > 2


def test_an_unknown_stress(device: Device) -> None:
    with pytest.raises(ValueError, match=r"expected a stress among scale, .*, got 'heat'"):
        device.strained("heat", np.random.default_rng(0))  # type: ignore[arg-type]


def test_parts_of_unseen_devices_share_none(tmp_path: Path) -> None:
    small = {"videos": (2, 1, 1), "films": (1, 1, 1), "frames": 2, "seconds": 0.5, "frame_rate": 6.0, "seed": 4}
    seen = simulation.tearfilm(tmp_path, **small, devices=1)
    unseen = simulation.tearfilm(tmp_path, **small, devices=1, unseen=True)
    assert seen != unseen

    def device_of(root: Path, part: str) -> dict:
        return json.loads((root / "videos" / part / f"{part}01.json").read_text())["device"]

    assert device_of(seen, "train") == device_of(seen, "test") == device_of(unseen, "train")
    assert device_of(unseen, "test") not in (device_of(unseen, "train"), device_of(unseen, "val"))
    assert len(tfm(unseen, "classification", "test")) == 2


def test_options_of_devices_want_devices(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a number of devices, got devices=0, unseen=True"):
        simulation.tearfilm(tmp_path, unseen=True)
    with pytest.raises(ValueError, match="got 'heat'"):
        simulation.tearfilm(tmp_path, devices=1, stress="heat")  # type: ignore[arg-type]
