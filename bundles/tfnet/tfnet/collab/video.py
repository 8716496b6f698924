# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of a video file or a folder of pictures, one at a time, as 8-bit grey with their time."""

from __future__ import annotations

import os
import re
import threading
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from av.video.reformatter import ColorRange
from litemed.images.names import PICTURE_SUFFIXES, is_picture
from litemed.images.pictures import read_picture
from litemed.images.video import open_video, shown
from PIL import Image

__all__ = ["Frame", "FrameSource", "PictureFolder", "VideoFile", "open_source", "prefetched", "read_grey"]

Item = TypeVar("Item")

_DEPTH_PROBES = 32
_LUMA = np.array([19595, 38470, 7471]) / 65536  # of red, green and blue, by ITU-R BT.601


@dataclass(frozen=True)
class Frame:
    """One frame of a recording.

    Attributes:
        index: place in the recording, from 0; unreadable frames count.
        time: seconds since the first frame, or None where the recording has no frame rate.
        image: uint8 ``(height, width)``, or None where the frame can't be read.
    """

    index: int
    time: float | None
    image: np.ndarray | None


class FrameSource(ABC):
    """A recording that can be read from any frame on, in constant memory.

    Attributes:
        path: of the file or folder.
        height: of the frames, in pixels, as shown.
        width: of the frames, in pixels, as shown.
        times: seconds since the first frame, one for each frame, or None without a frame rate.
        notes: what had to be assumed about the recording, a sentence each.
    """

    def __init__(self, path: Path, size: tuple[int, int], frames: int, times: np.ndarray | None) -> None:
        self.path = path
        self.height, self.width = size
        self.times = times
        self.notes: list[str] = []
        self._frames = frames

    def __len__(self) -> int:
        """Number of frames, unreadable ones too."""
        return self._frames

    @property
    def frame_rate(self) -> float | None:
        """Mean frames a second, or None where it isn't known."""
        if self.times is None or len(self.times) < 2 or self.times[-1] <= 0:
            return None
        return float((len(self.times) - 1) / self.times[-1])

    @property
    def frame_rate_range(self) -> tuple[float, float] | None:
        """Slowest and fastest frames a second where the rate varies by more than a fifth, else None."""
        if self.frame_rate is None or self.times is None:
            return None
        steps = np.diff(self.times)
        usual = float(np.median(steps))
        if steps.min() >= 0.8 * usual and steps.max() <= 1.2 * usual:
            return None
        return float(1 / steps.max()), float(1 / max(steps.min(), 1e-6))

    @abstractmethod
    def read(self, start: int = 0) -> Iterator[Frame]:
        """Every frame from number ``start`` on, in order; unreadable ones have no image."""

    def _frame(self, index: int, image: np.ndarray | None) -> Frame:
        if image is not None and image.shape != (self.height, self.width):
            image = None
        return Frame(index, None if self.times is None else float(self.times[index]), image)


def open_source(path: str | os.PathLike[str], fps: float | None = None) -> FrameSource:
    """Open a recording.

    Args:
        path: a video file of any kind that FFmpeg reads (mp4, avi, mov, mkv, ...), or a folder of pictures, which are
            taken in the natural order of their names (``frame_2`` before ``frame_10``).
        fps: frames a second. A video's own timestamps are used without it; a folder has none.

    Returns:
        the recording, with its frames counted but not decoded.

    Raises:
        FileNotFoundError: when there is nothing at ``path``.
        ValueError: when it isn't a video, holds no picture track or no readable frame, or ``fps`` isn't positive.
    """
    if fps is not None and not 0 < fps < float("inf"):
        raise ValueError(f"expected a positive number of frames a second, got fps={fps}")
    place = Path(path).expanduser().absolute()
    if not place.exists():
        raise FileNotFoundError(f"video {path} doesn't exist")
    return PictureFolder(place, fps) if place.is_dir() else VideoFile(place, fps)


class PictureFolder(FrameSource):
    """The pictures of a folder as a recording; 8 and 16 bit, grey and colour.

    Args:
        path: the folder; its subfolders aren't read.
        fps: frames a second, or None where it isn't known.
    """

    def __init__(self, path: Path, fps: float | None = None) -> None:
        named = [file for file in path.iterdir() if not file.name.startswith(".")]
        self._files = sorted((file for file in named if is_picture(file)), key=_natural)
        if not self._files:
            raise ValueError(f"folder {path} holds no picture ({' '.join(PICTURE_SUFFIXES)})")
        count = len(self._files)
        first = next((picture for picture in map(_read_picture, self._files) if picture is not None), None)
        if first is None:
            raise ValueError(f"none of the {count} pictures in {path} can be read")
        self._depth = 8
        if first.dtype != np.uint8:
            probes = map(_read_picture, self._files[:: max(1, count // _DEPTH_PROBES)])
            self._depth = _depth(picture for picture in [first, *probes] if picture is not None)
        super().__init__(path, first.shape, count, None if fps is None else np.arange(count) / fps)
        if self._depth not in (8, 16):
            self.notes.append(f"Pictures of 16 bits are taken as {self._depth}-bit ones: none has a larger value.")

    def read(self, start: int = 0) -> Iterator[Frame]:
        for index in range(start, len(self)):
            picture = _read_picture(self._files[index])
            yield self._frame(index, None if picture is None else _eight_bit(picture, self._depth))


class VideoFile(FrameSource):
    """The first picture track of a video file, as players show it: upright, unmirrored, with square pixels.

    The file is run through once without decoding, which takes little time: it tells the number of frames, their
    timestamps, and later which of them were lost. Where the clock starts anew or jumps, as in recordings that were
    joined, time goes on by one usual step. A raw stream has no clock: its times are those of the frame rate that it
    states, or unknown.

    Args:
        path: the file.
        fps: frames a second, in place of the file's timestamps.
    """

    def __init__(self, path: Path, fps: float | None = None) -> None:
        with open_video(path) as container:
            stream = container.streams.video[0]
            is_raw = bool(container.format.flags & _NO_TIMESTAMPS)
            rate = stream.codec_context.framerate if is_raw else stream.average_rate
            base = stream.time_base or Fraction(1)
            parts, count = _timestamps(container, base)
        first = next((picture for _, picture in _decoded(path) if picture is not None), None)
        if count == 0 or first is None:
            raise ValueError(f"video {path} holds no readable frame")
        # without one timestamp a frame, frames are counted as they come
        self._parts = None if is_raw else parts
        times: np.ndarray | None
        if fps is not None:
            times = np.arange(count) / fps
        elif self._parts is not None:
            times = _joined([np.asarray(part) * float(base) for part in self._parts])
        else:
            times = np.arange(count) / float(rate) if rate else None
        super().__init__(path, first.shape, count, times)
        if self._parts is not None and len(self._parts) > 1 and fps is None:
            joins = ", ".join(str(place) for place in np.cumsum([len(part) for part in self._parts[:-1]]))
            self.notes.append(f"The recording's clock jumps at frame {joins}: time goes on there by one usual step.")

    def read(self, start: int = 0) -> Iterator[Frame]:
        expected = start
        for place, picture in _decoded(self.path, self._parts, start):
            if not expected <= place < len(self):
                continue
            for lost in range(expected, place):
                yield self._frame(lost, None)
            yield self._frame(place, picture)
            expected = place + 1
        for lost in range(expected, len(self)):
            yield self._frame(lost, None)


class prefetched(Iterator[Item]):  # noqa: N801, used as a function
    """The same items, made ahead of their use by a thread.

    It can be closed at any moment and by any thread, also while another waits for an item; that one then finds the end.
    The items' own generator is closed by the thread that runs it, and only by it.

    Args:
        items: what to iterate over; an error in it is raised here, in its turn.
        size: how many items may wait.
    """

    def __init__(self, items: Iterable[Item], size: int = 4) -> None:
        self._waiting: deque[Item] = deque()
        self._size = size
        self._changed = threading.Condition()
        self._ended = self._closed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._fill, args=(items,), daemon=True)
        self._thread.start()

    def __next__(self) -> Item:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended or self._closed)
            if self._closed:
                raise StopIteration
            if self._waiting:
                item = self._waiting.popleft()
                self._changed.notify_all()
                return item
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def close(self) -> None:
        """Make no more items, and wait until the one that is being made is done."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _fill(self, items: Iterable[Item]) -> None:
        try:
            made = iter(items)
            try:
                for item in made:
                    with self._changed:
                        self._changed.wait_for(lambda: len(self._waiting) < self._size or self._closed)
                        if self._closed:
                            return
                        self._waiting.append(item)
                        self._changed.notify_all()
            finally:
                if isinstance(made, Generator):
                    made.close()
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorting key in which 2 comes before 10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _read_picture(path: Path) -> np.ndarray | None:
    """Grey values ``(height, width)``, uint8 or uint16, or None where the file is broken."""
    try:
        pixels = read_picture(path)
    except (OSError, ValueError):
        return None
    if pixels.ndim == 3:
        pixels = np.floor(pixels @ _LUMA + 0.5).astype(pixels.dtype)
    if pixels.dtype == np.uint8:
        return pixels
    return np.clip(np.nan_to_num(pixels), 0, 65535).astype(np.uint16)


def read_grey(path: Path) -> np.ndarray:
    """A picture as uint8 grey ``(height, width)``; 16 bits by what it takes of them.

    Raises:
        ValueError: when it can't be read.
    """
    picture = _read_picture(path)
    if picture is None:
        raise ValueError(f"{path} isn't a picture that can be read")
    return _eight_bit(picture, _depth([picture]))


def _depth(pictures: Iterable[np.ndarray]) -> int:
    """Bits that 16-bit values take: cameras of 10, 12 or 14 bits leave the top empty."""
    top = max(int(picture.max()) for picture in pictures)
    return next(bits for bits in (8, 10, 12, 14, 16) if top < 1 << bits)


def _eight_bit(picture: np.ndarray, depth: int) -> np.ndarray:
    if picture.dtype == np.uint8:
        return picture
    return np.minimum(picture >> (depth - 8), 255).astype(np.uint8)


def _packets(container: av.container.InputContainer) -> Iterator[av.Packet]:
    """Packets of the picture track until the file ends or breaks off; the last one is empty and flushes the decoder."""
    try:
        yield from container.demux(video=0)
    except av.error.FFmpegError:
        return


def _timestamps(container: av.container.InputContainer, base: Fraction) -> tuple[list[list[int]] | None, int]:
    """Timestamps of all frames by part of the recording, in the order they are shown; and the number of frames.

    A part ends where the file's clock goes back, or ahead by more than a recording pauses. None where a frame has no
    timestamp, or another's.
    """
    parts: list[list[int]] = []
    count, whole = 0, True
    latest: int | None = None
    for packet in _packets(container):
        if not packet.size or packet.is_discard:
            continue
        count += 1
        clock = packet.pts if packet.dts is None else packet.dts
        if packet.pts is None or clock is None:
            whole = False
            continue
        if latest is None or _jumps(latest, clock, base):
            parts.append([])
        parts[-1].append(packet.pts)
        latest = clock
    whole = whole and all(len(set(part)) == len(part) for part in parts)
    return ([sorted(part) for part in parts] if whole and parts else None), count


def _jumps(before: int, after: int, base: Fraction) -> bool:
    return after < before or (after - before) * base > _LONGEST_PAUSE


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """Seconds since the first frame; each part goes on where the one before it ends, a usual step later."""
    steps = np.concatenate([np.diff(part) for part in parts])
    usual = float(np.median(steps)) if len(steps) else 0.0
    times, start = [], 0.0
    for part in parts:
        times.append(part - part[0] + start)
        start = float(times[-1][-1]) + usual
    return np.concatenate(times)


def _decoded(
    path: Path, parts: list[list[int]] | None = None, start: int = 0
) -> Iterator[tuple[int, np.ndarray | None]]:
    """Number and grey values of every decoded frame, from number ``start`` on; None for one marked as corrupt."""
    counted = 0
    with open_video(path) as container:
        stream = container.streams.video[0]
        numbers, ratio = _Numbers(parts, stream.time_base or Fraction(1)), stream.sample_aspect_ratio
        for packet in _packets(container):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                counted += 1
                continue
            for frame in frames:
                place = numbers.of(frame.pts, counted)
                counted += 1
                if frame.is_corrupt:
                    yield place, None
                elif place >= start:
                    yield place, shown(_grey(frame), frame, ratio)


class _Numbers:
    """Numbers of decoded frames, by their timestamps."""

    def __init__(self, parts: list[list[int]] | None, base: Fraction) -> None:
        self._parts, self._base = parts, base
        self._part = self._first = 0
        self._latest: int | None = None

    def of(self, stamp: int | None, counted: int) -> int:
        """Number of the frame with this timestamp; frames without one are counted."""
        if self._parts is None or stamp is None:
            return counted
        is_last = self._part == len(self._parts) - 1
        if self._latest is not None and not is_last and _jumps(self._latest, stamp, self._base):
            self._first += len(self._parts[self._part])
            self._part += 1
        self._latest = stamp
        return self._first + bisect_left(self._parts[self._part], stamp)


def _grey(frame: av.VideoFrame) -> np.ndarray:
    """Grey values from 0 to 255, whatever the depth of the frame's format."""
    bits = max(component.bits for component in frame.format.components)
    if frame.format.name in _LIMITED_FORMATS and frame.color_range != ColorRange.JPEG:
        return _full_range(frame.planes[0])
    if bits <= 8:
        return frame.to_ndarray(format="gray")
    return _EIGHT_BITS[frame.to_ndarray(format="gray16le")]


def _full_range(plane: av.video.plane.VideoPlane) -> np.ndarray:
    """Luma of 16 to 235 as grey values of 0 to 255, as FFmpeg's scaler gives them, in half its time."""
    rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)
    return np.asarray(Image.fromarray(rows[:, : plane.width]).point(_FULL_RANGE))


_LIMITED_FORMATS = ("yuv420p", "yuv422p", "yuv444p", "nv12")
_FULL_RANGE = np.clip(np.round((np.arange(256) - 16) * 255 / 219), 0, 255).astype(int).tolist()
_EIGHT_BITS = np.round(np.arange(1 << 16) / 257).astype(np.uint8)
_NO_TIMESTAMPS = 0x80
"""FFmpeg's flag of formats without a clock (AVFMT_NOTIMESTAMPS)."""
_LONGEST_PAUSE = 10
"""Seconds between two frames above which a recording's clock is taken to jump."""
