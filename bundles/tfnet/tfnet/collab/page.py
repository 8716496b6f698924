# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The report as one page."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from litemed.pages import bullets, image, page, section, table, tiles

__all__ = ["write_page"]


def write_page(folder: Path, report: dict[str, Any], pictures: list[tuple[str, Path]]) -> None:
    """Write ``report.html``.

    Args:
        folder: of the results; ``timeline.png`` and ``heatmap.png`` are there.
        report: content of ``report.json``.
        pictures: captions and files of pictures to show.
    """
    recording = report["recording"]
    sections = [
        f'<div class="summary">{escape(report["summary"])}</div>\n',
        _numbers(report),
        section("Please note", bullets(report["notes"])) if report["notes"] else "",
        section("Over time", image(folder / "timeline.png", "Class and break-up area of every frame over time")),
        section("Between the blinks", _intervals(report)),
        section("Where it breaks up", image(folder / "heatmap.png", "Maps of break-up in ring coordinates")),
        section("How severe", _zones(report)),
        _pictures(pictures),
        section("How to read this", _method(report)),
    ]
    subtitle = f"{recording['file']} · {_recording(recording)}"
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
    times, area = report["break_up_time"], report["area"]
    unit = "s" if report["recording"]["times_from"] else "frames"
    median = times["median_s"] if unit == "s" else times["median_frames"]
    shortest = times["shortest_s"] if unit == "s" else times["shortest_frames"]
    return tiles(
        [
            ("median break-up time", _quantity(median, unit), ""),
            ("shortest", _quantity(shortest, unit), ""),
            ("intervals after a blink", str(times["intervals_after_a_blink"]), ""),
            ("of them without break-up", str(times["without_break_up"]), ""),
            ("largest area in the outer ring", _quantity(area["largest_percent"], "%"), ""),
        ]
    )


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return "none"
    digits = {"s": 2, "%": 1, "frames": 0}[unit]
    return f"{value:.{digits}f} {unit}"


def _intervals(report: dict[str, Any]) -> str:
    if not report["intervals"]:
        return "<p>The eye never opens.</p>"
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
    return table(heads, rows, texts=(1, 5, 6))


def _zones(report: dict[str, Any]) -> str:
    heads = ["mean", "largest", "severity"]
    zones = [_severity_row(name, zone) for name, zone in report["zones"].items()]
    hours = [_severity_row(f"{name} o'clock", zone) for name, zone in report["clock_hours"].items()]
    return "".join(table([name, *heads], rows, texts=(0, 3)) for name, rows in (("zone", zones), ("sector", hours)))


def _severity_row(name: str, severity: dict[str, Any]) -> list[str]:
    numbers = [severity["mean_percent"], severity["largest_percent"]]
    return [name, *("none" if number is None else f"{number:.2f} %" for number in numbers), severity["severity"]]


def _pictures(pictures: list[tuple[str, Path]]) -> str:
    if not pictures:
        return ""
    figures = "".join(
        f"<figure>{image(path, caption)}<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, path in pictures
    )
    return section("Break-up in the picture", f'<div class="cases wide">{figures}</div>')


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
        f"Classes of frames: {smooth}. Segmented: {gate}. Time: {clock}.",
        "Areas are of the ellipse within the outer ring and the picture. Central lies within the innermost ring, "
        "paracentral reaches to the fifth ring, peripheral to the outermost. Clock hours are as the camera sees them.",
        "Severity is a word for the largest broken part: slight up to 2 %, moderate up to 10 %, severe above. "
        "It is no clinical scale.",
        "The models' results are no diagnosis and were not tested in a clinic.",
    ]
    models = f"<p class='soft'>Models: <code>{escape(report['models'])}</code></p>"
    return bullets(lines) + models
