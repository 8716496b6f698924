# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The scores of the whole pipeline, on a small data set whose videos are told right or wrong on purpose."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tfnet import CLASSES
from tfnet.collab import Options, Rings, evaluation
from tfnet.collab import report as reporting
from tfnet.collab.evaluation import compare_intervals, evaluate

NAMES = {"c": "clear", "x": "closed", "b": "broken", "u": "blur"}
WORD = "ccxcccbbbxxcccc"
SIDES = {"inside": 8, "middle": 20, "outside": 40}
BOXES = {ring: [88 - half, 76 - half, 88 + half, 76 + half] for ring, half in SIDES.items()}


def _true(onset: int, last: int, break_up: int | None) -> dict[str, Any]:
    return {"onset": onset, "last": last, "break_up": break_up}


def _read(onset: int, last: int, time: int | None, after_blink: bool = True) -> dict[str, Any]:
    return {"onset_frame": onset, "last_frame": last, "break_up_time_frames": time, "after_blink": after_blink}


@pytest.mark.parametrize(
    ("true", "read", "outcome", "error"),
    [
        (_true(10, 50, 30), [_read(10, 50, 21)], "timed", 1),
        (_true(10, 50, 30), [_read(11, 50, 17)], "timed", -3),
        (_true(10, 50, 30), [_read(10, 50, None)], "missed", None),
        (_true(10, 50, None), [_read(9, 50, None)], "holds", None),
        (_true(10, 50, None), [_read(10, 50, 5)], "false alarm", None),
        (_true(10, 50, 30), [_read(0, 60, 30, after_blink=False)], "lost", None),
        (_true(10, 50, 30), [_read(60, 90, 5)], "lost", None),
        (_true(10, 50, 30), [], "lost", None),
        # a false blink at 20 cuts the interval: the longer piece counts
        (_true(10, 50, 30), [_read(10, 19, None), _read(20, 50, 10)], "timed", -10),
    ],
)
def test_outcome_of_an_interval(
    true: dict[str, Any], read: list[dict[str, Any]], outcome: str, error: int | None
) -> None:
    (interval,) = compare_intervals("v", [true], read)
    assert (interval.outcome, interval.error) == (outcome, error)
    assert interval.within(1) == (outcome == "holds" or error == 1)
    assert interval.within(3) == (outcome == "holds" or error in (1, -3))


@pytest.fixture
def dataset(tmp_path: Path, write: Callable[..., Path], draw: Callable[[str], list[np.ndarray]]) -> Path:
    """One test video of the word, with its truth, and the true mask of frame 6."""
    root = tmp_path / "data"
    for folder in ("videos/test", "images/test", "labels/segmentaiton/test"):
        (root / folder).mkdir(parents=True)
    frames = draw(WORD)
    write(root / "videos/test/t01.mp4", frames)
    truth = {
        "intervals": [_true(2, 8, 6), _true(10, 14, None)],
        "frames": [{"class": NAMES[each], "boxes": None if each == "x" else BOXES} for each in WORD],
    }
    (root / "videos/test/t01.json").write_text(json.dumps(truth))
    Image.fromarray(frames[6]).save(root / "images/test/t01_00006.png")
    corners = [(104, 72), (120, 72), (120, 80), (104, 80)]
    row = " ".join(f"{x / 160:.6f} {y / 128:.6f}" for x, y in corners)
    (root / "labels/segmentaiton/test/t01_00006.txt").write_text(f"0 {row}\n")
    return root


PAPER = Options(evidence=0, annotated_video=False, every_frame=True)


class Reader:
    """Tells classes of a word, wherever the pixels say otherwise, the true boxes, and the true mask twice as high."""

    def __init__(self, word: str) -> None:
        self.identity = f"reader of {word}"
        self._word = iter(word)

    def classify(self, frame: np.ndarray) -> np.ndarray:
        probabilities = np.zeros(4)
        probabilities[CLASSES.index(NAMES[next(self._word)])] = 1
        return probabilities

    def detect(self, frame: np.ndarray) -> Rings:
        return Rings(np.array(list(BOXES.values()), dtype=float), 1.0)

    def segment(self, crop: np.ndarray) -> np.ndarray:
        mask = np.zeros(crop.shape, dtype=bool)
        mask[72 - 36 : 88 - 36, 104 - 48 : 120 - 48] = True
        return mask


@pytest.fixture(autouse=True)
def _without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("plot_timeline", "plot_maps"):
        monkeypatch.setattr(reporting, name, lambda path, *_: Image.new("L", (8, 8)).save(path))


def _evaluate(dataset: Path, out: Path, word: str) -> dict[str, Any]:
    """By the paper's rule: the first broken frame is the break-up."""
    return evaluate(dataset, out, Reader(word), PAPER, progress=False)


def test_a_pipeline_that_is_right(dataset: Path, tmp_path: Path) -> None:
    result = _evaluate(dataset, tmp_path / "out", WORD)
    means = {name: row["mean"] for name, row in result["frames"].items()}
    assert means["accuracy"] == 1
    assert [means[f"recall_{name}"] for name in ("clear", "closed", "broken")] == [1, 1, 1]
    assert "recall_blur" not in means
    assert means["box_iou"] == pytest.approx(1)
    # 128 true pixels within 256 marked ones
    assert (means["recall"], means["precision"]) == (1, 0.5)
    assert means["dice"] == pytest.approx(2 / 3)
    assert means["false_area"] == 0
    times = result["break_up_time"]
    assert (times["intervals"], times["timed"], times["holds"], times["extra"]) == (2, 1, 1, 0)
    assert (times["median_error"], times["within_0"]["mean"]) == (0, 1)
    assert json.loads((tmp_path / "out/evaluation.json").read_text()) == result
    with (tmp_path / "out/intervals.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["break_up_time"], row["found_time"], row["outcome"]) for row in rows] == [
        ("4", "4", "timed"),
        ("", "", "holds"),
    ]


def test_a_pipeline_that_errs(dataset: Path, tmp_path: Path) -> None:
    # late by two frames, a false blink, and a clear frame taken for a broken one
    result = _evaluate(dataset, tmp_path / "out", "cxxcccccbxxccbc")
    means = {name: row["mean"] for name, row in result["frames"].items()}
    assert means["accuracy"] == pytest.approx(11 / 15)
    assert means["recall_broken"] == pytest.approx(1 / 3)
    assert means["recall_clear"] == pytest.approx(7 / 9)
    # 256 pixels of 80x80, in one of nine clear frames
    assert means["false_area"] == pytest.approx(256 / 6400 / 9)
    assert (means["dice"], means["recall"]) == (0, 0)
    times = result["break_up_time"]
    assert (times["timed"], times["false alarm"], times["median_error"]) == (1, 1, 2)
    assert (times["within_1"]["mean"], times["within_2"]["mean"]) == (0, 0.5)


def _refuse() -> Iterator[str]:
    raise AssertionError("asked again")
    yield


def test_an_analysed_video_is_not_analysed_again(dataset: Path, tmp_path: Path) -> None:
    first = _evaluate(dataset, tmp_path / "out", WORD)
    again = Reader(WORD)
    again._word = _refuse()
    assert evaluate(dataset, tmp_path / "out", again, PAPER, progress=False) == first
    with pytest.raises(AssertionError, match="asked again"):
        evaluate(dataset, tmp_path / "out", again, replace(PAPER, smooth=1), progress=False)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda root: (root / "videos/test/t01.mp4").unlink(), "no video in .*videos/test"),
        (lambda root: (root / "videos/test/t01.json").unlink(), "no truth .*t01.json"),
        (
            lambda root: (root / "videos/test/t01.json").write_text('{"intervals": [], "frames": []}'),
            "t01 has 15 frames, its truth 0",
        ),
    ],
)
def test_unusable_data_is_named(broken: Callable[[Path], object], message: str, dataset: Path, tmp_path: Path) -> None:
    broken(dataset)
    with pytest.raises(ValueError, match=message):
        _evaluate(dataset, tmp_path / "out", WORD)
    with pytest.raises(ValueError, match="a part among train, val, test, got 'exam'"):
        evaluate(dataset, tmp_path / "out", Reader(WORD), Options(), part="exam")


def test_command(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluation, "Networks", lambda *_, **__: Reader(WORD))
    evaluation.run(str(dataset), str(tmp_path / "out"), every_frame=True)
    shown = capsys.readouterr().out
    assert "accuracy          1.0000" in shown
    assert "within_1     1.0000" in shown
    with pytest.raises(ValueError, match="no video in"):
        evaluation.run(str(dataset), str(tmp_path / "out"), part="val")
