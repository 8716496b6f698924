# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of a visit on one page."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from litemed.metrics.tables import read_rows
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tfnet.collab.intervals import Interval
from tfnet.collab.measures import Course, blinks, censored_median, interval_measures, side_of, ten_seconds
from tfnet.collab.rings import ZONES
from tfnet.collab.sheet import MEANING, SHEET_TERMS, draw_sheet
from tfnet.collab.visit import Visit, read_reports, visit_of, write_visit
from tfnet.command import visit


def _report(eye: str | None, first: float | None, given: bool = True, code: str | None = "P1") -> dict[str, Any]:
    row = {
        "nikbut_first_s": first,
        "nikbut_average_s": None if first is None else first + 1,
        "cells_broken": 0 if first is None else 9,
        "cells_censored": 36 if first is None else 27,
        "censored_at_s": 12.5,
        "first_area_percent": 0.5,
        "total_area_percent": 4.0,
        "growth_percent_per_s": 1.0,
    }
    clinic = {**row, "nikbut_first_above_s": 12.5 if first is None else None}
    clinic |= {"intervals": [row], "intervals_held": int(first is None), "watched_s": [12.5], "blinks": 2}
    clinic |= {"blinks_per_minute": 9.0, "ten_seconds": "", "cells": {zone: [first, *[None] * 11] for zone in ZONES}}
    return {
        "clinic": clinic,
        "visit": {"eye": eye, "code": code, "date": "2026-11-30", "device": None, "operator": None},
        "answer": {"given": given, "reasons": [] if given else ["Rings weren't seen."], "notes": []}
        | {"median_score": 0.9, "median_periodicity": 0.6},
        "notes": [],
        "recording": {"file": "=film.mp4", "duration_s": 14.0, "frame_rate": 30.0},
        "options": {"evidence": 4.0},
        "models": "oracle",
    }


REPORTS = [_report("OD", 4.0), _report("OD", 7.0), _report("OD", 9.0, given=False), _report("OS", None)]


def test_eyes_have_means_over_their_answered_recordings() -> None:
    found = visit_of(REPORTS)
    assert found["visit"] == {"code": "P1", "date": "2026-11-30", "device": "", "operator": ""}
    right, left = found["eyes"]["OD"], found["eyes"]["OS"]
    assert right["answered"] == 2
    assert right["measures"]["nikbut_first_s"] == {
        "mean": 5.5,
        "sd": pytest.approx(np.std([4, 7], ddof=1)),
        "values": [4, 7, None],
        "above": [None, None, None],
    }
    held = {"mean": None, "sd": None, "values": [None], "above": [12.5]}
    assert left["measures"]["nikbut_first_s"] == held


def test_one_page_and_a_row_a_recording(tmp_path: Path) -> None:
    write_visit(tmp_path, REPORTS)
    pdf = (tmp_path / "visit.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/Count 1 " in pdf
    assert b"/MediaBox [ 0 0 595.27" in pdf
    assert (tmp_path / "visit.html").read_text().count("<svg") == 1
    rows = read_rows(tmp_path / "recordings.csv")
    assert [row["eye"] for row in rows] == ["OD", "OD", "OD", "OS"]
    assert [row["nikbut_first_s"] for row in rows] == ["4.0", "7.0", "", ""]
    assert [row["nikbut_first_above_s"] for row in rows] == ["", "", "", "12.5"]
    assert [row["answer"] for row in rows] == ["yes", "yes", "no", "yes"]
    assert "'=film.mp4" in (tmp_path / "recordings.csv").read_text()
    again = tmp_path / "again"
    again.mkdir()
    write_visit(again, REPORTS)
    assert (again / "visit.pdf").read_bytes() == pdf


def test_nothing_overlaps_on_the_page() -> None:
    """Five recordings an eye, four intervals each, a refusal and notes: no text lies over another."""
    reports = []
    for eye in ("OD", "OS"):
        for number in range(5):
            report = _report(eye, None if number == 1 else 4.0, given=number != 2)
            report["clinic"]["intervals"] *= 4
            report["answer"]["notes"] = ["The rings' size changes from 300 to 400 pixels: by zoom, or the distance."]
            reports.append(report)
    figure = Figure(figsize=(210 / 25.4, 297 / 25.4))
    canvas = FigureCanvasAgg(figure)
    draw_sheet(figure, visit_of(reports))
    canvas.draw()
    texts = [*figure.texts, *(axes.title for axes in figure.axes)]
    words = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text().strip()]
    assert any("> 12.5" in text for text, _ in words)
    assert any("5 recordings, 3 shown" in text for text, _ in words)
    for (one, place), (other, beside) in combinations(words, 2):
        wide = min(place.x1, beside.x1) - max(place.x0, beside.x0)
        high = min(place.y1, beside.y1) - max(place.y0, beside.y0)
        assert min(wide, high) < 1.5, (one, other)
        assert figure.bbox.x0 <= place.x0
        assert place.x1 <= figure.bbox.x1


def test_no_word_names_a_condition(tmp_path: Path) -> None:
    write_visit(tmp_path, REPORTS)
    page = (tmp_path / "visit.html").read_text()
    words = " ".join([MEANING, *SHEET_TERMS, page]).replace("Diagnostic Methodology", "")  # the title of a source
    for word in ("diagnos", "patholog", "abnormal", "positive", "dry eye", "healthy"):
        assert word not in words.lower()


def test_folders_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, report in (("a", REPORTS[0]), ("b", REPORTS[3])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(json.dumps(report))
    visit(str(tmp_path / "a"), str(tmp_path / "b"), out=str(tmp_path / "page"))
    assert "2 recordings" in capsys.readouterr().out
    assert {file.name for file in (tmp_path / "page").iterdir()} == {"visit.pdf", "visit.html", "recordings.csv"}
    (tmp_path / "b" / "report.json").write_text(json.dumps(_report("OS", 3.0, code="P2")))
    with pytest.raises(ValueError, match="of one patient, got codes P1, P2"):
        read_reports([tmp_path / "a", tmp_path / "b"])
    (tmp_path / "b" / "report.json").write_text(json.dumps(_report("OS", 3.0, code=None)))
    with pytest.raises(ValueError, match=r"--code of every recording or of none: .*b has none"):
        read_reports([tmp_path / "a", tmp_path / "b"])
    (tmp_path / "b" / "report.json").write_text(json.dumps({"summary": ""}))
    with pytest.raises(ValueError, match="is no report of this version"):
        read_reports([tmp_path / "b"])
    with pytest.raises(ValueError, match=r"no report\.json in it"):
        read_reports([tmp_path])
    with pytest.raises(ValueError, match="got none"):
        read_reports([])


def test_cells_that_hold_are_censored() -> None:
    course = Course()
    areas, visible = np.full((3, 12), 100.0), np.ones((3, 12))
    visible[2, 5] = 0.2
    for since, cell in ((2.0, (0, 0)), (3.0, (2, 3))):
        cells = np.zeros((3, 12))
        cells[cell] = 5
        course.see(since, 0.01 * since, cells, areas, visible)
    interval = Interval(0, 0.0, True, last=90, last_time=9.0, frames=90, assessable=90, break_up=20, break_up_time=2.0)
    found = interval_measures(interval, course)
    assert (found["nikbut_first_s"], found["nikbut_average_s"]) == (2, 2.5)
    assert (found["cells_broken"], found["cells_censored"], found["censored_at_s"]) == (2, 33, 9)
    assert (found["first_area_percent"], found["total_area_percent"]) == (2, 3)
    assert found["growth_percent_per_s"] is None
    held = interval_measures(replace(interval, break_up=None, break_up_time=None), None)
    assert (held["nikbut_first_s"], held["cells_broken"], held["cells_censored"]) == (None, 0, 36)
    assert held["censored_at_s"] == 9


@pytest.mark.parametrize(
    ("times", "watched", "median"),
    [
        ([4.0, None, None], [9.0, 12.0, 11.0], (None, 12.0)),
        ([4.0, 7.0], [12.0, 12.0], (5.5, None)),
        ([3.0, 9.0, 5.0], [12.0, 12.0, 12.0], (5.0, None)),
        ([4.0, 6.0, None], [9.0, 9.0, 9.0], (6.0, None)),
        # those that were watched for less tell nothing of the one that broke later
        ([9.0, None, None], [12.0, 2.0, 2.0], (9.0, None)),
        # half broke, the other half held: any time from then on is a median
        ([4.0, None], [9.0, 12.0], (4.0, None)),
        ([None], [8.0], (None, 8.0)),
        ([], [], (None, None)),
    ],
)
def test_the_median_of_times_of_which_some_held(times: Any, watched: list[float], median: Any) -> None:
    assert censored_median(times, watched) == median


def test_ten_seconds_blinks_and_sides() -> None:
    told = ten_seconds([4.0, None, None, 11.0], [12.0, 12.0, 5.0, 12.0])
    assert (
        told
        == "of 4 intervals after a blink, 1 broke before 10 s, 2 held to 10 s, 1 held, but watched for less than 10 s."
    )
    assert blinks(["closed", "unreadable", "closed", "clear", "closed"]) == 2
    assert [side_of("OD", hour) for hour in (3, 9, 12)] == ["nasal", "temporal", None]
    assert [side_of("OS", hour) for hour in (1, 11)] == ["temporal", "nasal"]
    assert side_of(None, 3) is None
    with pytest.raises(ValueError, match="expected eye OD"):
        Visit("od")
