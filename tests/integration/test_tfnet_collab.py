# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TF-Collab as a user runs it: a process, a video, the shipped weights."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tfnet.simulation.writing import tearfilm

LENGTH, HEIGHT, WIDTH = 45, 480, 640
RUN = ["-c", "from litemed.tools.cli import main; main()", "collab"]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated film of one blink, with its truth beside it."""
    root = tmp_path_factory.mktemp("film")
    settings = {"seconds": 3.0, "frame_rate": LENGTH / 3, "size": (HEIGHT, WIDTH)}
    data = tearfilm(root, videos=(1, 1, 1), films=(0, 0, 1), frames=2, **settings)
    return data / "videos" / "test" / "test01.mp4"


def _rows(out: Path) -> list[dict[str, str]]:
    with (out / "frames.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_film_is_read_and_an_interrupted_run_goes_on(
    film: Path, run_python: Callable[..., str], tmp_path: Path
) -> None:
    command = [*RUN, film, "--out", tmp_path / "whole", "--evidence", "2"]
    said = run_python(*command)
    report = json.loads((tmp_path / "whole" / "report.json").read_text())
    assert report["summary"] in said
    assert report["recording"]["frames"] == LENGTH
    assert report["options"]["evidence"] == 2

    rows = _rows(tmp_path / "whole")
    truth = json.loads(film.with_suffix(".json").read_text())
    right = [row["class"] == frame["class"] for row, frame in zip(rows, truth["frames"], strict=True)]
    assert np.mean(right) > 0.75
    found = [interval["onset_frame"] for interval in report["intervals"] if interval["after_blink"]]
    assert found == pytest.approx([interval["onset"] for interval in truth["intervals"]], abs=2)
    masks = [row["mask"] for row in rows if row["mask"]]
    assert masks
    assert sorted(masks) == sorted(f"masks/{path.name}" for path in (tmp_path / "whole" / "masks").iterdir())
    assert all(Image.open(tmp_path / "whole" / mask).size == (WIDTH, HEIGHT) for mask in masks)
    with av.open(str(tmp_path / "whole" / "annotated.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == LENGTH
    page = (tmp_path / "whole" / "report.html").read_text()
    assert report["summary"] in page
    assert 'src="http' not in page

    # interrupted by Ctrl-C once it has begun: nothing but a hidden folder, then the same result
    broken = [*map(str, command[:-3]), str(tmp_path / "broken"), *command[-2:]]
    process = subprocess.Popen(
        [sys.executable, *broken],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        # a shell's background jobs, in which tests may run, ignore Ctrl-C, and so would what they start
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 300
    while not (tmp_path / "broken" / ".unfinished").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert "goes on from here" in process.communicate(timeout=300)[1]
    assert process.returncode == 130
    assert [path.name for path in (tmp_path / "broken").iterdir()] == [".unfinished"]
    run_python(*broken)
    assert _rows(tmp_path / "broken") == rows


def test_what_is_no_video_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no film")
    command = [sys.executable, *RUN, str(tmp_path / "notes.mp4"), "--out", str(tmp_path / "out")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "can't be read as a video" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "out" / "report.json").exists()
