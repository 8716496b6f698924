# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The report as one page that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Any

__all__ = ["write_page"]

_STYLE = """
:root { color-scheme: light; --ink: #222b36; --soft: #6b7480; --line: #dfe3e8; --accent: #d55e00; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; color: var(--ink);
       background: #f5f6f8; margin: 0; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 20px 48px; }
h1 { font-size: 1.6rem; margin: 0 0 2px; }
h2 { font-size: 1.1rem; margin: 0 0 10px; }
.soft { color: var(--soft); }
section { background: white; border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px; margin-top: 16px; }
.summary { border-left: 6px solid var(--accent); font-size: 1.25rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 16px; }
.card { background: white; border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
.card b { display: block; font-size: 1.5rem; line-height: 1.25; }
img { max-width: 100%; height: auto; display: block; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 16px; }
figure { margin: 0; } figcaption { font-size: .85rem; color: var(--soft); margin-top: 4px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: 6px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
ul { margin: 0; padding-left: 20px; } code { font-size: .9em; overflow-wrap: anywhere; }
@media print { body { background: white; } section, .card { break-inside: avoid; } }
"""


def write_page(folder: Path, report: dict[str, Any], pictures: list[tuple[str, Path]]) -> None:
    """Write ``report.html``.

    Args:
        folder: of the results; ``timeline.png`` and ``heatmap.png`` are there.
        report: content of ``report.json``.
        pictures: captions and files of pictures to show.
    """
    name = escape(report["recording"]["file"])
    sections = [
        f'<section class="summary">{escape(report["summary"])}</section>',
        _cards(report),
        _notes(report),
        _section("Over time", _image(folder / "timeline.png", "Class and break-up area of every frame over time")),
        _section("Between the blinks", _intervals(report)),
        _section("Where it breaks up", _image(folder / "heatmap.png", "Maps of break-up in ring coordinates")),
        _section("How severe", _zones(report)),
        _pictures(pictures),
        _section("How to read this", _method(report)),
    ]
    body = "\n".join(part for part in sections if part)
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tear film of {name}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>Tear-film break-up</h1>
<div class="soft">{name} · {escape(_recording(report["recording"]))}</div>
{body}
</main>
</body>
</html>
"""
    (folder / "report.html").write_text(page, encoding="utf-8")


def _recording(recording: dict[str, Any]) -> str:
    words = [f"{recording['frames']} frames", f"{recording['width']}x{recording['height']} pixels"]
    if recording["duration_s"] is not None:
        words.append(f"{recording['duration_s']:.2f} s")
    if recording["frame_rate"] is not None:
        words.append(f"{recording['frame_rate']:.4g} frames/s")
    return " · ".join(words)


def _cards(report: dict[str, Any]) -> str:
    times, area = report["break_up_time"], report["area"]
    unit = "s" if report["recording"]["times_from"] else "frames"
    median = times["median_s"] if unit == "s" else times["median_frames"]
    shortest = times["shortest_s"] if unit == "s" else times["shortest_frames"]
    cards = [
        ("median break-up time", _quantity(median, unit)),
        ("shortest", _quantity(shortest, unit)),
        ("intervals after a blink", str(times["intervals_after_a_blink"])),
        ("of them without break-up", str(times["without_break_up"])),
        ("largest area in the outer ring", _quantity(area["largest_percent"], "%")),
    ]
    return '<div class="cards">' + "".join(f'<div class="card">{n}<b>{v}</b></div>' for n, v in cards) + "</div>"


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return "none"
    digits = {"s": 2, "%": 1, "frames": 0}[unit]
    return f"{value:.{digits}f} {unit}"


def _notes(report: dict[str, Any]) -> str:
    if not report["notes"]:
        return ""
    return _section("Please note", "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in report["notes"]) + "</ul>")


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
        cells = [
            (str(interval["number"]), True),
            ("blink" if interval["after_blink"] else "recording", False),
            (f"{interval['observed_frames']} frames" if span is None else f"{span:.2f} s", True),
            ("" if seconds is None else f"{seconds:.2f} s", True),
            ("" if frames is None else str(frames), True),
            (interval["statement"], False),
            (where, False),
            ("" if largest is None else f"{largest:.1f} %", True),
        ]
        rows.append(cells)
    heads = [
        ("no.", True),
        ("begins with", False),
        ("watched", True),
        ("break-up time", True),
        ("frames", True),
        ("outcome", False),
        ("begins at", False),
        ("largest area", True),
    ]
    return _table(heads, rows)


def _zones(report: dict[str, Any]) -> str:
    heads = [("zone", False), ("mean", True), ("largest", True), ("severity", False)]
    zones = [_severity_row(name, zone) for name, zone in report["zones"].items()]
    hours = [_severity_row(f"{name} o'clock", zone) for name, zone in report["clock_hours"].items()]
    heads_of_hours = [("sector", False), *heads[1:]]
    return _table(heads, zones) + "<br>" + _table(heads_of_hours, hours)


def _severity_row(name: str, severity: dict[str, Any]) -> list[tuple[str, bool]]:
    numbers = [severity["mean_percent"], severity["largest_percent"]]
    shown = [("none" if number is None else f"{number:.2f} %", True) for number in numbers]
    return [(name, False), *shown, (severity["severity"], False)]


def _pictures(pictures: list[tuple[str, Path]]) -> str:
    if not pictures:
        return ""
    figures = [
        f"<figure>{_image(path, caption)}<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, path in pictures
    ]
    return _section("Break-up in the picture", f'<div class="pictures">{"".join(figures)}</div>')


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
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>" + models


def _table(heads: list[tuple[str, bool]], rows: list[list[tuple[str, bool]]]) -> str:
    def line(cells: list[tuple[str, bool]], tag: str) -> str:
        made = (f"<{tag}{' class=n' if is_number else ''}>{escape(text)}</{tag}>" for text, is_number in cells)
        return f"<tr>{''.join(made)}</tr>"

    return f'<div class="wide"><table>{line(heads, "th")}{"".join(line(row, "td") for row in rows)}</table></div>'


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>\n{content}</section>"


def _image(path: Path, alt: str) -> str:
    kind = "jpeg" if path.suffix == ".jpg" else "png"
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{escape(alt)}" src="data:image/{kind};base64,{data}">'
