# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Writing the annotated video, and joining clips of it without encoding them again."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import numpy as np

__all__ = ["ClipWriter", "join_clips"]

_CLOCK = 90_000
_CODEC, _FALLBACK = "libx264", "mpeg4"


class ClipWriter:
    """Writes annotated frames as an mp4 that browsers play. A context manager.

    Args:
        path: of the mp4.
        size: height and width of the frames, in pixels.
        frame_rate: frames a second to plan the encoding for.
    """

    def __init__(self, path: Path, size: tuple[int, int], frame_rate: float) -> None:
        self._container = av.open(str(path), "w", format="mp4")
        codec = _CODEC if _CODEC in av.codecs_available else _FALLBACK
        options = {"preset": "ultrafast", "crf": "24", "bf": "0"} if codec == _CODEC else {"qscale": "4"}
        rate = Fraction(frame_rate).limit_denominator(1000)
        self._stream = cast(av.VideoStream, self._container.add_stream(codec, rate=rate, options=options))
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, _CLOCK)
        self._stream.codec_context.thread_count = 1
        self._step = round(_CLOCK / frame_rate)
        self._count = 0

    def write(self, planes: np.ndarray) -> None:
        """Append a frame given as YUV 4:2:0, see :func:`annotated_frame`."""
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = self._count * self._step, Fraction(1, _CLOCK)
        self._count += 1
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode())
        self._container.close()


def join_clips(clips: Iterable[Path], times: Iterable[float], path: Path) -> None:
    """Join clips into one video whose frames are shown at given times.

    Args:
        clips: files of :class:`ClipWriter`, all of one size.
        times: seconds of every frame in turn, rising.
        path: of the mp4.
    """
    clock = iter(times)
    shown = -1
    with av.open(str(path), "w", format="mp4") as joined:
        stream: av.VideoStream | None = None
        for clip in clips:
            with av.open(str(clip)) as source:
                if stream is None:
                    stream = joined.add_stream_from_template(source.streams.video[0])
                    stream.time_base = Fraction(1, _CLOCK)
                for packet in source.demux(video=0):
                    if packet.size == 0:
                        continue
                    shown = max(round(next(clock) * _CLOCK), shown + 1)
                    packet.stream = stream
                    packet.time_base = Fraction(1, _CLOCK)
                    packet.pts = packet.dts = shown
                    joined.mux(packet)
