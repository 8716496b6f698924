# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""MRD1 over time: falls, slopes and blinks that were put in, and a video from end to end."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from tiu_ocular import simulation
from tiu_ocular.command import measured_series
from tiu_ocular.series import course, write_series
from tiu_ocular.video import save_frames

TIME = np.arange(0, 60, 0.1)
PIXEL = 0.1  # mm


def _row(mrd1: float | None, diameter: float = 117.0) -> dict[str, Any]:
    """Measurements in pixels of an eye whose lower lid is 50 pixels below the centre of the iris."""
    if mrd1 is None:
        return {
            "mrd1": None,
            "mrd2": None,
            "pfh": None,
            "fissure_height": None,
            "iris_diameter": None,
            "flags": ["no open eye"],
        }
    height = {"fissure_height": mrd1 + 50, "pfh": mrd1 + 50, "mrd2": 50.0}
    return {
        "mrd1": mrd1,
        **height,
        "iris_diameter": diameter,
        "iris_visible_fraction": 0.9,
        "flags": [],
        "unit": "pixel",
    }


def _falling(blinks: tuple[float, ...] = (), seconds: float = 0.3) -> list[dict[str, Any]]:
    """From 4 mm, 1 mm in ten seconds; closed for some tenths of a second at each blink."""
    shut = [any(0 <= t - start < seconds - 0.05 for start in blinks) for t in TIME]
    return [_row(None if closed else (4 - 0.1 * t) / PIXEL) for t, closed in zip(TIME, shut, strict=True)]


@pytest.mark.parametrize("blinks", [(), (5.0, 15.0, 21.4)])
def test_slope_and_drop_of_a_falling_lid_with_and_without_blinks(blinks):
    found = course(_falling(blinks), TIME, spacing=PIXEL)
    assert found.unit == "mm"
    assert found.slope == pytest.approx(-6)
    assert found.slope_low <= found.slope <= found.slope_high
    assert found.baseline == pytest.approx(4 - 0.15)  # the median of 0 to 3 seconds
    assert found.drop_after == pytest.approx(21.5, abs=0.35)  # where it is 2 mm below that
    assert found.blinks == len(blinks)
    assert found.state.count("blink") == 5 * len(blinks)  # three closed pictures and one on either side
    assert all((value is None) == (state == "blink") for value, state in zip(found.mrd1, found.state, strict=True))


def test_a_half_blink_is_a_blink_and_long_closure_is_none():
    rows = _falling()
    rows[100] = _row(-20.0)  # open by 30 pixels instead of 80
    for place in range(300, 330):
        rows[place] = _row(None)
    found = course(rows, TIME, spacing=PIXEL)
    assert found.state[99:102] == ["blink"] * 3
    assert (found.blinks, found.state.count("closed")) == (1, 30)


def test_a_dip_that_does_not_last_is_no_drop():
    rows = [_row(40.0) for _ in TIME]
    rows[300:306] = [_row(19.0)] * 6
    found = course(rows, TIME, spacing=PIXEL)
    assert (found.drop_after, found.slope) == (None, 0)


def test_a_head_that_comes_closer_changes_nothing_in_mm_by_the_iris():
    growing = 1 + TIME / 60
    rows = [_row(40 * g, 117 * g) | {"fissure_height": 90 * g} for g in growing]
    found = course(rows, TIME, iris_mm=11.7)
    assert found.slope == pytest.approx(0, abs=0.1)
    assert found.baseline == pytest.approx(4, rel=0.03)
    assert course(rows, TIME).slope == pytest.approx(40)  # pixels: from 40 to 80 in a minute


def test_times_must_rise_and_nothing_seen_is_nothing_said():
    with pytest.raises(ValueError, match="a rising time for each of 2 pictures"):
        course([None, None], [1.0, 1.0])
    found = course([None, _row(None)], [0.0, 1.0], spacing=1)
    assert (found.baseline, found.slope, found.drop_after) == (None, None, None)
    assert found.state == ["not measured", "closed"]


def test_files_of_both_eyes(tmp_path: Path):
    pictures = [{"right": right, "left": _row(40.0)} for right in _falling((5.0,))]
    courses = write_series(tmp_path, "<upgaze>.mp4", pictures, TIME.tolist(), spacing=PIXEL)
    assert [one.eye for one in courses] == ["right", "left"]
    assert json.loads((tmp_path / "series.json").read_text())["eyes"][0]["slope"] == pytest.approx(-6)
    lines = (tmp_path / "series.csv").read_text().splitlines()
    assert lines[0] == "second,eye,state,mrd1,mrd2,pfh,iris_visible_fraction"
    assert lines[1] == "0,right,open,4,5,9,0.9"
    assert len(lines) == 1 + 2 * len(TIME)
    assert Image.open(tmp_path / "series.png").format == "PNG"
    page = (tmp_path / "series.html").read_text()
    assert "&lt;upgaze&gt;.mp4" in page
    assert "21.5" in page or "21.4" in page


def _video(path: Path, pictures: list[Image.Image], rate: int = 10) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *pictures[0].size, "yuv420p", 4_000_000
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())


def test_frames_of_a_video_at_a_rate_of_choice(tmp_path: Path):
    _video(tmp_path / "a.mp4", [Image.new("RGB", (64, 48), (10 * n, 0, 0)) for n in range(20)])
    for fps, expected in ((10, 20), (5, 10), (100, 20)):
        folder = tmp_path / str(fps)
        folder.mkdir()
        seconds = save_frames(tmp_path / "a.mp4", folder, fps)
        assert seconds == pytest.approx(np.arange(0, 2, 2 / expected))
        assert len(list(folder.iterdir())) == expected
    (tmp_path / "b.mp4").write_text("no video")
    with pytest.raises(ValueError, match=r"b\.mp4 can't be read as a video"):
        save_frames(tmp_path / "b.mp4", tmp_path, 10)


def test_frames_of_mirrored_video_with_wide_pixels(tmp_path: Path):
    frame = Image.new("RGB", (64, 48))
    frame.paste((255, 255, 255), (0, 0, 16, 48))  # a bright quarter on the left
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 64, 48, "yuv420p", 4_000_000
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)
        stream.set_display_matrix([-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30])
        container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode())
    save_frames(tmp_path / "a.mp4", tmp_path, 10)
    shown = np.asarray(Image.open(tmp_path / "frame_00000.png"))
    assert shown.shape == (48, 128, 3)
    assert shown[:, :90].max() < 60
    assert shown[:, 102:].min() > 200


def test_a_video_is_measured_from_end_to_end(tmp_path: Path):
    folder = simulation.eyes(tmp_path / "sample", domain="clinical", subjects=1, images_per_subject=1)
    eye = Image.open(next(folder.rglob("*.jpg")))
    _video(tmp_path / "eye.mp4", [eye] * 6)
    found = measured_series(str(tmp_path / "eye.mp4"), str(tmp_path / "out"), {"iris_mm": 11.7}, fps=5, progress=False)
    assert len(found.courses) == 1
    assert len(found.courses[0].seconds) == 3
    assert set(found.courses[0].state) == {"open"}
    assert {path.name for path in (tmp_path / "out").glob("series.*")} == {
        f"series.{e}" for e in ("csv", "html", "json", "png")
    }
    assert len(list((tmp_path / "out" / "frames").glob("*_mask.png"))) == 3
