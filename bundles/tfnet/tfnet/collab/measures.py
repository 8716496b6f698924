# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a clinic reads: break-up times, areas and blinks of a recording, in the field's terms.

Every measure is of an interval after a blink, in seconds; a recording's is the median over its intervals. Intervals
that held are censored (Kaplan and Meier, J Am Stat Assoc 53, 1958). Cells are the 36 parts of the cornea within the
outer ring, three zones by twelve clock hours.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from tfnet.collab.intervals import Interval
from tfnet.collab.rings import HOURS, ZONES

__all__ = [
    "CLINIC_LINE",
    "MEASURES",
    "Course",
    "blinks",
    "censored_median",
    "clinic",
    "interval_measures",
    "is_slow",
    "side_of",
    "ten_seconds",
]

MEASURES = {
    "nikbut_first_s": ("NIKBUT-first", "s"),
    "nikbut_average_s": ("NIKBUT-average", "s"),
    "first_area_percent": ("area of the first break (F-BUA)", "%"),
    "total_area_percent": ("total break-up area (T-BUA)", "%"),
    "growth_percent_per_s": ("growth rate", "%/s"),
}
"""Measures of an interval: their names and units. Percent are of the area within the outer ring and the frame."""

CLINIC_LINE = 10.0
"""Seconds at which TFOS DEWS III (Wolffsohn et al., Am J Ophthalmol 2025) draws the line of NIBUT."""

_LEAST_RATE = 10.0
_CELLS = len(ZONES) * len(HOURS)
_BROKEN_CELL = 0.01
_SEEN_CELL = 0.5
_LEAST_SPAN = 0.3  # seconds over which a growth rate can be told
_LEAST_FRAMES = 5


@dataclass
class Course:
    """How a break-up went on in one interval, frame by frame.

    Attributes:
        onsets: time since the blink at which each cell ``(3, 12)`` was first seen broken; NaN where it wasn't.
        seen: whether a cell lay in the frame.
        times: since the blink, of the segmented broken frames from the break-up on.
        fractions: broken part of the area within the outer ring in them.
    """

    onsets: np.ndarray = field(default_factory=lambda: np.full((len(ZONES), len(HOURS)), np.nan))
    seen: np.ndarray = field(default_factory=lambda: np.zeros((len(ZONES), len(HOURS)), bool))
    times: list[float] = field(default_factory=list)
    fractions: list[float] = field(default_factory=list)

    def see(self, since: float, fraction: float, cells: np.ndarray, areas: np.ndarray, visible: np.ndarray) -> None:
        """Take the next broken frame.

        Args:
            since: time since the blink.
            fraction: broken part of the area within the outer ring.
            cells: broken pixels of each cell.
            areas: pixels of each cell in the frame.
            visible: share of each cell that lies in the frame.
        """
        broken = cells >= np.maximum(_BROKEN_CELL * areas, 1)
        self.onsets[broken] = np.fmin(self.onsets[broken], since)
        self.seen |= visible >= _SEEN_CELL
        self.times.append(since)
        self.fractions.append(fraction)


def interval_measures(interval: Interval, course: Course | None) -> dict[str, Any]:
    """Measures of one interval, in seconds: `MEASURES`, and how many cells broke, held, and until when.

    NIKBUT-average is the mean over the cells that broke. Cells that held until the interval's end are censored: their
    time is longer than that by an unknown amount, and they don't enter the mean. In an interval without a break-up, all
    held.
    """
    found: dict[str, Any] = dict.fromkeys(MEASURES)
    found |= {"cells_broken": 0, "cells_censored": _CELLS, "censored_at_s": _rounded(interval.observed_seconds)}
    if interval.time_in_seconds is None:
        return found
    found["nikbut_first_s"] = _rounded(interval.time_in_seconds)
    if course is None:
        return found
    broken = np.isfinite(course.onsets)
    found["cells_broken"] = int(broken.sum())
    found["cells_censored"] = int((course.seen & ~broken).sum())
    if broken.any():
        found["nikbut_average_s"] = _rounded(float(course.onsets[broken].mean()))
    found["first_area_percent"] = _rounded(100 * course.fractions[0])
    found["total_area_percent"] = _rounded(100 * max(course.fractions))
    if len(course.times) >= _LEAST_FRAMES and course.times[-1] - course.times[0] >= _LEAST_SPAN:
        found["growth_percent_per_s"] = _rounded(100 * float(np.polyfit(course.times, course.fractions, 1)[0]))
    return found


def clinic(
    intervals: Sequence[Interval],
    courses: dict[int, Course],
    names: Sequence[str],
    duration: float | None,
    frame_rate: float | None,
) -> dict[str, Any]:
    """The measures of a recording.

    Args:
        intervals: all of it.
        courses: of intervals in which it broke, by number.
        names: classes of all frames.
        duration: in seconds, or None without a clock, without which nothing is told.
        frame_rate: frames a second, or None if it isn't known; where it `is_slow` no rate of blinks is told.

    Returns:
        ``nikbut_first_s``, see `censored_median`, and where it isn't reached ``nikbut_first_above_s``, how long it held
        at least; the other `MEASURES`, ``cells_broken`` and ``cells_censored``, medians over the intervals after a
        blink that broke; ``intervals``, those after a blink; ``intervals_held``, how many of them were without
        break-up; ``watched_s``, how long each was watched; ``blinks`` and ``blinks_per_minute``; ``cells``, for each
        zone the median time of each clock hour where it broke, None where no break was seen; ``ten_seconds``, a
        sentence.
    """
    chosen = [(number, each) for number, each in enumerate(intervals) if each.after_blink and each.assessable]
    if duration is None:
        chosen = []
    rows = [interval_measures(each, courses.get(number)) for number, each in chosen]
    closures = blinks(names)
    onsets = [courses[number].onsets for number, _ in chosen if number in courses]
    watched = [each.observed_seconds or 0.0 for _, each in chosen]
    first, above = censored_median([row["nikbut_first_s"] for row in rows], watched)
    broke = [row for row in rows if row["nikbut_first_s"] is not None]
    return {
        **{name: _median([row[name] for row in broke]) for name in (*MEASURES, "cells_broken", "cells_censored")},
        "nikbut_first_s": _rounded(first),
        "nikbut_first_above_s": _rounded(above),
        "intervals_held": sum(row["nikbut_first_s"] is None for row in rows),
        "intervals": rows,
        "watched_s": [_rounded(each) for each in watched],
        "blinks": closures,
        "blinks_per_minute": _rounded(60 * closures / duration) if duration and not is_slow(frame_rate) else None,
        "cells": {
            zone: [_median([float(each[row, hour]) for each in onsets]) for hour in range(len(HOURS))]
            for row, zone in enumerate(ZONES)
        },
        "ten_seconds": ten_seconds([row["nikbut_first_s"] for row in rows], watched),
    }


def censored_median(times: Sequence[float | None], watched: Sequence[float]) -> tuple[float | None, float | None]:
    """The median of times of which some are only known to be longer than was watched (Kaplan and Meier, 1958).

    Where nothing is censored it is the ordinary median.

    Args:
        times: to the break, None where there was none.
        watched: how long, of each.

    Returns:
        the median, or None where more than half held; and in that case the longest time watched, which it exceeds.
    """
    share, half = 1.0, None  # the time from which just half hold
    for time in sorted({each for each in times if each is not None}):
        at_risk = sum((seen if each is None else each) >= time for each, seen in zip(times, watched, strict=True))
        share *= 1 - sum(each == time for each in times) / at_risk
        if abs(share - 0.5) < 1e-9:
            half = time
        elif share < 0.5:
            return (time if half is None else (half + time) / 2), None
    return half, max(watched, default=None) if half is None else None


def is_slow(frame_rate: float | None) -> bool:
    """Whether a blink can fall between two frames, at so many a second."""
    return frame_rate is not None and round(frame_rate, 3) < _LEAST_RATE


def blinks(names: Sequence[str]) -> int:
    """How often the eye was closed: runs of closed frames, unreadable ones passed over."""
    return sum(name == "closed" for name, _ in groupby(name for name in names if name != "unreadable"))


def ten_seconds(firsts: Sequence[float | None], watched: Sequence[float]) -> str:
    """Where the break-ups of some intervals lie to the line of 10 s. A sentence about what was seen, and no more."""
    if not firsts:
        return "no interval after a blink was timed, so nothing can be said about 10 s."
    before = sum(first is not None and first < CLINIC_LINE for first in firsts)
    past = sum(
        (first is None and seen >= CLINIC_LINE) or (first is not None and first >= CLINIC_LINE)
        for first, seen in zip(firsts, watched, strict=True)
    )
    short = len(firsts) - before - past
    parts = [(before, "broke before 10 s"), (past, "held to 10 s"), (short, "held, but watched for less than 10 s")]
    told = ", ".join(f"{number} {words}" for number, words in parts if number)
    return f"of {len(firsts)} interval{'s' if len(firsts) > 1 else ''} after a blink, {told}."


def side_of(eye: str | None, hour: int) -> str | None:
    """``nasal`` or ``temporal``: the side of a clock hour as the camera sees it; None at 12 and 6, or without an eye.

    A camera before the patient, not mirrored, has the nose to the right of the right eye (OD).
    """
    if eye is None or hour in (6, 12):
        return None
    return "nasal" if (hour < 6) == (eye == "OD") else "temporal"


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and value == value]
    return _rounded(statistics.median(known)) if known else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 3)
