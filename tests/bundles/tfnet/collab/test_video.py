# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of videos and folders: numbers, times, depth, and what can't be read."""

from __future__ import annotations

import threading
import time
import wave
from collections.abc import Callable, Iterator
from fractions import Fraction
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


def test_a_deep_video_is_as_bright_as_a_shallow_one(tmp_path: Path) -> None:
    """Depth is the format's, not guessed from values: a film that begins in the dark is dark."""
    dark, light = np.full((64, 96), 9, np.uint8), np.full((64, 96), 230, np.uint8)
    for target in ("yuv420p", "yuv420p10le", "yuv444p12le"):
        with av.open(str(tmp_path / "clip.mkv"), "w") as container:
            stream = container.add_stream("ffv1", rate=10)
            stream.width, stream.height, stream.pix_fmt = 96, 64, target
            for place, image in enumerate([dark] * 40 + [light] * 2):
                frame = av.VideoFrame.from_ndarray(image, format="gray").reformat(format=target)
                frame.pts, frame.time_base = place, Fraction(1, 10)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        frames = [frame.image for frame in open_source(tmp_path / "clip.mkv").read()]
        assert frames[0] is not None
        assert frames[-1] is not None
        assert frames[0].mean() == pytest.approx(9, abs=1), target
        assert frames[-1].mean() == pytest.approx(230, abs=1), target


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((1, 0, 0, 1), None),
        ((-1, 0, 0, 1), Image.Transpose.FLIP_LEFT_RIGHT),
        ((1, 0, 0, -1), Image.Transpose.FLIP_TOP_BOTTOM),
        ((-1, 0, 0, -1), Image.Transpose.ROTATE_180),
        ((0, -1, 1, 0), Image.Transpose.ROTATE_90),
        ((0, 1, -1, 0), Image.Transpose.ROTATE_270),
        ((0, 1, 1, 0), Image.Transpose.TRANSPOSE),
        ((0, -1, -1, 0), Image.Transpose.TRANSVERSE),
    ],
)
def test_turned_and_mirrored_video(matrix: tuple[int, ...], shown: Image.Transpose | None, tmp_path: Path) -> None:
    """The display matrix maps (x, y) to (a x + c y, b x + d y), with y downwards (ISO/IEC 14496-12)."""
    image = np.full((64, 96), 40, np.uint8)
    image[:16, :24], image[-16:, :24] = 230, 130
    a, b, c, d = (65536 * value for value in matrix)
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for place in range(3):
            frame = av.VideoFrame.from_ndarray(image, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = place, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    expected = Image.fromarray(image) if shown is None else Image.fromarray(image).transpose(shown)
    source = open_source(tmp_path / "clip.mp4")
    first = next(iter(source.read())).image
    assert first is not None
    assert first.shape == (source.height, source.width) == (expected.height, expected.width)
    assert np.abs(first.astype(int) - np.asarray(expected)).mean() < 4


@pytest.mark.parametrize(("ratio", "size"), [((4, 3), (64, 128)), ((3, 4), (85, 96)), ((1, 1), (64, 96))])
def test_pixels_that_are_not_square(ratio: tuple[int, int], size: tuple[int, int], tmp_path: Path) -> None:
    rows, columns = np.mgrid[:64, :96] + 0.5
    width, height = (1.0, ratio[1] / ratio[0]) if ratio[0] < ratio[1] else (ratio[0] / ratio[1], 1.0)
    disc = ((columns - 48) * width) ** 2 + ((rows - 32) * height) ** 2 < 20**2
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(*ratio)
        frame = av.VideoFrame.from_ndarray(disc.astype(np.uint8) * 200, format="gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = 0, Fraction(1, 10)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = open_source(tmp_path / "clip.mp4")
    image = next(iter(source.read())).image
    assert image is not None
    assert image.shape == (source.height, source.width) == size
    seen = np.nonzero(image > 100)
    assert np.ptp(seen[0]) == pytest.approx(np.ptp(seen[1]), abs=2)  # the disc is shown round


def test_joined_recordings_go_on_in_time(tmp_path: Path, write: Write) -> None:
    part = write(tmp_path / "part.ts", _levels(8), "libx264", rate=20).read_bytes()
    (tmp_path / "joined.ts").write_bytes(part + part)
    source = open_source(tmp_path / "joined.ts")
    frames = list(source.read())
    assert [frame.time for frame in frames] == pytest.approx(np.arange(16) / 20, abs=1e-3)
    assert [_mean(frame.image) for frame in frames] == pytest.approx([20 + 12 * place for place in range(8)] * 2, abs=3)
    assert source.notes == ["The recording's clock jumps at frame 8: time goes on there by one usual step."]
    rest = list(source.read(11))
    assert [frame.index for frame in rest] == [11, 12, 13, 14, 15]
    assert _mean(rest[0].image) == pytest.approx(56, abs=3)


def test_a_clock_that_jumps_ahead(tmp_path: Path, write: Write) -> None:
    times = [0, 0.1, 0.2, 3600.0, 3600.1, 3600.2]
    source = open_source(write(tmp_path / "clip.mkv", _levels(6), "ffv1", times=times))
    assert [frame.time for frame in source.read()] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5], abs=1e-3)


@pytest.mark.parametrize(("codec", "name", "rate"), [("libx264", "raw.h264", 30), ("mjpeg", "raw.mjpeg", None)])
def test_a_raw_streams_rate_is_the_one_it_states(
    codec: str, name: str, rate: int | None, tmp_path: Path, write: Write
) -> None:
    """FFmpeg gives raw streams 25 frames a second; that of H.264 states its own, Motion JPEG none."""
    source = open_source(write(tmp_path / name, _levels(6), codec, rate=30))
    assert len(list(source.read())) == 6
    assert source.frame_rate == (None if rate is None else pytest.approx(rate))
    assert open_source(tmp_path / name, fps=10).frame_rate == pytest.approx(10)


@pytest.mark.parametrize("moment", np.linspace(0, 0.03, 13))
def test_prefetching_can_be_closed_at_any_moment(moment: float) -> None:
    """Two in a chain, the first closed while the second's thread waits in it: none waits for ever, none complains."""
    closed = []

    def slow() -> Iterator[int]:
        try:
            for number in range(100):
                time.sleep(0.004)
                yield number
        finally:
            closed.append(threading.get_ident())

    threads = threading.active_count()
    frames = prefetched(slow(), size=2)
    found = prefetched((2 * number for number in frames), size=1)
    time.sleep(moment)
    frames.close()
    left = list(found)
    found.close()
    assert left == [2 * number for number in range(len(left))]
    assert len(closed) == 1
    assert closed[0] != threading.get_ident()  # by the thread that runs it
    assert threading.active_count() == threads
