# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A visit: one A4 page, and one row a recording, of the recordings of one or both eyes."""

from __future__ import annotations

import io
import os
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litemed.files import read_json, replacing
from litemed.metrics.tables import write_rows
from litemed.pages import print_page
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfnet.collab.measures import MEASURES
from tfnet.collab.sheet import draw_sheet

__all__ = ["EYES", "VISIT_COLUMNS", "Visit", "read_reports", "visit_of", "write_visit"]

EYES = {"OD": "right eye", "OS": "left eye"}
"""Oculus dexter and sinister."""

VISIT_COLUMNS = (
    *("code", "date", "eye", "device", "operator", "file", "answer", "reasons", "notes"),
    *MEASURES,
    *("nikbut_first_above_s", "cells_broken", "cells_censored", "intervals", "intervals_held", "watched_s"),
    *("blinks", "blinks_per_minute"),
    *("duration_s", "frame_rate", "ring_score", "ring_periodicity", "evidence", "models"),
)
"""Columns of ``recordings.csv``. Several values of one cell are divided by semicolons; what isn't known is empty."""


@dataclass(frozen=True)
class Visit:
    """Whose recording it is: what a clinic writes on it. All of it may be left out.

    Attributes:
        eye: ``OD`` or ``OS``.
        code: of the patient; never a name.
        date: of the recording, as it shall be printed.
        device: that recorded it.
        operator: who recorded it.

    Raises:
        ValueError: for another eye, or a text over several lines.
    """

    eye: str | None = None
    code: str | None = None
    date: str | None = None
    device: str | None = None
    operator: str | None = None

    def __post_init__(self) -> None:
        if self.eye is not None and self.eye not in EYES:
            raise ValueError(f"expected eye OD (right) or OS (left), got {self.eye!r}")
        for name in ("code", "date", "device", "operator"):
            text = getattr(self, name)
            if text is not None and (len(text) > _LONGEST or not text.isprintable()):
                raise ValueError(f"expected {name} in one line of up to {_LONGEST} characters, got {text[:60]!r}")


_LONGEST = 60
_A4 = (210 / 25.4, 297 / 25.4)


def read_reports(folders: Sequence[str | os.PathLike[str]]) -> list[dict[str, Any]]:
    """Reports of recordings, from the folders of their results.

    Raises:
        ValueError: when there is no folder, one has no report that this version wrote, reports of several patients
            are given together, or only some say whose, or which eye, they are of.
    """
    if not folders:
        raise ValueError("expected folders of results of litemed collab, got none")
    reports = []
    for folder in folders:
        path = Path(folder) / "report.json"
        if not path.is_file():
            raise ValueError(f"expected a folder of results of litemed collab, got {folder}: no report.json in it")
        report = read_json(path)
        if not isinstance(report, dict) or not {"clinic", "visit", "answer"} <= report.keys():
            raise ValueError(f"{path} is no report of this version: analyse the recording anew")
        reports.append(report)
    codes = sorted({report["visit"]["code"] for report in reports} - {None})
    if len(codes) > 1:
        raise ValueError(f"expected recordings of one patient, got codes {', '.join(codes)}")
    for name in ("code", "eye"):
        bare = [folder for folder, report in zip(folders, reports, strict=True) if report["visit"][name] is None]
        if bare and len(bare) < len(reports):
            raise ValueError(f"expected --{name} of every recording or of none: {bare[0]} has none")
    return reports


def visit_of(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the page shows: by eye, each recording's measures with their mean and standard deviation.

    Returns:
        ``visit``, the fields that all recordings share, several values beside one another; and ``eyes``, for each of
        OD, OS and None (not told) that has recordings: ``recordings``, their reports; ``answered``, how many have an
        answer; and for each of `MEASURES` and ``blinks_per_minute`` its ``mean``, ``sd`` (of the sample, None for one
        value) and ``values``, with None where it isn't known; and ``above``, how long at least it held where
        NIKBUT-first isn't reached.
    """
    eyes: dict[str | None, Any] = {}
    for eye in (*EYES, None):
        own = [report for report in reports if report["visit"]["eye"] == eye]
        if not own:
            continue
        answered = [report for report in own if report["answer"]["given"]]
        table = {}
        for name in (*MEASURES, "blinks_per_minute"):
            values = [report["clinic"][name] if report["answer"]["given"] else None for report in own]
            known = [value for value in values if value is not None]
            table[name] = {
                "mean": statistics.fmean(known) if known else None,
                "sd": statistics.stdev(known) if len(known) > 1 else None,
                "values": values,
                "above": [None] * len(own),
            }
        table["nikbut_first_s"]["above"] = [
            report["clinic"]["nikbut_first_above_s"] if report["answer"]["given"] else None for report in own
        ]
        eyes[eye] = {"recordings": own, "answered": len(answered), "measures": table}
    shared = {
        name: ", ".join(sorted({report["visit"][name] for report in reports} - {None}))
        for name in ("code", "date", "device", "operator")
    }
    return {"visit": shared, "eyes": eyes}


def write_visit(folder: str | os.PathLike[str], reports: Sequence[dict[str, Any]]) -> None:
    """Write ``visit.pdf`` and ``visit.html``, one A4 page, and ``recordings.csv``, a row a recording.

    Args:
        folder: that exists; each file is written whole or not at all.
        reports: of `read_reports`, of one patient.
    """
    figure = Figure(figsize=_A4)
    FigureCanvasAgg(figure)
    draw_sheet(figure, visit_of(reports))
    picture = io.StringIO()
    with rc_context({"svg.hashsalt": "visit"}):  # the same recordings give the same bytes
        figure.savefig(picture, format="svg", metadata={"Date": None, "Creator": None})
    drawn = re.sub(r"^.*?(?=<svg)", "", picture.getvalue(), flags=re.DOTALL)
    target = Path(folder)
    with replacing(target / "visit.pdf") as temporary:
        figure.savefig(temporary, format="pdf", metadata={"CreationDate": None, "Title": "Tear-film break-up"})
    with replacing(target / "visit.html") as temporary:
        temporary.write_text(print_page("Tear-film break-up", drawn), encoding="utf-8")
    write_rows(target / "recordings.csv", [_row(report) for report in reports], VISIT_COLUMNS)


def _row(report: dict[str, Any]) -> dict[str, Any]:
    clinic, answer, recording = report["clinic"], report["answer"], report["recording"]
    row = {**report["visit"], "file": recording["file"], "answer": "yes" if answer["given"] else "no"}
    row |= {"reasons": " ".join(answer["reasons"]), "notes": " ".join(report["notes"])}
    row |= {"duration_s": recording["duration_s"]}
    row |= {
        "frame_rate": recording["frame_rate"],
        "evidence": report["options"]["evidence"],
        "models": report["models"],
    }
    row |= {"ring_score": answer["median_score"], "ring_periodicity": answer["median_periodicity"]}
    if answer["given"]:
        row |= {name: clinic[name] for name in (*MEASURES, "nikbut_first_above_s", "cells_broken", "cells_censored")}
        row |= {"intervals_held": clinic["intervals_held"]}
        row |= {"intervals": len(clinic["intervals"]), "watched_s": clinic["watched_s"]}
        row |= {name: clinic[name] for name in ("blinks", "blinks_per_minute")}
    return row
