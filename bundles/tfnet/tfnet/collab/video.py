# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of a video file or a folder of pictures, one at a time, as 8-bit grey with their time."""

from __future__ import annotations

import os
import queue
import re
import threading
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from av.video.reformatter import ColorRange
from litemed.datasets.files import PICTURE_SUFFIXES
from PIL import Image, UnidentifiedImageError

__all__ = ["Frame", "FrameSource", "PictureFolder", "VideoFile", "open_source", "prefetched"]

Item = TypeVar("Item")

_DEPTH_PROBES = 32


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
    """

    def __init__(self, path: Path, size: tuple[int, int], frames: int, times: np.ndarray | None) -> None:
        self.path = path
        self.height, self.width = size
        self.times = times
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
        self._files = sorted((f for f in named if f.suffix.lower() in PICTURE_SUFFIXES), key=_natural)
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

    def read(self, start: int = 0) -> Iterator[Frame]:
        for index in range(start, len(self)):
            picture = _read_picture(self._files[index])
            yield self._frame(index, None if picture is None else _eight_bit(picture, self._depth))


class VideoFile(FrameSource):
    """The first picture track of a video file.

    The file is run through once without decoding, which takes little time: it tells the number of frames, their
    timestamps, and later which of them were lost.

    Args:
        path: the file.
        fps: frames a second, in place of the file's timestamps.
    """

    def __init__(self, path: Path, fps: float | None = None) -> None:
        with _opened(path) as container:
            rate = container.streams.video[0].average_rate
            base = container.streams.video[0].time_base
            stamps, count = _timestamps(container)
        # without one timestamp a frame, frames are counted as they come
        self._stamps = stamps
        pictures = (picture for _, picture in _decoded(path) if picture is not None)
        first = next(pictures, None)
        if count == 0 or first is None:
            raise ValueError(f"video {path} holds no readable frame")
        self._depth = 8 if first.dtype == np.uint8 else _depth([first, *islice(pictures, _DEPTH_PROBES)])
        times: np.ndarray | None
        if fps is not None:
            times = np.arange(count) / fps
        elif stamps is not None:
            times = (np.asarray(stamps) - stamps[0]) * float(base)
        else:
            times = np.arange(count) / float(rate) if rate else None
        super().__init__(path, first.shape, count, times)

    def read(self, start: int = 0) -> Iterator[Frame]:
        expected = start
        for place, picture in _decoded(self.path, self._stamps, start):
            if not expected <= place < len(self):
                continue
            for lost in range(expected, place):
                yield self._frame(lost, None)
            yield self._frame(place, None if picture is None else _eight_bit(picture, self._depth))
            expected = place + 1
        for lost in range(expected, len(self)):
            yield self._frame(lost, None)


def prefetched(items: Iterable[Item], size: int = 4) -> Generator[Item, None, None]:
    """The same items, made ahead of their use by a thread.

    Args:
        items: what to iterate over; an error in it is raised here, in its turn.
        size: how many items may wait.
    """
    waiting: queue.Queue[tuple[bool, object]] = queue.Queue(size)
    stopped = threading.Event()

    def put(entry: tuple[bool, object]) -> None:
        while not stopped.is_set():
            try:
                return waiting.put(entry, timeout=0.1)
            except queue.Full:
                continue

    def fill() -> None:
        try:
            for item in items:
                put((True, item))
                if stopped.is_set():
                    return
            put((False, None))
        except BaseException as error:
            put((False, error))

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    try:
        while True:
            is_item, entry = waiting.get()
            if is_item:
                yield entry  # type: ignore[misc]
            elif entry is None:
                return
            else:
                raise entry  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorting key in which 2 comes before 10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _read_picture(path: Path) -> np.ndarray | None:
    """Grey values ``(height, width)``, uint8 or uint16, or None where the file is broken."""
    try:
        with Image.open(path) as picture:
            if picture.mode.startswith("I"):
                return np.clip(np.asarray(picture), 0, 65535).astype(np.uint16)
            return np.asarray(picture.convert("L"))
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def _depth(pictures: Iterable[np.ndarray]) -> int:
    """Bits that 16-bit values take: cameras of 10, 12 or 14 bits leave the top empty."""
    top = max(int(picture.max()) for picture in pictures)
    return next(bits for bits in (8, 10, 12, 14, 16) if top < 1 << bits)


def _eight_bit(picture: np.ndarray, depth: int) -> np.ndarray:
    if picture.dtype == np.uint8:
        return picture
    return np.minimum(picture >> (depth - 8), 255).astype(np.uint8)


def _opened(path: Path) -> av.container.InputContainer:
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, ValueError, UnicodeError) as error:
        raise ValueError(f"{path} can't be read as a video: {error}") from error
    if not container.streams.video:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "no stream"
        container.close()
        raise ValueError(f"{path} holds no pictures, only {kinds}")
    return container


def _packets(container: av.container.InputContainer) -> Iterator[av.Packet]:
    """Packets of the picture track until the file ends or breaks off; the last one is empty and flushes the decoder."""
    try:
        yield from container.demux(video=0)
    except av.error.FFmpegError:
        return


def _timestamps(container: av.container.InputContainer) -> tuple[list[int] | None, int]:
    """Timestamps of all frames in the order they are shown, or None without one a frame, and the number of frames."""
    packets = [packet.pts for packet in _packets(container) if packet.size and not packet.is_discard]
    stamps = sorted(stamp for stamp in packets if stamp is not None)
    whole = len(set(stamps)) == len(packets)
    return (stamps if whole and stamps else None), len(packets)


def _decoded(path: Path, stamps: list[int] | None = None, start: int = 0) -> Iterator[tuple[int, np.ndarray | None]]:
    """Number and grey values of every decoded frame, from number ``start`` on; None for one marked as corrupt."""
    counted = 0
    with _opened(path) as container:
        for packet in _packets(container):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                counted += 1
                continue
            for frame in frames:
                place = counted if stamps is None or frame.pts is None else bisect_left(stamps, frame.pts)
                counted += 1
                if frame.is_corrupt:
                    yield place, None
                elif place >= start:
                    yield place, _grey(frame)


def _grey(frame: av.VideoFrame) -> np.ndarray:
    """Grey values as shown: uint8, or uint16 for a deeper frame; turned upright by the file's rotation."""
    bits = max(component.bits for component in frame.format.components)
    if frame.format.name in _LIMITED_FORMATS and frame.color_range != ColorRange.JPEG:
        grey = _full_range(frame.planes[0])
    else:
        grey = frame.to_ndarray(format="gray" if bits <= 8 else "gray16le")
    return np.ascontiguousarray(np.rot90(grey, round(frame.rotation / 90))) if frame.rotation else grey


def _full_range(plane: av.video.plane.VideoPlane) -> np.ndarray:
    """Luma of 16 to 235 as grey values of 0 to 255, as FFmpeg's scaler gives them, in half its time."""
    rows = np.frombuffer(plane, dtype=np.uint8).reshape(plane.height, plane.line_size)
    return np.asarray(Image.fromarray(rows[:, : plane.width]).point(_FULL_RANGE))


_LIMITED_FORMATS = ("yuv420p", "yuv422p", "yuv444p", "nv12")
_FULL_RANGE = np.clip(np.round((np.arange(256) - 16) * 255 / 219), 0, 255).astype(int).tolist()
