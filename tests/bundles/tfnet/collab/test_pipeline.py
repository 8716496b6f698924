# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The whole pipeline on small recordings with models that know the truth."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from litemed.files import only_writer
from litemed.tools.manifest import describe_input
from litemed.tools.report import write_report
from PIL import Image
from tfnet import CLASSES
from tfnet.collab import Options, Rings, Visit, analyse, chunks, pipeline
from tfnet.collab import report as reporting

Draw = Callable[[str], list[np.ndarray]]
Write = Callable[..., Path]

WORD = "ccx" + "ccccbbub" + "xx" + "cccc" + "x" + "cb"
"""Frames 0-1, a blink at 2, broken from 7 on; a blink to 12, no break-up to 16; a blink at 17, broken at 19."""


def _analyse(video: Path, out: Path, models: Any, **options: Any) -> dict[str, Any]:
    """As the paper times it, unless told otherwise: the oracle is too modest for the evidence of the default."""
    return analyse(video, out, models, Options(**{"evidence": 0.0, **options}), progress=False)


def _rows(out: Path) -> list[dict[str, str]]:
    with (out / "frames.csv").open() as file:
        return list(csv.DictReader(file))


def _digests(folder: Path) -> dict[str, str]:
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != "run.json"]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(autouse=True)
def _without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots and the page to print take longer than all the rest; they have tests of their own."""
    for name in ("plot_timeline", "plot_maps"):
        monkeypatch.setattr(reporting, name, lambda path, *_: Image.new("L", (8, 8)).save(path))

    def empty(folder: Path, reports: list[dict[str, Any]]) -> None:
        for name in ("visit.pdf", "visit.html", "recordings.csv"):
            (folder / name).touch()

    monkeypatch.setattr(reporting, "write_visit", empty)


@pytest.fixture
def video(tmp_path: Path, write: Write, draw: Draw) -> Path:
    return write(tmp_path / "clip.mp4", draw(WORD), rate=10)


def test_every_interval_is_timed_in_frames_and_seconds(video: Path, tmp_path: Path, oracle: Any) -> None:
    report = _analyse(video, tmp_path / "out", oracle)
    intervals = report["intervals"]
    assert [i["onset_frame"] for i in intervals] == [0, 2, 12, 17]
    assert [i["break_up_time_frames"] for i in intervals] == [None, 5, None, 2]
    assert [i["break_up_time_s"] for i in intervals] == [None, 0.5, None, 0.2]
    assert [i["statement"] for i in intervals][2] == "no break-up within 0.40 s"
    assert [i["after_blink"] for i in intervals] == [False, True, True, True]
    times = report["break_up_time"]
    assert (times["median_s"], times["shortest_frames"], times["without_break_up"]) == (0.35, 2, 1)
    assert times["algorithm_1"] == {"frames": 5, "seconds": 0.5}
    assert report["summary"] == ("Break-up 0.35 s after the blink, the median of 2 intervals. 1 more without break-up.")
    assert report["frames_by_class"] == {name: WORD.count(c) for c, name in zip("cxbu", CLASSES, strict=True)}
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report


def test_masks_lie_where_the_frame_is_broken(video: Path, tmp_path: Path, oracle: Any) -> None:
    report = _analyse(video, tmp_path / "out", oracle)
    broken = [place for place, letter in enumerate(WORD) if letter == "b"]
    masks = sorted((tmp_path / "out" / "masks").iterdir())
    assert [mask.name for mask in masks] == [f"{place:06d}.png" for place in broken]
    expected = np.zeros((128, 160), dtype=bool)
    expected[72:80, 104:120] = True
    mask = np.asarray(Image.open(masks[0]))
    assert mask.shape == expected.shape
    assert (mask != expected).mean() < 0.003
    rows = _rows(tmp_path / "out")
    assert [row["mask"] for row in rows if row["mask"]] == [f"masks/{mask.name}" for mask in masks]
    # 128 of the pixels of a circle of radius 40
    assert float(rows[7]["area_percent"]) == pytest.approx(100 * 128 / (np.pi * 40**2), rel=0.1)
    # the disc of radius 40 around (88, 76): the box is 16 to 32 to the right of its centre
    assert report["intervals"][1]["begins_at"] == {"frame": 7, "zone": "peripheral", "clock_hour": 3}
    assert report["clock_hours"]["9"]["largest_percent"] == 0
    assert report["zones"]["central"]["severity"] == "none"
    assert report["zones"]["peripheral"]["largest_percent"] > 1
    assert report["break_up_map"]["peripheral"][2] == 0.2
    assert [float(rows[7][f"outside_{edge}"]) for edge in ("x0", "y0", "x1", "y1")] == pytest.approx(
        [48, 36, 128, 116], abs=2
    )


def test_the_gate_decides_what_is_segmented(video: Path, tmp_path: Path, oracle: Any) -> None:
    asked: list[str] = []

    class Watched:
        identity = "watched"
        classify = staticmethod(oracle.classify)
        segment = staticmethod(oracle.segment)

        def detect(self, frame: np.ndarray) -> Rings | None:
            asked.append("detect")
            return oracle.detect(frame)

    _analyse(video, tmp_path / "gated", Watched())
    assert len(asked) == len(WORD) - WORD.count("x")  # how sure the rings are is told of all open frames
    rows = _rows(tmp_path / "gated")
    assert [row["mask"] != "" for row in rows] == [letter == "b" for letter in WORD]
    assert [row["ring_score"] for row in rows] == ["" if letter == "x" else "0.9" for letter in WORD]
    report = _analyse(video, tmp_path / "printed", Watched(), gate=False)
    rows = _rows(tmp_path / "printed")
    assert [row["mask"] == "" for row in rows] == [letter == "x" for letter in WORD]
    assert report["area"]["mean_percent_in_other_frames"] == {"blur": 0.0, "clear": 0.0}
    assert report["area"]["segmented_broken_frames"] == WORD.count("b")


def test_smoothing_is_off_unless_asked_for(tmp_path: Path, write: Write, draw: Draw, oracle: Any) -> None:
    video = write(tmp_path / "clip.mp4", draw("xccbccbbb"), rate=10)
    assert _analyse(video, tmp_path / "as_is", oracle)["break_up_time"]["shortest_frames"] == 3
    report = _analyse(video, tmp_path / "smoothed", oracle, smooth=1)
    assert report["break_up_time"]["shortest_frames"] == 6
    assert "Smoothing changed the class of 1 frame." in report["notes"]
    assert (_rows(tmp_path / "smoothed")[3]["class"], _rows(tmp_path / "smoothed")[3]["class_unsmoothed"]) == (
        "clear",
        "broken",
    )


def test_a_break_up_that_has_to_last_sets_the_time(tmp_path: Path, write: Write, draw: Draw, oracle: Any) -> None:
    # each broken frame counts ln(.71 / .11) = 1.86, each clear one as much against it
    video = write(tmp_path / "clip.mp4", draw("xccbccbbb"), rate=10)
    report = _analyse(video, tmp_path / "lasting", oracle, evidence=5)
    assert report["break_up_time"]["shortest_frames"] == 6
    assert report["intervals"][0]["begins_at"]["frame"] == 6
    assert _rows(tmp_path / "lasting")[3]["class"] == "broken"
    assert "1 broken frame before a lasting break-up, or without one, set no time." in report["notes"]
    page = (tmp_path / "lasting" / "report.html").read_text()
    assert "Interval 1: break-up after 0.60 s, frame 6" in page
    report = _analyse(video, tmp_path / "lasting", oracle, evidence=6)
    assert report["summary"] == "No break-up within 0.80 s."
    with pytest.raises(ValueError, match="evidence of at least 0, got -1"):
        _analyse(video, tmp_path / "lasting", oracle, evidence=-1)


def test_a_break_up_has_to_last_unless_told_otherwise(tmp_path: Path, write: Write, draw: Draw, oracle: Any) -> None:
    video = write(tmp_path / "clip.mp4", draw("xccbccbbb"), rate=10)
    report = analyse(video, tmp_path / "out", oracle, Options(), progress=False)
    assert report["options"]["evidence"] == 4
    assert report["break_up_time"]["shortest_frames"] == 6


def test_a_clinics_measures(tmp_path: Path, write: Write, draw: Draw, oracle: Any, scene: Any) -> None:
    """Broken at .4 s of 128 pixels, from .6 s on of 256 in a disc of radius 40, until 1.1 s."""
    larger = scene("broken", broken=(104, 64, 120, 80)).draw()
    video = write(tmp_path / "clip.mp4", [*draw("xcccbb"), *[larger] * 6, *draw("x")], rate=10)
    visit = Visit("OD", code="P1")
    report = analyse(video, tmp_path / "out", oracle, Options(evidence=0), progress=False, visit=visit)
    assert report["visit"] == {"eye": "OD", "code": "P1", "date": None, "device": None, "operator": None}
    clinic = report["clinic"]
    assert clinic["nikbut_first_s"] == 0.4
    [row] = clinic["intervals"]
    assert row["cells_broken"] + row["cells_censored"] == 36
    assert row["cells_broken"] > 1
    assert 0.4 < clinic["nikbut_average_s"] < 0.6
    whole = np.pi * 40**2
    assert clinic["first_area_percent"] == pytest.approx(100 * 128 / whole, rel=0.1)
    assert clinic["total_area_percent"] == pytest.approx(100 * 256 / whole, rel=0.1)
    times, areas = np.arange(8) / 10, np.array([128] * 2 + [256] * 6)
    assert clinic["growth_percent_per_s"] == pytest.approx(100 / whole * np.polyfit(times, areas, 1)[0], rel=0.1)
    assert clinic["watched_s"] == [1.1]
    assert (clinic["blinks"], clinic["blinks_per_minute"]) == (2, 100)
    assert clinic["ten_seconds"] == "of 1 interval after a blink, 1 broke before 10 s."
    page = (tmp_path / "out" / "report.html").read_text()
    assert "3 o&#x27;clock, nasal" in page
    assert "slight to 2 %, moderate to 10 %, severe above" in page


def test_without_rings_beyond_doubt_there_is_no_answer(
    tmp_path: Path, write: Write, draw: Draw, oracle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rings that the detector is sure of, and that have no period."""
    video = write(tmp_path / "clip.mp4", draw("xccbbbcx"), rate=10)
    detect = oracle.detect

    def doubtful(frame: np.ndarray) -> Rings | None:
        rings = detect(frame)
        return None if rings is None else replace(rings, periodicity=0.1)

    monkeypatch.setattr(oracle, "detect", doubtful)
    report = _analyse(video, tmp_path / "out", oracle)
    assert report["answer"]["given"] is False
    assert report["summary"].startswith(
        "No answer. Placido rings were seen beyond doubt in 0 of the 6 open, sharp frames"
    )
    assert report["recording"]["classified_frames"] == 8
    assert report["intervals"] == []
    numbers = [
        report["break_up_time"]["median_s"],
        report["area"]["largest_percent"],
        report["clinic"]["nikbut_first_s"],
        report["clinic"]["blinks_per_minute"],
        report["zones"]["central"]["severity"],
    ]
    assert numbers == [None] * 5
    assert report["frames_by_class"]["broken"] == 3
    assert {(row["area_percent"], row["mask"]) for row in _rows(tmp_path / "out")} == {("", "")}
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.index("No answer") < 4000
    assert "o&#x27;clock" not in page
    assert "no break-up" not in page


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"boxes": [[70, 60, 80, 70], [60, 50, 90, 80], [-200, -100, 128, 116]]}, "% of the area within the rings"),
        ({"number": 4}, "Only 4 rings were counted"),
    ],
    ids=["cut off", "too few"],
)
def test_rings_that_are_not_whole(
    change: dict[str, Any], reason: str, tmp_path: Path, write: Write, draw: Draw, oracle: Any, monkeypatch: Any
) -> None:
    detect = oracle.detect
    monkeypatch.setattr(oracle, "detect", lambda frame: replace(detect(frame), **change))
    report = _analyse(write(tmp_path / "clip.mp4", draw("xccbbx"), rate=10), tmp_path / "out", oracle)
    assert reason in report["summary"]


def test_zoom_and_slow_films_are_noted(tmp_path: Path, write: Write, scene: Any, oracle: Any) -> None:
    small = scene("clear", disc=(60.0, 48.0, 100.0, 88.0)).draw()
    frames = [scene("closed").draw(), *[scene("clear").draw()] * 4, *[small] * 4]
    report = _analyse(write(tmp_path / "clip.mp4", frames, rate=2), tmp_path / "out", oracle)
    assert any(note.startswith("The rings' size changes from 40 to 80 pixels") for note in report["notes"])
    assert any(note.startswith("With 2 frames a second, times are known to 0.5 s at best") for note in report["notes"])
    assert report["clinic"]["blinks"] == 1
    assert report["clinic"]["blinks_per_minute"] is None
    assert set(report["answer"]["notes"]) <= set(report["notes"])
    assert len(report["answer"]["notes"]) == 2


def test_rings_in_two_places_are_noted(tmp_path: Path, write: Write, scene: Any, oracle: Any) -> None:
    places = [scene("clear", disc=(left, 48.0, left + 40, 88.0)).draw() for left in (10.0, 100.0)]
    frames = [scene("closed").draw(), *[places[0]] * 4, *[places[1]] * 4]
    report = _analyse(write(tmp_path / "clip.mp4", frames, rate=20), tmp_path / "out", oracle)
    assert any(note.startswith("The rings' place jumps by more than their width") for note in report["notes"])


def test_annotated_video_keeps_number_and_times_of_frames(
    tmp_path: Path, write: Write, draw: Draw, oracle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "CHUNK_LENGTH", 4)
    times = np.cumsum([0.1, 0.2, 0.05, 0.3] * 5) - 0.1
    video = write(tmp_path / "clip.mp4", draw(WORD), "libx264", times=times[: len(WORD)])
    report = _analyse(video, tmp_path / "out", oracle)
    with av.open(str(tmp_path / "out" / "annotated.mp4")) as container:
        shown = [float(frame.time) for frame in container.decode(video=0)]
    assert shown == pytest.approx(times[: len(WORD)].tolist(), abs=2e-3)
    assert any("frame rate varies" in note for note in report["notes"])
    interval = report["intervals"][1]
    assert interval["break_up_time_s"] == pytest.approx(times[7] - times[2], abs=2e-3)
    _analyse(video, tmp_path / "out", oracle, annotated_video=False)
    assert not (tmp_path / "out" / "annotated.mp4").exists()


class _Interrupted:
    """Models that stop at a frame."""

    identity = "oracle"

    def __init__(self, models: Any, after: int) -> None:
        self.models, self.left = models, after
        self.detect, self.segment = models.detect, models.segment
        self.workers = getattr(models, "workers", 1)

    def classify(self, frame: np.ndarray) -> np.ndarray:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return self.models.classify(frame)


@pytest.mark.parametrize("after", [3, 5, 14])
@pytest.mark.parametrize(("smooth", "evidence"), [(0, 0), (2, 5)])
def test_an_interrupted_run_goes_on_to_the_same_result(
    after: int, smooth: int, evidence: float, video: Path, tmp_path: Path, oracle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "CHUNK_LENGTH", 4)
    options = {"smooth": smooth, "evidence": evidence, "every_frame": True}
    _analyse(video, tmp_path / "unbroken", oracle, **options)
    out = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        _analyse(video, out, _Interrupted(oracle, after), **options)
    assert [file.name for file in out.iterdir()] == [".unfinished"]
    kept = len(list((out / ".unfinished").glob("chunk_*")))
    assert kept == max(0, after - smooth) // 4
    counted = _Interrupted(oracle, 1000)
    _analyse(video, out, counted, **options)
    assert 1000 - counted.left == len(WORD) - 4 * kept
    assert _digests(out) == _digests(tmp_path / "unbroken")


def test_two_runs_do_not_write_into_one_folder(video: Path, tmp_path: Path, oracle: Any) -> None:
    with only_writer(tmp_path / "out"), pytest.raises(BlockingIOError, match="out is being written by process"):
        _analyse(video, tmp_path / "out", oracle)
    _analyse(video, tmp_path / "out", oracle)
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_an_old_result_stays_until_a_new_one_is_whole(video: Path, tmp_path: Path, oracle: Any) -> None:
    out = tmp_path / "out"
    _analyse(video, out, oracle)
    before = _digests(out)
    with pytest.raises(KeyboardInterrupt):
        _analyse(video, out, _Interrupted(oracle, 5), gate=False)
    assert {name: digest for name, digest in _digests(out).items() if ".unfinished" not in name} == before
    report = _analyse(video, out, oracle)
    assert _digests(out) == before
    assert report["options"]["gate"] is True


def test_findings_of_other_options_are_not_continued(
    video: Path, tmp_path: Path, oracle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "CHUNK_LENGTH", 4)
    with pytest.raises(KeyboardInterrupt):
        _analyse(video, tmp_path / "out", _Interrupted(oracle, 14), gate=False)
    counted = _Interrupted(oracle, 1000)
    _analyse(video, tmp_path / "out", counted)
    assert 1000 - counted.left == len(WORD)


def test_memory_does_not_grow_with_the_recording(tmp_path: Path, write: Write, draw: Draw, oracle: Any) -> None:
    alive: list[int] = []
    drawn = draw("cccb") * 40
    video = write(tmp_path / "clip.mp4", drawn, rate=25)
    held: set[int] = set()

    class Counting:
        identity = "counting"
        detect = staticmethod(oracle.detect)
        segment = staticmethod(oracle.segment)

        def classify(self, frame: np.ndarray) -> np.ndarray:
            held.add(id(frame))
            weakref.finalize(frame, held.discard, id(frame))
            alive.append(len(held))
            return oracle.classify(frame)

    _analyse(video, tmp_path / "out", Counting(), smooth=3, every_frame=True)
    assert len(alive) == 160
    assert max(alive) < 20


@pytest.mark.parametrize("word", ["ccxx" + "c" * 9 + "b" * 8 + "xxccc", "cxx" + "c" * 9 + "b" * 9 + "uuuxxxcccc"])
@pytest.mark.parametrize("gate", [True, False])
@pytest.mark.parametrize("workers", [1, 3])
def test_frames_between_two_of_the_same_class_are_not_classified(
    word: str, gate: bool, workers: int, tmp_path: Path, write: Write, draw: Draw, oracle: Any
) -> None:
    video = write(tmp_path / "clip.mp4", draw(word), rate=30)
    every = _analyse(video, tmp_path / "every", oracle, gate=gate, every_frame=True)
    oracle.workers = workers
    counted = _Interrupted(oracle, 1000)
    report = _analyse(video, tmp_path / "sparse", counted, gate=gate)
    turns = sum(word[i - 1] != word[i + 1] for i in range(1, len(word) - 1, 2)) + (len(word) % 2 == 0)
    seen = (len(word) + 1) // 2 + turns
    assert 1000 - counted.left == report["recording"]["classified_frames"] == seen < len(word)
    assert every["recording"]["classified_frames"] == len(word)
    for name in ("break_up_time", "intervals", "frames_by_class", "zones", "clinic"):
        assert report[name] == every[name], name
    assert _digests(tmp_path / "sparse" / "masks") == _digests(tmp_path / "every" / "masks")
    rows, others = _rows(tmp_path / "sparse"), _rows(tmp_path / "every")
    assert [row["class"] for row in rows] == [row["class"] for row in others]
    assert sum(int(row["classified"]) for row in rows) == seen
    assert f"{seen} of {len(word)} frames were classified" in (tmp_path / "sparse" / "report.html").read_text()


def test_every_frame_of_a_slow_film_is_classified(video: Path, tmp_path: Path, oracle: Any) -> None:
    """Ten a second: a blink is one frame."""
    assert _analyse(video, tmp_path / "out", oracle)["recording"]["classified_frames"] == len(WORD)


def test_a_slow_stretch_of_a_film_is_classified_frame_by_frame(
    tmp_path: Path, write: Write, draw: Draw, oracle: Any
) -> None:
    """Thirty a second, but for six frames at ten: a blink of one frame there is seen."""
    word = "cccccccc" + "ccxccc" + "bbbbbbbb"
    times = [*(place / 30 for place in range(8)), *(8 / 30 + place / 10 for place in range(6))]
    times += [times[-1] + 1 / 10 + place / 30 for place in range(8)]
    video = write(tmp_path / "clip.mkv", draw(word), times=times)
    report = _analyse(video, tmp_path / "out", oracle)
    assert report["frames_by_class"]["closed"] == 1
    assert report["recording"]["classified_frames"] < len(word)
    (interval,) = [each for each in report["intervals"] if each["after_blink"]]
    assert interval["break_up_time_frames"] == 4


def test_no_more_frames_are_classified_at_once_than_there_are_workers(
    tmp_path: Path, write: Write, draw: Draw, oracle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = write(tmp_path / "clip.mp4", draw("cb" * 5 + "ccbb" * 6 + "x" * 6), rate=30)
    classify, busy, most = oracle.classify, [], []

    def slow(frame: np.ndarray) -> np.ndarray:
        busy.append(None)
        most.append(len(busy))
        time.sleep(0.004)
        busy.pop()
        return classify(frame)

    oracle.workers = 3
    monkeypatch.setattr(oracle, "classify", slow)
    _analyse(video, tmp_path / "out", oracle)
    assert 1 < max(most) <= 3


def test_an_interrupted_run_of_every_other_frame_goes_on_to_the_same_result(
    tmp_path: Path, write: Write, draw: Draw, oracle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "CHUNK_LENGTH", 4)
    video = write(tmp_path / "clip.mp4", draw("ccxx" + "c" * 6 + "b" * 5 + "xxccc"), rate=30)
    _analyse(video, tmp_path / "unbroken", oracle)
    with pytest.raises(KeyboardInterrupt):
        _analyse(video, tmp_path / "broken", _Interrupted(oracle, 9))
    assert list((tmp_path / "broken" / ".unfinished").glob("chunk_*"))
    _analyse(video, tmp_path / "broken", oracle)
    assert _digests(tmp_path / "broken") == _digests(tmp_path / "unbroken")


@pytest.mark.parametrize("gate", [True, False])
def test_frames_side_by_side_give_the_same_results(
    video: Path, tmp_path: Path, oracle: Any, monkeypatch: pytest.MonkeyPatch, gate: bool
) -> None:
    expected = _analyse(video, tmp_path / "one", oracle, smooth=1, gate=gate)
    classify, busy, most = oracle.classify, [], []

    def slow_on_even_calls(frame: np.ndarray) -> np.ndarray:
        busy.append(None)
        most.append(len(busy))
        time.sleep(0.004 * (len(most) % 2))
        busy.pop()
        return classify(frame)

    oracle.workers = 3
    monkeypatch.setattr(oracle, "classify", slow_on_even_calls)
    assert _analyse(video, tmp_path / "three", oracle, smooth=1, gate=gate) == expected
    assert max(most) > 1
    assert _digests(tmp_path / "three" / "masks") == _digests(tmp_path / "one" / "masks")
    assert (tmp_path / "three" / "frames.csv").read_text() == (tmp_path / "one" / "frames.csv").read_text()


def test_an_error_beside_other_frames_is_raised(video: Path, tmp_path: Path, oracle: Any) -> None:
    class Failing(type(oracle)):  # type: ignore[misc]
        workers = 2

        def segment(self, crop: np.ndarray) -> np.ndarray:
            return np.zeros((2, 2), dtype=bool)

    with pytest.raises(ValueError, match="expected a mask of the crop's"):
        _analyse(video, tmp_path / "out", Failing())
    assert not (tmp_path / "out" / "report.json").exists()


# bad input: a sentence, and a result where one is meaningful


def test_no_rings(tmp_path: Path, write: Write, draw: Draw, scene: Any, oracle: Any) -> None:
    bare = scene("broken", disc=None).draw()
    video = write(tmp_path / "clip.mp4", [*draw("xcc"), bare, bare, *draw("b")], rate=10)
    report = _analyse(video, tmp_path / "out", oracle)
    assert report["break_up_time"]["shortest_frames"] == 3
    assert "No rings were found in 2 broken frames (3, 4): no mask there." in report["notes"]
    assert [row["mask"] for row in _rows(tmp_path / "out")[3:]] == ["", "", "masks/000005.png"]


@pytest.mark.parametrize(
    ("word", "summary", "note"),
    [
        ("xxxx", "No answer. The eye is closed in every frame: there is no break-up time.", None),
        ("xuuu", "No answer. No frame is sharp enough to assess: there is no break-up time.", None),
        ("xuuuuuuuuuuc", "No answer. 10 of 11 open frames are too blurred to assess.", None),
        ("cccccc", "No break-up within 0.50 s.", "No blink was seen: times count from the first frame"),
        ("cccb", "Break-up 0.30 s after the recording's start. No blink was seen before it", "No blink was seen"),
        ("xccc", "No break-up within 0.30 s.", None),
        ("xcb", "Break-up 0.20 s after the blink.", None),
    ],
)
def test_recordings_without_a_time(
    word: str, summary: str, note: str | None, tmp_path: Path, write: Write, draw: Draw, oracle: Any
) -> None:
    video = write(tmp_path / "clip.mp4", draw(word), rate=10)
    report = _analyse(video, tmp_path / "out", oracle)
    assert report["summary"].startswith(summary)
    assert note is None or any(each.startswith(note) for each in report["notes"])
    assert report["answer"]["given"] is not summary.startswith("No answer")
    measured = set() if report["answer"]["given"] else {"masks", "annotated.mp4", "heatmap.png"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == set(pipeline.RESULT_NAMES) - measured


def test_what_the_results_are_of_stands_beside_them(
    video: Path, tmp_path: Path, draw: Draw, oracle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle, "weights", {"model.pt": "1234"}, raising=False)
    report = _analyse(video, tmp_path / "out", oracle, annotated_video=False)
    run = json.loads((tmp_path / "out/run.json").read_text())
    (found,) = run["results"].values()
    digest = hashlib.sha256(video.read_bytes()).hexdigest()
    assert found["input"] == {"path": str(video), "sha256": digest, "size": [160, 128], "frames": len(WORD)}
    assert set(found["files"]) == set(pipeline.RESULT_NAMES) - {"annotated.mp4", "run.json"}
    assert (found["bundle"], found["weights"]) == ("tfnet", {"path": "oracle", "files": {"model.pt": "1234"}})
    assert (found["options"]["evidence"], found["warnings"]) == (0.0, report["notes"])
    assert found["seconds"] > 0
    with pytest.raises(ValueError, match=r"report\.html is a result of the run itself"):
        write_report(tmp_path / "out")
    page = write_report(tmp_path / "out", tmp_path / "page.html").read_text()
    assert "model.pt 1234" in page

    hashes = []
    for number, letters in enumerate(("cb", "cb", "cc")):
        frames = tmp_path / f"frames{number}"
        frames.mkdir()
        for place, frame in enumerate(draw(letters)):
            Image.fromarray(frame).save(frames / f"{place}.png")
        hashes.append(describe_input(frames)["sha256"])
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_single_frame(tmp_path: Path, draw: Draw, oracle: Any) -> None:
    (tmp_path / "frames").mkdir()
    Image.fromarray(draw("b")[0]).save(tmp_path / "frames" / "0.png")
    report = _analyse(tmp_path / "frames", tmp_path / "out", oracle)
    assert report["intervals"][0]["break_up_time_frames"] == 0
    assert report["summary"].endswith("No blink was seen before it: the true time is longer.")


def test_unreadable_frames_are_counted(tmp_path: Path, draw: Draw, oracle: Any) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for place, image in enumerate(draw("xccccb")):
        Image.fromarray(image).save(folder / f"{place}.png")
    (folder / "2.png").write_bytes(b"broken")
    report = _analyse(folder, tmp_path / "out", oracle, fps=10)
    assert report["recording"]["unreadable_frames"] == 1
    assert "1 frame (2) can't be read and is left out." in report["notes"]
    assert report["break_up_time"]["shortest_frames"] == 5
    assert _rows(tmp_path / "out")[2]["class"] == "unreadable"
    frames_only = _analyse(folder, tmp_path / "out", oracle)
    assert frames_only["summary"] == "Break-up 5 frames after the blink."
    assert frames_only["break_up_time"]["shortest_s"] is None
    assert any("--fps" in note for note in frames_only["notes"])


def test_portrait_and_sixteen_bit(tmp_path: Path, write: Write, draw: Draw, oracle: Any) -> None:
    frames = [np.pad(image, ((0, 132), (0, 0))).astype(np.uint16) * 257 for image in draw("xcb")]
    frames[0][-1, -1] = 65535
    path = write(tmp_path / "clip.mkv", frames, "ffv1", source="gray16le", target="gray16le")
    report = _analyse(path, tmp_path / "out", oracle)
    assert (report["recording"]["height"], report["recording"]["width"]) == (260, 160)
    assert Image.open(tmp_path / "out" / "masks" / "000002.png").size == (160, 260)
    assert report["break_up_time"]["shortest_frames"] == 2


def test_rings_that_leave_the_picture(tmp_path: Path, write: Write, draw: Draw, scene: Any) -> None:
    class Beyond:
        identity = "beyond"

        def classify(self, frame: np.ndarray) -> np.ndarray:
            return np.asarray([0.0, 0.0, 1.0, 0.0])

        def detect(self, frame: np.ndarray) -> Rings:
            return Rings(np.asarray([[12, 56, 28, 72], [0, 44, 40, 84], [-20, 24, 60, 104]]))

        def segment(self, crop: np.ndarray) -> np.ndarray:
            assert crop.shape == (80, 60)
            return np.ones(crop.shape, dtype=bool)

    video = write(tmp_path / "clip.mp4", draw("cc"), rate=10)
    report = _analyse(video, tmp_path / "out", Beyond())
    mask = np.asarray(Image.open(tmp_path / "out" / "masks" / "000000.png"))
    assert mask.sum() == 80 * 60
    assert mask[24:104, :60].all()
    assert report["area"]["largest_percent"] == pytest.approx(100, abs=3)
    assert any(note.startswith("The outer ring leaves the picture in 2 frames (0, 1)") for note in report["notes"])


def test_results_never_replace_the_recording(tmp_path: Path, write: Write, draw: Draw, oracle: Any) -> None:
    video = write(tmp_path / "annotated.mp4", draw("xcb"))
    with pytest.raises(ValueError, match="would overwrite the recording"):
        _analyse(video, tmp_path, oracle)
    with pytest.raises(ValueError, match="smooth=-1"):
        _analyse(video, tmp_path / "out", oracle, smooth=-1)
    with pytest.raises(FileNotFoundError, match=r"gone\.mp4 doesn't exist"):
        _analyse(tmp_path / "gone.mp4", tmp_path / "out", oracle)
    assert not (tmp_path / "out").exists()


def test_a_mask_of_another_size_is_refused(video: Path, tmp_path: Path, oracle: Any) -> None:
    oracle.segment = lambda crop: crop[1:] > 0
    with pytest.raises(ValueError, match=r"expected a mask of the crop's \d+x\d+ pixels"):
        _analyse(video, tmp_path / "out", oracle)


class _Page(HTMLParser):
    """Gathers what a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else(tmp_path: Path, write: Write, draw: Draw, oracle: Any) -> None:
    video = write(tmp_path / "a <b> & c.mp4", draw(WORD), rate=10)
    _analyse(video, tmp_path / "out", oracle)
    text = (tmp_path / "out" / "report.html").read_text()
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert "script" not in page.tags
    assert "link" not in page.tags
    # two plots, the beginnings of two break-ups (the largest is one of them)
    assert len(page.references) == 4
    assert all(reference.startswith("data:image/") for reference in page.references)
    assert not re.search(r"https?://|url\(|@import", text)
    assert "a &lt;b&gt; &amp; c.mp4" in text
    assert "no break-up within 0.40 s" in text


def test_chunks_without_their_key_are_dropped(tmp_path: Path) -> None:
    (tmp_path / ".unfinished" / "chunk_00000").mkdir(parents=True)
    assert chunks.Chunks(tmp_path, {"version": 1}, None).complete() == []
