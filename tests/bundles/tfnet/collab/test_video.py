# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of videos and folders: numbers, times, depth, and what can't be read."""

from __future__ import annotations

import threading
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange
from PIL import Image
from tfnet.collab.video import _grey, open_source, prefetched

Draw = Callable[[str], list[np.ndarray]]
Write = Callable[..., Path]


def _levels(count: int, height: int = 64, width: int = 96) -> list[np.ndarray]:
    """Even frames, each 12 brighter than the one before, from 20."""
    return [np.full((height, width), 20 + 12 * place, dtype=np.uint8) for place in range(count)]


def _mean(image: np.ndarray | None) -> float | None:
    return None if image is None else round(float(image.mean()))


@pytest.mark.parametrize(
    ("name", "codec"), [("clip.mp4", "libx264"), ("clip.mov", "mpeg4"), ("clip.avi", "mjpeg"), ("clip.mkv", "ffv1")]
)
def test_frames_of_a_video(name: str, codec: str, tmp_path: Path, write: Write) -> None:
    source = open_source(write(tmp_path / name, _levels(12), codec, rate=20))
    frames = list(source.read())
    assert (len(source), source.height, source.width) == (12, 64, 96)
    assert source.frame_rate == pytest.approx(20, rel=1e-3)
    assert source.frame_rate_range is None
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(12) / 20, abs=2e-3)
    means = [_mean(frame.image) for frame in frames]
    assert means == pytest.approx([20 + 12 * place for place in range(12)], abs=3)


def test_reading_from_a_later_frame(tmp_path: Path, write: Write) -> None:
    source = open_source(write(tmp_path / "clip.mp4", _levels(12), "libx264"))
    whole, rest = list(source.read()), list(source.read(7))
    assert [frame.index for frame in rest] == [7, 8, 9, 10, 11]
    for one, other in zip(whole[7:], rest, strict=True):
        assert one.image is not None
        assert np.array_equal(one.image, other.image)
    assert list(source.read(12)) == []


def test_given_frame_rate_replaces_timestamps(tmp_path: Path, write: Write) -> None:
    source = open_source(write(tmp_path / "clip.mp4", _levels(5), rate=10), fps=50)
    assert [frame.time for frame in source.read()] == pytest.approx([0, 0.02, 0.04, 0.06, 0.08])


def test_varying_frame_rate_keeps_its_timestamps(tmp_path: Path, write: Write) -> None:
    times = [0, 0.1, 0.2, 0.6, 0.7, 1.5]
    source = open_source(write(tmp_path / "clip.mp4", _levels(6), "libx264", times=times))
    assert [frame.time for frame in source.read()] == pytest.approx(times, abs=1e-3)
    assert source.frame_rate_range == pytest.approx((1.25, 10), rel=1e-2)


def test_a_corrupt_frame_keeps_its_number(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "clip.avi", _levels(10), "mjpeg")
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    start, size = packets[4]
    data[start + 12 : start + size] = bytes(size - 12)
    path.write_bytes(data)
    frames = list(open_source(path).read())
    assert [frame.index for frame in frames] == list(range(10))
    assert [frame.index for frame in frames if frame.image is None] == [4]
    assert _mean(frames[5].image) == pytest.approx(80, abs=3)


def test_a_file_that_breaks_off(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "clip.mkv", _levels(12), "ffv1")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    frames = list(open_source(path).read())
    assert 0 < len(frames) < 12
    assert [_mean(frame.image) for frame in frames[:3]] == pytest.approx([20, 32, 44], abs=2)


def test_sixteen_bit_video(tmp_path: Path, write: Write) -> None:
    levels = [image.astype(np.uint16) * 257 for image in _levels(4)]
    levels[2][0, 0] = 65535
    path = write(tmp_path / "clip.mkv", levels, "ffv1", source="gray16le", target="gray16le")
    assert [_mean(frame.image) for frame in open_source(path).read()] == pytest.approx([20, 32, 44, 56], abs=1)


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p", "nv12", "yuvj420p", "gray"])
@pytest.mark.parametrize("colour_range", [ColorRange.UNSPECIFIED, ColorRange.MPEG, ColorRange.JPEG])
def test_grey_values_are_those_of_ffmpegs_scaler(name: str, colour_range: ColorRange) -> None:
    frame = av.VideoFrame(50, 16, name)
    frame.color_range = colour_range
    for plane in frame.planes:
        plane.update(np.resize(np.arange(256, dtype=np.uint8), plane.buffer_size))
    assert np.array_equal(_grey(frame), frame.to_ndarray(format="gray"))


def test_portrait_video(tmp_path: Path, write: Write) -> None:
    source = open_source(write(tmp_path / "clip.mp4", _levels(3, height=160, width=96)))
    assert (source.height, source.width) == (160, 96)
    assert next(iter(source.read())).image.shape == (160, 96)  # type: ignore[union-attr]


def test_pictures_in_natural_order(tmp_path: Path) -> None:
    for place, image in enumerate(_levels(11)):
        Image.fromarray(image).save(tmp_path / f"frame_{place}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    source = open_source(tmp_path, fps=10)
    frames = list(source.read(start=1))
    assert [_mean(frame.image) for frame in frames] == [20 + 12 * place for place in range(1, 11)]
    assert frames[-1].time == 1
    assert open_source(tmp_path).times is None


@pytest.mark.parametrize(("depth", "expected"), [(10, 63), (12, 63), (16, 63)])
def test_pictures_of_deep_cameras(depth: int, expected: int, tmp_path: Path) -> None:
    top = (1 << depth) - 1
    image = np.full((40, 60), top // 4, dtype=np.uint16)
    image[0, 0] = top
    Image.fromarray(image).save(tmp_path / "0.png")
    frame = next(iter(open_source(tmp_path).read()))
    assert frame.image is not None
    assert (int(frame.image[1, 1]), int(frame.image[0, 0])) == (expected, 255)


def test_broken_and_odd_pictures_are_passed_over(tmp_path: Path) -> None:
    for place, image in enumerate(_levels(4)):
        Image.fromarray(image).save(tmp_path / f"{place}.png")
    (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    Image.fromarray(_levels(1, height=10)[0]).save(tmp_path / "2.png")
    assert [_mean(frame.image) for frame in open_source(tmp_path).read()] == [20, None, None, 56]


def test_what_is_no_recording(tmp_path: Path, write: Write) -> None:
    with pytest.raises(FileNotFoundError, match=r"video .*gone\.mp4 doesn't exist"):
        open_source(tmp_path / "gone.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(ValueError, match=r"text\.mp4 can't be read as a video"):
        open_source(tmp_path / "text.mp4")
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    with pytest.raises(ValueError, match=r"sound\.wav holds no pictures, only audio"):
        open_source(tmp_path / "sound.wav")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty holds no picture"):
        open_source(tmp_path / "empty")
    (tmp_path / "empty" / "0.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"none of the 1 pictures in .*empty can be read"):
        open_source(tmp_path / "empty")
    with pytest.raises(ValueError, match="fps=0"):
        open_source(write(tmp_path / "clip.mp4", _levels(2)), fps=0)


def test_a_video_without_frames(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "clip.mkv", _levels(3), "ffv1")
    with av.open(str(path)) as container:
        first = next(packet.pos for packet in container.demux(video=0) if packet.size)
    path.write_bytes(path.read_bytes()[:first])
    with pytest.raises(ValueError, match="holds no readable frame"):
        open_source(path)


def test_prefetching_keeps_order_raises_in_turn_and_ends() -> None:
    def failing() -> Iterator[int]:
        yield from range(5)
        raise OSError("camera gone")

    items = prefetched(failing(), size=2)
    assert [next(items) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(OSError, match="camera gone"):
        next(items)
    threads = threading.active_count()
    endless = prefetched(iter(int, 1), size=2)
    assert next(endless) == 0
    endless.close()
    assert threading.active_count() == threads
