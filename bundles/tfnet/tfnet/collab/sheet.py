# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A visit drawn on one A4 page: both eyes side by side, each term with its meaning and source."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from tfnet.collab.measures import CLINIC_LINE, MEASURES, side_of, ten_seconds
from tfnet.collab.plots import draw_cells
from tfnet.collab.rings import ZONES

__all__ = ["MEANING", "SHEET_TERMS", "draw_sheet"]

_INK, _SOFT, _LINE, _MARK, _HELD = "#1d2733", "#5d6b7a", "#c9d2db", "#d55e00", "#0072b2"
_LEFT, _RIGHT = 0.07, 0.93
_TITLES = {"OD": "OD, right eye", "OS": "OS, left eye", None: "Eye not told"}
_MOST_SHOWN = 3  # recordings in a table
_MOST_BARS = 14
_TABLE_END = 0.683  # of the page's height: below it is the map

MEANING = (
    "TFOS DEWS III takes a NIBUT below 10 s as one sign that counts only together with symptoms (OSDI-6 of 4 or more), "
    "and beside osmolarity. By itself a time on either side of 10 s says nothing of a disease. One recording repeats "
    "within 15 s, the mean of three within 10 s (below 10 s: 7.0 and 4.6 s): three an eye are the custom."
)
SHEET_TERMS = (
    "NIKBUT-first: seconds from the last closed frame of a blink to the first frame in which the film breaks and stays "
    "broken [1]. NIKBUT-average: mean over the cells that broke; cells that held are censored, i.e. longer than they "
    "were watched, and not in the mean [1]. Cells: 36 parts within the outer ring, three zones by twelve clock hours.",
    "Defined here: F-BUA and T-BUA, part of the area within the outer ring that is broken in the first broken frame, "
    "and at most to the next blink; growth rate, slope of that area over time by least squares, from 5 frames over "
    ".3 s on; blinks, closures of the eye a minute of the recording, from 10 frames a second on.",
    "A recording's NIKBUT-first is the median over its intervals after a blink, those that held censored [2]: > x "
    "where it isn't reached; its other values are medians over the intervals that broke. An eye's are the mean and "
    "standard deviation (SD) over the recordings whose value is known. Nasal and temporal hold for an upright picture "
    "of a camera that faces the patient and doesn't mirror.",
    "Sources: [1] Tong et al., Transl Vis Sci Technol 2019;8(5):30. [2] Kaplan and Meier, J Am Stat Assoc 1958;53:457. "
    "Line of 10 s and repeatability: Wolffsohn et al., TFOS DEWS III Diagnostic Methodology, Am J Ophthalmol 2025. "
    "Frames and areas are read by networks (Wan et al., TF-Net).",
)
_FOOT = "For research and teaching; not a medical device. The numbers tell what the camera saw and name no condition."


def draw_sheet(figure: Figure, visit: dict[str, Any]) -> None:
    """Draw what `tfnet.collab.visit.visit_of` gives on a figure of A4's size."""
    eyes = visit["eyes"]
    # OD stands to the left, as the eyes are seen by who faces the patient
    places = [eye for eye in ("OD", "OS", None) if eye in eyes] or [None]
    if places in (["OD"], ["OS"]):
        places = ["OD", "OS"]
    places = places[:2] if len(places) < 3 else places
    figure.text(_LEFT, 0.962, "Tear-film break-up by reflected rings", fontsize=16, fontweight="bold", color=_INK)
    _draw_fields(figure, visit["visit"])
    width = (_RIGHT - _LEFT - 0.03 * (len(places) - 1)) / len(places)
    for number, eye in enumerate(places):
        _draw_eye(figure, eye, eyes.get(eye), _LEFT + number * (width + 0.03), width)
    _draw_time(figure, eyes)
    top = _paragraph(figure, 0.272, "At 10 s", _ten(eyes), 8.2, bold=True)
    top = _paragraph(figure, top - 0.002, "What the line means", [MEANING], 7.4)
    top = _paragraph(figure, top - 0.004, "Terms", list(SHEET_TERMS), 6.6)
    figure.text(_LEFT, 0.022, _FOOT, fontsize=6.6, color=_SOFT)
    models = sorted({each["models"] for eye in eyes.values() for each in eye["recordings"]})
    figure.text(_LEFT, 0.011, _cut("; ".join(models), 150), fontsize=5, color=_SOFT)


def _draw_fields(figure: Figure, fields: dict[str, str]) -> None:
    """Code, date, device and operator, with a line to write on where one isn't given."""
    width = (_RIGHT - _LEFT) / 4
    for number, (name, text) in enumerate(fields.items()):
        x = _LEFT + number * width
        figure.text(x, 0.946, name, fontsize=7, color=_SOFT, va="top")
        figure.text(x, 0.933, _cut(text, 34), fontsize=9 if len(text) < 26 else 7, color=_INK, va="top")
        figure.add_artist(Line2D([x, x + width - 0.02], [0.919, 0.919], color=_LINE, linewidth=0.8))


def _draw_eye(figure: Figure, eye: str | None, data: dict[str, Any] | None, x: float, width: float) -> None:
    figure.text(x, 0.897, _TITLES[eye], fontsize=12, fontweight="bold", color=_INK, va="bottom")
    if data is None:
        figure.text(x, 0.88, "not recorded", fontsize=9, color=_SOFT, va="top")
        return
    recordings = data["recordings"]
    number = len(recordings)
    told = f"{number} recording{'s' if number > 1 else ''}"
    refused = number - data["answered"]
    told += f", {_MOST_SHOWN} shown" if number > _MOST_SHOWN else ""
    told += f", {refused} without an answer" if refused else ""
    figure.text(x + width, 0.898, told, fontsize=6.6, color=_MARK if refused else _SOFT, va="bottom", ha="right")
    top = 0.885
    for place, report in enumerate(recordings, 1):
        for reason in report["answer"]["reasons"][:1]:
            lines = textwrap.wrap(f"No answer to {place}: {reason}", round(150 * width))[:4]
            figure.text(x, top, "\n".join(lines), fontsize=7, color=_MARK, va="top", linespacing=1.25)
            top -= 0.0112 * len(lines) + 0.002
            break
        if top < 0.84:
            break
    if data["answered"]:
        _draw_table(figure, data, x, width, top)
        _draw_map(figure, eye, data, x, width)


def _draw_table(figure: Figure, data: dict[str, Any], x: float, width: float, top: float) -> None:
    """Mean, standard deviation and each recording of every measure."""
    recordings = data["recordings"]
    single = len(recordings) == 1
    shown = [] if single else list(range(min(len(recordings), _MOST_SHOWN)))
    heads = ["value"] if single else ["mean", "SD", *(f"no. {place + 1}" for place in shown)]
    step = 0.047 if width < 0.5 else 0.075
    rights = [x + width - step * (len(heads) - 1 - place) for place in range(len(heads))]
    y = top - 0.006
    for right, head in zip(rights, heads, strict=True):
        figure.text(right, y, head, fontsize=7, color=_SOFT, ha="right", va="top")
    y -= 0.014
    units = {**MEASURES, "blinks_per_minute": ("blinks", "/min")}
    for name, (title, unit) in units.items():
        row = data["measures"][name]
        each = [_number(*value) for value in zip(row["values"], row["above"], strict=True)]
        cells = each if single else [_number(row["mean"]), _number(row["sd"]), *(each[place] for place in shown)]
        is_main = name.startswith("nikbut")
        words = title.replace("area of the first break", "first break").replace("total break-up area", "total area")
        figure.text(x, y, f"{words}, {unit}", fontsize=8, color=_INK, va="top", fontweight="bold" if is_main else None)
        for place, (right, cell) in enumerate(zip(rights, cells, strict=True)):
            bold = "bold" if is_main and place == 0 else None
            figure.text(right, y, cell, fontsize=8, color=_INK, ha="right", va="top", fontweight=bold)
        y -= 0.0152
    lines = [(_censored(place, report, single), _SOFT) for place, report in enumerate(recordings[:_MOST_SHOWN], 1)]
    lines += [(_noted(place, report, single), _MARK) for place, report in enumerate(recordings[:_MOST_SHOWN], 1)]
    for line, colour in [line for line in lines if line[0]]:
        wrapped = textwrap.wrap(line, round(165 * width))
        if y - 0.0098 * len(wrapped) < _TABLE_END:
            figure.text(x, y, "more in report.html", fontsize=6.6, color=_SOFT, va="top")
            break
        figure.text(x, y, "\n".join(wrapped), fontsize=6.6, color=colour, va="top", linespacing=1.2)
        y -= 0.0098 * len(wrapped) + 0.001


def _censored(place: int, report: dict[str, Any], single: bool) -> str:
    """How many cells and intervals held, and until when."""
    if not report["answer"]["given"]:
        return ""
    rows = report["clinic"]["intervals"]
    parts = [
        (
            f"{row['cells_broken']} of {row['cells_broken'] + row['cells_censored']} cells broke, the others held to "
            f"{row['censored_at_s']:.1f} s"
            if row["nikbut_first_s"] is not None
            else f"no break within {row['censored_at_s']:.1f} s"
        )
        for row in rows[:3]
    ]
    rest = f"; and {len(rows) - 3} more" if len(rows) > 3 else ""
    return ("" if single else f"No. {place}: ") + ("; ".join(parts) + rest if parts else "no interval after a blink")


def _noted(place: int, report: dict[str, Any], single: bool) -> str:
    """What makes an answer less certain."""
    notes = " ".join(report["answer"]["notes"]) if report["answer"]["given"] else ""
    return notes if single or not notes else f"No. {place}: {notes}"


def _draw_map(figure: Figure, eye: str | None, data: dict[str, Any], x: float, width: float) -> None:
    """Median break-up time of each cell over the recordings."""
    cells = [
        [[np.nan if each is None else each for each in report["clinic"]["cells"][zone]] for zone in ZONES]
        for report in data["recordings"]
        if report["answer"]["given"]
    ]
    stack = np.asarray(cells, dtype=float)
    known = np.isfinite(stack).any(axis=0)
    onsets = np.full(known.shape, np.nan)
    onsets[known] = np.nanmedian(stack[:, known], axis=0)
    axes = figure.add_axes((x, 0.497, width, 0.168))
    draw_cells(axes, onsets, "s", Normalize(0, max(CLINIC_LINE, float(np.nanmax(onsets)) if known.any() else 0)), 5.6)
    axes.set(xlim=(-1.45, 1.45), ylim=(-1.2, 1.3))
    axes.set_title("median seconds to the break of each cell; empty: no break seen", fontsize=6.6, color=_SOFT, pad=0)
    for hour, place, align in ((9, -1.2, "right"), (3, 1.2, "left")):
        side = side_of(eye, hour)
        if side:
            axes.text(place, 0, side, ha=align, va="center", fontsize=8, color=_INK)


def _draw_time(figure: Figure, eyes: dict[str | None, Any]) -> None:
    """Each interval as a bar as long as it was watched, with its break, and the line at 10 s."""
    axes: Axes = figure.add_axes((_LEFT + 0.13, 0.315, _RIGHT - _LEFT - 0.13, 0.15))
    of_eyes = [
        [
            (eye, place, number, row)
            for place, report in enumerate(data["recordings"], 1)
            if report["answer"]["given"]
            for number, row in enumerate(report["clinic"]["intervals"], 1)
            if row["censored_at_s"] is not None
        ]
        for eye, data in eyes.items()
    ]
    bars = [bar for own in of_eyes for bar in own[: _MOST_BARS // len(of_eyes)]]
    left_out = sum(map(len, of_eyes)) - len(bars)
    reach = max([CLINIC_LINE * 1.15, *(1.22 * row["censored_at_s"] for *_, row in bars)])
    for y, (eye, place, number, row) in enumerate(bars):
        first, watched = row["nikbut_first_s"], row["censored_at_s"]
        axes.add_patch(Rectangle((0, y - 0.3), watched if first is None else first, 0.6, color=_HELD, alpha=0.55, lw=0))
        if first is not None:
            axes.add_patch(Rectangle((first, y - 0.3), watched - first, 0.6, color=_MARK, alpha=0.35, lw=0))
            axes.plot([first, first], [y - 0.42, y + 0.42], color=_MARK, linewidth=1.8)
        axes.text(
            -0.012 * reach, y, f"{eye or 'eye'} no. {place}, interval {number}", ha="right", va="center", fontsize=6.5
        )
        told = f"broke at {first:.2f} s" if first is not None else f"held for {watched:.2f} s"
        axes.text(watched + 0.006 * reach, y, told, va="center", fontsize=6.5, color=_INK)
    if not bars:
        clocks = [report["recording"]["duration_s"] for data in eyes.values() for report in data["recordings"]]
        told = "no interval after a blink was timed" if any(clocks) else "no frame rate is known, so no time is told"
        axes.text(0.5 * reach, 0, told, ha="center", va="center", fontsize=8, color=_SOFT)
    axes.axvline(CLINIC_LINE, color=_INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set(xlim=(0, reach), ylim=(max(len(bars), 3) - 0.3, -0.7), yticks=[])
    axes.set_xlabel(
        "seconds after the blink" + (f" ({left_out} more intervals in report.html)" if left_out else ""), fontsize=7
    )
    axes.tick_params(labelsize=7)
    axes.set_title(
        "Intervals between blinks: blue held, orange broken, dashed 10 s", fontsize=8, loc="left", color=_INK, pad=4
    )
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _ten(eyes: dict[str | None, Any]) -> list[str]:
    """What the intervals of each eye say about 10 s."""
    lines = []
    for eye, data in eyes.items():
        rows = [
            row for report in data["recordings"] if report["answer"]["given"] for row in report["clinic"]["intervals"]
        ]
        if data["answered"]:
            told = ten_seconds([row["nikbut_first_s"] for row in rows], [row["censored_at_s"] or 0 for row in rows])
            lines.append(told if eye is None else f"{eye}: {told}")
    return lines or ["No recording has an answer."]


def _paragraph(figure: Figure, top: float, title: str, texts: list[str], size: float, bold: bool = False) -> float:
    """A heading with its text, over the page's width; gives where it ends."""
    figure.text(_LEFT, top, title, fontsize=8.5, fontweight="bold", color=_INK, va="top")
    y = top - 0.0135
    for text in texts:
        lines = textwrap.wrap(text, round(985 / size))
        figure.text(_LEFT, y, "\n".join(lines), fontsize=size, color=_INK if bold else _SOFT, va="top", linespacing=1.2)
        y -= len(lines) * size * 1.2 / 842 + 0.0022
    return y


def _number(value: float | None, above: float | None = None) -> str:
    if value is None:
        return "-" if above is None else f"> {above:.1f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
