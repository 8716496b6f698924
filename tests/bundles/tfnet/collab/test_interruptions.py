# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C at many moments, with threads that are slow in many places: it ends, says nothing else, and goes on later."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tfnet.collab import Options, analyse, pipeline
from tfnet.collab.video import VideoFile

WORD = "cccxxcccbbbbxxcccccc"
MOMENTS = np.linspace(0.0, 0.5, 14)


class _Slow:
    """Models that take their time, each another."""

    identity = "slow"

    def __init__(self, models: Any, seconds: tuple[float, float, float]) -> None:
        self._models, self._seconds = models, seconds

    def classify(self, frame: np.ndarray) -> np.ndarray:
        time.sleep(self._seconds[0])
        return self._models.classify(frame)

    def detect(self, frame: np.ndarray) -> Any:
        time.sleep(self._seconds[1])
        return self._models.detect(frame)

    def segment(self, crop: np.ndarray) -> np.ndarray:
        time.sleep(self._seconds[2])
        return self._models.segment(crop)


def _digests(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file() and file.name not in ("report.html", "run.json"))
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals reach the main thread")
@pytest.mark.parametrize("slow", [(0.02, 0.0, 0.0), (0.0, 0.02, 0.04)], ids=["classifier", "others"])
def test_collab_can_be_interrupted_at_any_moment(
    slow: tuple[float, float, float],
    tmp_path: Path,
    oracle: Any,
    draw: Callable[..., Any],
    write: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    interrupt: Callable[..., bool],
) -> None:
    monkeypatch.setattr(pipeline, "CHUNK_LENGTH", 4)
    read = VideoFile.read

    def slowly(source: VideoFile, start: int = 0) -> Iterator[Any]:
        for frame in read(source, start):
            time.sleep(0.01)
            yield frame

    monkeypatch.setattr(VideoFile, "read", slowly)
    video = write(tmp_path / "film.mkv", draw(WORD), "ffv1")
    options = Options(annotated_video=False)
    analyse(video, tmp_path / "unbroken", _Slow(oracle, slow), options, progress=False)
    threads = threading.active_count()
    stopped = 0
    for number, moment in enumerate(MOMENTS):
        out = tmp_path / f"out{number}"
        models = _Slow(oracle, slow)
        call = partial(analyse, video, out, models, options, progress=False)
        stopped += interrupt(call, moment)
        assert threading.active_count() == threads  # none is left behind
        call()
        assert _digests(out) == _digests(tmp_path / "unbroken")
    assert stopped >= 3
