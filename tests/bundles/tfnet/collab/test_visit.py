# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of a visit on one page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from litemed.metrics.tables import read_rows
from tfnet.collab.intervals import Interval
from tfnet.collab.measures import Course, blinks, interval_measures, side_of, ten_seconds
from tfnet.collab.rings import ZONES
from tfnet.collab.sheet import MEANING, SHEET_TERMS
from tfnet.collab.visit import Visit, read_reports, visit_of, write_visit
from tfnet.command import visit


def _report(eye: str | None, first: float | None, given: bool = True, code: str | None = "P1") -> dict[str, Any]:
    row = {
        "nikbut_first_s": first,
        "nikbut_average_s": None if first is None else first + 1,
        "cells_broken": 0 if first is None else 9,
        "cells_censored": 27,
        "censored_at_s": 12.5,
        "first_area_percent": 0.5,
        "total_area_percent": 4.0,
        "growth_percent_per_s": 1.0,
    }
    clinic = {**row, "intervals": [row], "intervals_held": int(first is None), "watched_s": [12.5], "blinks": 2}
    clinic |= {"blinks_per_minute": 9.0, "ten_seconds": "", "cells": {zone: [first, *[None] * 11] for zone in ZONES}}
    return {
        "clinic": clinic,
        "visit": {"eye": eye, "code": code, "date": "2026-11-30", "device": None, "operator": None},
        "answer": {"given": given, "reasons": [] if given else ["Rings weren't seen."], "median_score": 0.9}
        | {"median_periodicity": 0.6},
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
    }
    assert left["measures"]["nikbut_first_s"] == {"mean": None, "sd": None, "values": [None]}


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
    assert [row["answer"] for row in rows] == ["yes", "yes", "no", "yes"]
    assert "'=film.mp4" in (tmp_path / "recordings.csv").read_text()
    again = tmp_path / "again"
    again.mkdir()
    write_visit(again, REPORTS)
    assert (again / "visit.pdf").read_bytes() == pdf


def test_no_word_names_a_condition() -> None:
    words = " ".join([MEANING, *SHEET_TERMS]).replace("Diagnostic Methodology", "")  # the title of a source
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
