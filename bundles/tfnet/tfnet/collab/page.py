# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The report as one page."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from litemed.pages import bullets, image, page, section, table, tiles

from tfnet.collab.measures import MEASURES, side_of
from tfnet.collab.sheet import MEANING, SHEET_TERMS

__all__ = ["write_page"]

_SHOWN_SPANS = 6


def write_page(folder: Path, report: dict[str, Any], pictures: list[tuple[str, Path]]) -> None:
    """Write ``report.html``.

    Args:
        folder: of the results; ``timeline.png`` and ``heatmap.png`` are there.
        report: content of ``report.json``. Without an answer the page has its reasons and the classes of the frames.
        pictures: captions and files of pictures to show.
    """
    recording = report["recording"]
    sections = [
        f'<div class="summary">{escape(report["summary"])}</div>\n',
        _numbers(report),
        section("Please note", bullets(report["notes"])) if report["notes"] else "",
        section("Over time", image(folder / "timeline.png", "Class and break-up area of every frame over time")),
    ]
    if report["answer"]["given"]:
        sections += [
            section("Between the blinks", _intervals(report)),
            section("Where it breaks up", image(folder / "heatmap.png", "Maps of break-up in ring coordinates")),
            section("How much of each part breaks up", _zones(report)),
            _pictures(pictures),
        ]
    sections.append(section("How to read this", _method(report)))
    visit = [text for text in (report["visit"][name] for name in ("eye", "code", "date", "device", "operator")) if text]
    subtitle = " · ".join([*visit, recording["file"], _recording(recording)])
    text = page("Tear-film break-up", subtitle, sections, name=f"Tear film of {recording['file']}")
    (folder / "report.html").write_text(text, encoding="utf-8")


def _recording(recording: dict[str, Any]) -> str:
    words = [f"{recording['frames']} frames", f"{recording['width']}x{recording['height']} pixels"]
    if recording["duration_s"] is not None:
        words.append(f"{recording['duration_s']:.2f} s")
    if recording["frame_rate"] is not None:
        words.append(f"{recording['frame_rate']:.4g} frames/s")
    return " · ".join(words)


def _numbers(report: dict[str, Any]) -> str:
    """What a clinic reads first; in frames where there is no clock, and nothing where there is no answer."""
    if not report["answer"]["given"]:
        return ""
    clinic, times = report["clinic"], report["break_up_time"]
    number = times["intervals_after_a_blink"]
    held = f"{times['without_break_up']} of {number} intervals held" if number else "no interval after a blink"
    if not report["recording"]["times_from"]:
        return tiles([("median break-up time", _quantity(times["median_frames"], "frames"), held)])
    cells = "cells of the cornea within the rings"
    if clinic["cells_broken"] is not None:
        cells = f"{clinic['cells_broken']:g} cells broke, {clinic['cells_censored']:g} held"
    notes = {"nikbut_first_s": held, "nikbut_average_s": cells}
    facts = [(title, _quantity(clinic[name], unit), notes.get(name, "")) for name, (title, unit) in MEASURES.items()]
    if clinic["nikbut_first_above_s"] is not None:
        facts[0] = (facts[0][0], f"> {clinic['nikbut_first_above_s']:.2f} s", held)
    watched = ", ".join(f"{each:.1f}" for each in clinic["watched_s"][:_SHOWN_SPANS])
    watched = f"watched for {watched} s" if watched else ""
    return tiles([*facts, ("blinks", _quantity(clinic["blinks_per_minute"], "/min"), watched)])


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return "none"
    digits = {"s": 2, "%": 2, "frames": 0}.get(unit, 1)
    return f"{value:.{digits}f} {unit}"


def _intervals(report: dict[str, Any]) -> str:
    rows = []
    for interval in report["intervals"]:
        place = interval["begins_at"]
        where = "" if place is None else f"{place['zone']}, {place['clock_hour']} o'clock"
        seconds = interval["break_up_time_s"]
        frames = interval["break_up_time_frames"]
        largest = interval["largest_area_percent"]
        span = interval["observed_s"]
        rows.append(
            [
                str(interval["number"]),
                "blink" if interval["after_blink"] else "recording",
                f"{interval['observed_frames']} frames" if span is None else f"{span:.2f} s",
                "" if seconds is None else f"{seconds:.2f} s",
                "" if frames is None else str(frames),
                interval["statement"],
                where,
                "" if largest is None else f"{largest:.1f} %",
            ]
        )
    heads = ["no.", "begins with", "watched", "break-up time", "frames", "outcome", "begins at", "largest area"]
    ten = f"<p>At 10 s: {escape(report['clinic']['ten_seconds'])}</p>" if report["recording"]["times_from"] else ""
    return table(heads, rows, texts=(1, 5, 6)) + ten


def _zones(report: dict[str, Any]) -> str:
    heads = ["mean", "largest", "slight to 2 %, moderate to 10 %, severe above"]
    zones = [_severity_row(name, zone) for name, zone in report["zones"].items()]
    eye = report["visit"]["eye"]
    hours = []
    for name, zone in report["clock_hours"].items():
        side = side_of(eye, int(name))
        hours.append(_severity_row(f"{name} o'clock" + (f", {side}" if side else ""), zone))
    return "".join(table([name, *heads], rows, texts=(0, 3)) for name, rows in (("zone", zones), ("sector", hours)))


def _severity_row(name: str, severity: dict[str, Any]) -> list[str]:
    numbers = [severity["mean_percent"], severity["largest_percent"]]
    return [name, *("-" if number is None else f"{number:.2f} %" for number in numbers), severity["severity"] or "-"]


def _pictures(pictures: list[tuple[str, Path]]) -> str:
    if not pictures:
        return ""
    figures = "".join(
        f"<figure>{image(path, caption)}<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, path in pictures
    )
    return section("Break-up in the picture", f'<div class="cases wide">{figures}</div>')


def _classified(recording: dict[str, Any]) -> str:
    """How many frames the classifier saw."""
    readable = recording["frames"] - recording["unreadable_frames"]
    seen = recording["classified_frames"]
    if seen == readable:
        return "Every frame was classified."
    return f"{seen} of {readable} frames were classified; one between two frames of the same class has theirs."


def _method(report: dict[str, Any]) -> str:
    options = report["options"]
    gate = "broken frames only" if options["gate"] else "all open frames, as the paper's Algorithm 1 is printed"
    smooth = f"errors of up to {options['smooth']} frames are dropped" if options["smooth"] else "taken as they are"
    kind = "of a break-up that lasts until " if options["evidence"] else "before "
    source = {"timestamps": "the file's timestamps", "fps": f"{options['fps']} frames a second, as given"}
    clock = source.get(report["recording"]["times_from"], "unknown: times are in frames")
    first = report["break_up_time"]["algorithm_1"]["frames"]
    lines = [
        f"Break-up time: from the last closed frame of a blink to the first broken frame {kind}the next blink.",
        "One time for a recording, the first, as the paper's Algorithm 1 gives it: "
        f"{'none' if first is None else f'{first} frames'}.",
        _classified(report["recording"]),
        f"Classes of frames: {smooth}. Segmented: {gate}. Time: {clock}.",
        "Areas are of the ellipse within the outer ring and the picture. Central lies within the innermost ring, "
        "paracentral reaches to the fifth ring, peripheral to the outermost. Clock hours are as the camera sees them.",
        "Slight, moderate and severe are words for the largest broken part in percent, as the table's head says; "
        "they are no clinical scale.",
        *SHEET_TERMS,
        MEANING,
        f"Rings count as seen beyond doubt from a score of {report['answer']['least_score']:g} and a periodicity of "
        f"{report['answer']['least_periodicity']:g} on. A recording in which fewer than half of the open, sharp frames "
        "show them gets no answer.",
        "The results weren't tested in a clinic.",
    ]
    models = f"<p class='soft'>Models: <code>{escape(report['models'])}</code></p>"
    return bullets(lines) + models
