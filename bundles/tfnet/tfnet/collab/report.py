# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The results of a run: tables, masks, plots, and the report as JSON and as a page."""

from __future__ import annotations

import csv
import json
import os
import shutil
import statistics
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tfnet.classifier import CLASSES
from tfnet.collab.chunks import Chunks
from tfnet.collab.clips import join_clips
from tfnet.collab.frames import Finding
from tfnet.collab.intervals import UNREADABLE, Interval, blink_intervals, first_break_up
from tfnet.collab.measures import Course, clinic
from tfnet.collab.page import write_page
from tfnet.collab.plots import plot_maps, plot_timeline
from tfnet.collab.rings import GRADE_LIMITS, GRADES, HOURS, ZONES, grade
from tfnet.collab.trust import Trust
from tfnet.collab.video import FrameSource
from tfnet.collab.visit import Visit, write_visit

__all__ = ["COLUMNS", "write_results"]

COLUMNS = (
    *("frame", "time_s", "class", "class_unsmoothed", *(f"p_{name}" for name in CLASSES), "interval"),
    *("frames_since_onset", "seconds_since_onset", "ring_score"),
    *(f"{box}_{edge}" for box in ("inside", "middle", "outside") for edge in ("x0", "y0", "x1", "y1")),
    *("area_px", "area_percent", *(f"{zone}_percent" for zone in ZONES), "mask", "classified"),
)
"""Columns of ``frames.csv``. Frames count from 0. Boxes are in pixels of the frame; without rings, and in frames that
weren't searched for them, they are empty. Percentages are of the area within the outer ring, or of a zone. A frame
that isn't ``classified`` lies between two of the same class, which it has; it has no ring score unless it's broken."""

_SHOWN_FRAMES = 10
_SHOWN_PICTURES = 8


class _Parts:
    """Mean and largest broken fraction of some parts over frames.

    Args:
        number: of parts.
    """

    def __init__(self, number: int) -> None:
        self._frames = 0
        self._sum = np.zeros(number)
        self._largest = np.zeros(number)

    def see(self, fractions: np.ndarray) -> None:
        """Take the next frame's."""
        self._frames += 1
        self._sum += fractions
        np.maximum(self._largest, fractions, out=self._largest)

    def severity(self, names: Any) -> dict[str, Any]:
        """Of each part the percentages, and a word for the largest; None without a frame."""
        if not self._frames:
            return {name: {"mean_percent": None, "largest_percent": None, "severity": None} for name in names}
        return {
            name: {"mean_percent": _percent(mean), "largest_percent": _percent(top), "severity": grade(float(top))}
            for name, mean, top in zip(names, self._sum / self._frames, self._largest, strict=True)
        }


@dataclass
class _Sums:
    """What one pass over the findings gathers."""

    times: list[float] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    percents: list[float] = field(default_factory=list)
    classified: int = 0
    changed: int = 0
    early: int = 0
    unreadable: list[int] = field(default_factory=list)
    without_rings: list[int] = field(default_factory=list)
    clipped: list[int] = field(default_factory=list)
    elsewhere: dict[str, list[float]] = field(default_factory=dict)
    largest: dict[int, float] = field(default_factory=dict)
    places: dict[int, dict[str, Any]] = field(default_factory=dict)
    zones: _Parts = field(default_factory=lambda: _Parts(len(ZONES)))
    hours: _Parts = field(default_factory=lambda: _Parts(len(HOURS)))
    courses: dict[int, Course] = field(default_factory=dict)
    trust: Trust = field(default_factory=Trust)

    def onset_map(self, intervals: list[Interval]) -> np.ndarray:
        """Earliest break-up of each cell; over the intervals after a blink, if one of them breaks up."""
        after_blink = any(interval.after_blink and interval.break_up is not None for interval in intervals)
        found = np.full((len(ZONES), len(HOURS)), np.nan)
        for number, course in self.courses.items():
            if intervals[number].after_blink or not after_blink:
                found = np.fmin(found, course.onsets)
        return found


def write_results(
    folder: Path, chunks: Chunks, source: FrameSource, options: dict[str, Any], models: str, visit: Visit | None = None
) -> dict[str, Any]:
    """Write every result into an empty folder.

    Args:
        folder: the folder.
        chunks: all findings.
        source: the recording.
        options: how it was analysed.
        models: what it was analysed with.
        visit: whose recording it is.

    Returns:
        the report, as written to ``report.json``.
    """
    trust = Trust()
    intervals = list(blink_intervals((finding.seen for finding in _seen(chunks, trust)), options["evidence"]))
    answered = not trust.reasons()
    if not answered:
        intervals = []
    sums = _write_table(folder / "frames.csv", chunks, source, intervals, trust)
    report = {**_report(sums, source, intervals, options, models), "visit": asdict(visit or Visit())}
    in_seconds = source.times is not None
    plot_timeline(folder / "timeline.png", sums.times, sums.names, sums.percents, intervals, in_seconds, answered)
    if answered:
        _link_masks(chunks, folder / "masks")
        plot_maps(folder / "heatmap.png", *chunks.map(), sums.onset_map(intervals), in_seconds)
        if options["annotated_video"]:
            clips = [part / "annotated.mp4" for part in chunks.complete()]
            join_clips(clips, _screen_times(source), folder / "annotated.mp4")
    write_page(folder, report, _pictures(chunks, intervals, sums) if answered else [])
    write_visit(folder, [report])
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    return report


def _seen(chunks: Chunks, trust: Trust) -> Iterator[Finding]:
    """All findings, seen on their way by what tells whether there is an answer."""
    for finding in chunks.findings():
        trust.see(finding)
        yield finding


def _write_table(path: Path, chunks: Chunks, source: FrameSource, intervals: list[Interval], trust: Trust) -> _Sums:
    """Write ``frames.csv`` and gather what the report tells; of areas nothing, where there is no answer."""
    sums = _Sums(trust=trust)
    answered = not trust.reasons()
    onsets = [interval.onset for interval in intervals]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        for finding in chunks.findings():
            number = bisect_right(onsets, finding.frame) - 1
            inside = number >= 0 and finding.name != UNREADABLE and finding.frame <= intervals[number].last
            rings = finding.rings if answered else None
            areas = None if rings is None else rings.areas(source.height, source.width)
            writer.writerow(_row(finding, number + 1 if inside else None, areas))
            early = inside and _precedes_break_up(finding, intervals[number])
            if not answered:
                finding = replace(finding, searched=False, fraction=None, clipped=False)
            _gather(sums, finding, areas, number, early)
            if areas is None or rings is None or early or finding.name != "broken" or finding.since is None:
                continue
            since = float(finding.since) if finding.seconds_since is None else finding.seconds_since
            visible = rings.visible(source.height, source.width)
            course = sums.courses.setdefault(number, Course())
            course.see(since, finding.fraction or 0.0, np.asarray(finding.cells), areas, visible)
    return sums


def _precedes_break_up(finding: Finding, interval: Interval) -> bool:
    """Whether a frame stands before its interval's break-up, or in one without."""
    return interval.break_up is None or finding.frame < interval.break_up


def _row(finding: Finding, interval: int | None, areas: np.ndarray | None) -> dict[str, Any]:
    row: dict[str, Any] = {"frame": finding.frame, "class": finding.name, "class_unsmoothed": finding.raw}
    row |= {"interval": interval, "time_s": finding.time, "frames_since_onset": finding.since}
    row |= {
        "seconds_since_onset": finding.seconds_since,
        "ring_score": finding.score,
        "classified": int(finding.classified),
    }
    row |= dict(zip(COLUMNS[4:8], finding.probabilities, strict=False))
    row |= dict(zip(COLUMNS[12:24], [edge for box in finding.boxes for edge in box], strict=False))
    if areas is not None and finding.fraction is not None:
        row |= {"area_px": finding.area, "area_percent": _percent(finding.fraction)}
        row |= {f"{zone}_percent": _percent(part) for zone, part in zip(ZONES, _parts(finding, areas, 1), strict=True)}
        row["mask"] = f"masks/{finding.frame:06d}.png"
    return row


def _parts(finding: Finding, areas: np.ndarray, axis: int) -> np.ndarray:
    """Broken fraction of every zone (``axis=1``) or clock sector (``axis=0``)."""
    whole = areas.sum(axis=axis)
    return np.minimum(np.asarray(finding.cells).sum(axis=axis) / np.maximum(whole, 1), 1)


def _gather(sums: _Sums, finding: Finding, areas: np.ndarray | None, number: int, early: bool) -> None:
    sums.times.append(float(finding.frame) if finding.time is None else finding.time)
    sums.names.append(finding.name)
    sums.percents.append(float("nan") if finding.fraction is None else 100 * finding.fraction)
    sums.classified += finding.classified
    sums.changed += finding.name != finding.raw
    sums.early += early and finding.name == "broken"
    if finding.name == UNREADABLE:
        sums.unreadable.append(finding.frame)
    if finding.searched and finding.fraction is None:
        sums.without_rings.append(finding.frame)
    if finding.clipped:
        sums.clipped.append(finding.frame)
    if areas is None or finding.fraction is None:
        return
    if finding.name != "broken":
        sums.elsewhere.setdefault(finding.name, []).append(finding.fraction)
        return
    sums.zones.see(_parts(finding, areas, 1))
    sums.hours.see(_parts(finding, areas, 0))
    cells = np.asarray(finding.cells)
    sums.largest[number] = max(sums.largest.get(number, 0.0), finding.fraction)
    if early:
        return
    if number not in sums.places and cells.any():
        zone, hour = np.unravel_index(cells.argmax(), cells.shape)
        sums.places[number] = {"frame": finding.frame, "zone": ZONES[zone], "clock_hour": HOURS[hour]}


def _report(
    sums: _Sums, source: FrameSource, intervals: list[Interval], options: dict[str, Any], models: str
) -> dict[str, Any]:
    counts = Counter(sums.names)
    varying = source.frame_rate_range
    clock = "fps" if options["fps"] is not None else "timestamps"
    report: dict[str, Any] = {
        "summary": _summary(counts, intervals, sums.trust.reasons()),
        "answer": sums.trust.as_dict(source.frame_rate),
        "recording": {
            "file": source.path.name,
            "frames": len(source),
            "unreadable_frames": len(sums.unreadable),
            "classified_frames": sums.classified,
            "width": source.width,
            "height": source.height,
            "duration_s": None if source.times is None else _rounded(source.times[-1]),
            "frame_rate": _rounded(source.frame_rate),
            "frame_rate_range": None if varying is None else [_rounded(rate) for rate in varying],
            "times_from": None if source.times is None else clock,
        },
        "frames_by_class": {name: counts[name] for name in CLASSES},
        "break_up_time": _break_up_time(intervals),
        "intervals": [_interval(i, interval, sums) for i, interval in enumerate(intervals)],
        "area": _area(sums),
        "zones": sums.zones.severity(ZONES),
        "clock_hours": sums.hours.severity([str(hour) for hour in HOURS]),
        "severity_limits_percent": dict(zip(GRADES[:-1], (100 * limit for limit in GRADE_LIMITS), strict=True)),
        "break_up_map": _onset_map(sums.onset_map(intervals)),
        "clinic": clinic(
            intervals,
            sums.courses,
            sums.names,
            None if source.times is None or sums.trust.reasons() else float(source.times[-1]),
            source.frame_rate,
        ),
        "options": options,
        "models": models,
    }
    report["notes"] = _notes(sums, source, intervals, options)
    return report


def _summary(counts: Counter[str], intervals: list[Interval], reasons: list[str]) -> str:
    """The outcome in one or two sentences."""
    if reasons:
        return "No answer. " + " ".join(reasons)
    after = [interval for interval in intervals if interval.after_blink and interval.assessable]
    broken = [interval for interval in after if interval.break_up is not None]
    if broken:
        seconds = _median([interval.time_in_seconds for interval in broken])
        found = (
            f"Break-up {_spelled(seconds, _median([interval.time_in_frames for interval in broken]))} after the blink"
        )
        found += f", the median of {len(broken)} intervals." if len(broken) > 1 else "."
        rest = len(after) - len(broken)
        return found + (f" {rest} more without break-up." if rest else "")
    early = first_break_up(intervals)
    if early is not None:
        spelled = _spelled(early.time_in_seconds, early.time_in_frames)
        return f"Break-up {spelled} after the recording's start. No blink was seen before it: the true time is longer."
    longest = max(intervals, key=lambda interval: interval.observed_frames)
    spelled = _spelled(longest.observed_seconds, longest.observed_frames)
    return f"No break-up within {spelled}" + (", the longest interval." if len(intervals) > 1 else ".")


def _spelled(seconds: float | None, frames: float | None) -> str:
    return f"{frames:g} frames" if seconds is None else f"{seconds:.2f} s"


def _break_up_time(intervals: list[Interval]) -> dict[str, Any]:
    after = [interval for interval in intervals if interval.after_blink and interval.assessable]
    broken = [interval for interval in after if interval.break_up is not None]
    first = first_break_up(intervals)
    seconds = [interval.time_in_seconds for interval in broken]
    frames = [interval.time_in_frames for interval in broken]
    return {
        "intervals_after_a_blink": len(after),
        "with_break_up": len(broken),
        "without_break_up": len(after) - len(broken),
        "median_s": _rounded(_median(seconds)),
        "shortest_s": _rounded(min((s for s in seconds if s is not None), default=None)),
        "median_frames": _median(frames),
        "shortest_frames": min((f for f in frames if f is not None), default=None),
        "algorithm_1": {
            "frames": None if first is None else first.time_in_frames,
            "seconds": None if first is None else _rounded(first.time_in_seconds),
        },
    }


def _median(values: list[Any]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _interval(index: int, interval: Interval, sums: _Sums) -> dict[str, Any]:
    return {
        "number": index + 1,
        "onset_frame": interval.onset,
        "onset_s": _rounded(interval.onset_time),
        "last_frame": interval.last,
        "last_s": _rounded(interval.last_time),
        "after_blink": interval.after_blink,
        "before_blink": interval.before_blink,
        "open_frames": interval.frames,
        "assessable_frames": interval.assessable,
        "broken_frames": interval.broken,
        "break_up_frame": interval.break_up,
        "break_up_time_frames": interval.time_in_frames,
        "break_up_time_s": _rounded(interval.time_in_seconds),
        "observed_frames": interval.observed_frames,
        "observed_s": _rounded(interval.observed_seconds),
        "statement": interval.statement,
        "largest_area_percent": None if index not in sums.largest else _percent(sums.largest[index]),
        "begins_at": sums.places.get(index),
    }


def _area(sums: _Sums) -> dict[str, Any]:
    percents = [p for p, name in zip(sums.percents, sums.names, strict=True) if name == "broken" and p == p]
    return {
        "segmented_broken_frames": len(percents),
        "mean_percent": round(statistics.fmean(percents), 3) if percents else None,
        "largest_percent": round(max(percents), 3) if percents else None,
        "mean_percent_in_other_frames": {
            name: _percent(statistics.fmean(values)) for name, values in sorted(sums.elsewhere.items())
        },
    }


def _onset_map(onsets: np.ndarray) -> dict[str, list[float | None]]:
    """Earliest break-up of every zone by clock hour, 1 to 12; None where there was none."""
    return {
        zone: [None if value != value else _rounded(value) for value in row.tolist()]
        for zone, row in zip(ZONES, onsets, strict=True)
    }


def _notes(sums: _Sums, source: FrameSource, intervals: list[Interval], options: dict[str, Any]) -> list[str]:
    """What a reader has to know, a sentence each."""
    notes = list(source.notes)
    if source.times is None:
        notes.append("No frame rate is known, so times are in frames only: give it with --fps.")
    varying = source.frame_rate_range
    if varying is not None:
        notes.append(
            f"The frame rate varies from {varying[0]:.1f} to {varying[1]:.1f} a second: seconds are timestamps."
        )
    if sums.unreadable:
        notes.append(f"{_count(sums.unreadable, 'frame')} can't be read and {_are(sums.unreadable)} left out.")
    notes.extend(sums.trust.notes(source.frame_rate))
    if intervals and not any(interval.after_blink or interval.before_blink for interval in intervals):
        notes.append("No blink was seen: times count from the first frame, and the tear film may be older.")
    elif intervals and not intervals[0].after_blink:
        notes.append("The first interval has no blink before it: its tear film is older than the time given.")
    if sums.without_rings:
        subject = "broken frame" if options["gate"] else "open frame"
        notes.append(f"No rings were found in {_count(sums.without_rings, subject)}: no mask there.")
    if sums.clipped:
        notes.append(
            f"The outer ring leaves the picture in {_count(sums.clipped, 'frame')}: only the part seen counts."
        )
    if sums.changed:
        plural = "s" if sums.changed > 1 else ""
        notes.append(f"Smoothing changed the class of {sums.changed} frame{plural}.")
    if sums.early:
        plural = "s" if sums.early > 1 else ""
        notes.append(f"{sums.early} broken frame{plural} before a lasting break-up, or without one, set no time.")
    if not options["gate"]:
        notes.append("All open frames were segmented; areas, zones and maps are of the broken ones.")
    return notes


def _count(frames: list[int], noun: str) -> str:
    shown = ", ".join(map(str, frames[:_SHOWN_FRAMES])) + (", ..." if len(frames) > _SHOWN_FRAMES else "")
    return f"{len(frames)} {noun}{'s' if len(frames) > 1 else ''} ({shown})"


def _are(frames: list[int]) -> str:
    return "are" if len(frames) > 1 else "is"


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 4)


def _percent(fraction: Any) -> float:
    return round(100 * float(fraction), 3)


def _screen_times(source: FrameSource) -> np.ndarray:
    """When each frame is shown in the annotated video."""
    return np.arange(len(source)) / 25 if source.times is None else source.times


def _link_masks(chunks: Chunks, folder: Path) -> None:
    """Bring the masks of all chunks together; the chunks keep theirs, in case this run is interrupted too."""
    folder.mkdir()
    for part in chunks.complete():
        for mask in sorted((part / "masks").iterdir()):
            try:
                os.link(mask, folder / mask.name)
            except OSError:
                shutil.copyfile(mask, folder / mask.name)


def _pictures(chunks: Chunks, intervals: list[Interval], sums: _Sums) -> list[tuple[str, Path]]:
    """Pictures worth showing, with captions: the beginnings of break-ups, and the largest area."""
    kept = {int(file.stem): file for part in chunks.complete() for file in (part / "pictures").iterdir()}
    chosen: dict[int, str] = {}
    for number, interval in enumerate(intervals, 1):
        if interval.break_up in kept and len(chosen) < _SHOWN_PICTURES - 1:
            chosen[interval.break_up] = f"Interval {number}: {interval.statement}, frame {interval.break_up}"
    if kept:
        largest = max(kept, key=lambda frame: (sums.percents[frame], -frame))
        chosen[largest] = f"Largest break-up: {sums.percents[largest]:.1f} % of the ring area, frame {largest}"
    return [(caption, kept[frame]) for frame, caption in chosen.items()]
