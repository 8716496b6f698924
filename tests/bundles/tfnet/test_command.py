# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""``litemed collab``: what it hands on, prints and says when it is interrupted."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
import tfnet.collab
from litemed.tools.cli import main

REPORT = {"summary": "Break-up after 7.2 s.", "notes": ["a note"], "recording": {"frames": 12}}


def _call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["litemed", "collab", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_the_report_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given: dict[str, Any] = {}

    def analyse(
        video: str, out: str, models: dict[str, Any], options: tfnet.collab.Options, visit: tfnet.collab.Visit
    ) -> dict[str, Any]:
        given.update(video=video, out=out, models=models, options=options, visit=visit)
        return REPORT

    monkeypatch.setattr(tfnet.collab, "analyse", analyse)
    monkeypatch.setattr(tfnet.collab, "Networks", lambda folder, **options: {"folder": folder, **options})
    assert _call(monkeypatch, "visit_1.mp4", "--out", "2024_01_15", "--smooth", "2", "--gate", "False") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Break-up after 7.2 s.", "- a note"]
    assert lines[-2:] == ["Look at:  2024_01_15/report.html", "Print:    2024_01_15/visit.pdf"]
    assert (given["video"], given["out"]) == ("visit_1.mp4", "2024_01_15")
    assert given["options"] == tfnet.collab.Options(gate=False, smooth=2, evidence=4.0, fps=None, annotated_video=True)
    assert given["models"]["folder"] == f"{tfnet.BUNDLE_ROOT}/models"
    assert given["visit"] == tfnet.collab.Visit()
    assert (
        _call(monkeypatch, "v.mp4", "--evidence", "paper", "--eye", "OS", "--code", "007", "--date", "2026-11-30") == 0
    )
    assert given["options"].evidence == 0
    assert given["visit"] == tfnet.collab.Visit("OS", code="007", date="2026-11-30")
    capsys.readouterr()
    assert _call(monkeypatch, "visit.mp4", "--json") == 0
    assert json.loads(capsys.readouterr().out) == REPORT


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--eye", "left"), "expected eye OD (right) or OS (left), got 'left'"),
        (("--evidence", "much"), "expected evidence as a number, or paper, got 'much'"),
        (("--code", "a\nb"), "expected code in one line"),
    ],
)
def test_wrong_options_are_a_line(
    options: tuple[str, str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _call(monkeypatch, "visit.mp4", *options) == 2
    assert told in capsys.readouterr().err


def test_an_interruption_is_told_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def analyse(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tfnet.collab, "analyse", analyse)
    monkeypatch.setattr(tfnet.collab, "Networks", lambda folder, **options: None)
    assert _call(monkeypatch, "visit.mp4") == 130
    assert capsys.readouterr().err == "litemed: interrupted: the same command goes on from here\n"
