# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How the lids move over time: MRD1 in a video or a series of pictures, without blinks, its slope, and its drop."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from litemed.files import replacing
from litemed.metrics.tables import write_rows
from litemed.pages import bullets, image, page, section, table
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import stats

from tiu_ocular.measurements import Measurements

__all__ = ["DROP_MM", "Course", "course", "write_series"]

DROP_MM = 2.0
"""A fall of MRD1 in sustained upgaze by this much is taken for fatigable ptosis, mm."""

_SMOOTH = 1.0  # seconds over which a level is the median
_BASE = 3.0  # seconds at the start whose median is the baseline
_SCALE = 4.0  # seconds over which the iris that gives the scale is the median
_BLINK = 0.6  # seconds up to which a closure is a blink
_BELOW = 0.6  # share of the usual opening below which lids are closing
_SUSTAINED = 1.0  # seconds for which a drop has to last
_COLOURS = {"right": "#0072b2", "left": "#d55e00", "": "#0072b2"}


@dataclass
class Course:
    """The upper lid of one eye over time.

    Attributes:
        eye: ``"right"``, ``"left"`` or ``""``, the only eye.
        unit: ``"mm"`` or ``"pixel"``.
        seconds: of each picture.
        mrd1: of each picture; None in blinks and where it can't be measured.
        state: of each picture: ``"open"``, ``"blink"``, ``"closed"`` or ``"not measured"``.
        scale: units a pixel, of each picture.
        baseline: median of the first three seconds that are measured.
        slope: change of MRD1 in a minute, by Theil and Sen; None below three values.
        slope_low, slope_high: its 95 % interval.
        drop: largest fall below the baseline, of the median over a second.
        drop_after: seconds from the first picture to a fall of :data:`DROP_MM` that lasts a second; None where there is
            none or lengths are in pixels.
        blinks: how many.
    """

    eye: str
    unit: str
    seconds: list[float]
    mrd1: list[float | None]
    state: list[str]
    scale: list[float | None]
    baseline: float | None = None
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None
    drop: float | None = None
    drop_after: float | None = None
    blinks: int = 0


def course(
    found: Sequence[Measurements | None],
    seconds: Sequence[float],
    eye: str = "",
    spacing: float | None = None,
    iris_mm: float | None = None,
) -> Course:
    """What the upper lid of one eye does over time.

    Lids that are closed, or open by less than 60 % of the eye's usual height, for up to 0.6 s are a blink, with the
    pictures beside it, and for longer ``"closed"``. By the iris, the scale of every picture is that of the median
    diameter over four seconds: a head that comes closer doesn't change it.

    Args:
        found: of each picture the eye's measurements, in pixels, or None where it isn't found.
        seconds: time of each, rising.
        eye: which.
        spacing: side of a pixel in mm.
        iris_mm: instead, diameter of the iris in mm.

    Raises:
        ValueError: when times don't rise or aren't one a picture.
    """
    time = np.asarray(seconds, float)
    if len(time) != len(found) or (np.diff(time) <= 0).any():
        raise ValueError(f"expected a rising time for each of {len(found)} pictures, got {len(time)}")
    rows = [row or {} for row in found]
    pixels = {name: _values(rows, name) for name in ("mrd1", "fissure_height", "iris_diameter")}
    scale = np.full(len(time), 1.0 if spacing is None else spacing)
    if iris_mm is not None:
        scale = iris_mm / _rolling(time, pixels["iris_diameter"], _SCALE)
    state = _states(time, rows, pixels["fissure_height"] / _rolling(time, pixels["iris_diameter"], _SCALE))
    mrd1 = np.where(state == "open", pixels["mrd1"] * scale, np.nan)
    state = np.where((state == "open") & np.isnan(mrd1), "not measured", state)
    unit = "pixel" if spacing is None and iris_mm is None else "mm"
    told = [None if math.isnan(value) else float(value) for value in mrd1]
    scales = [None if math.isnan(value) else float(value) for value in scale]
    result = Course(eye, unit, time.tolist(), told, state.tolist(), scales)
    result.blinks = sum(
        1 for before, now in zip(["open", *result.state], result.state, strict=False) if now == "blink" != before
    )
    known = ~np.isnan(mrd1)
    if not known.any():
        return result
    start = time[known][0]
    result.baseline = float(np.median(mrd1[known & (time <= start + _BASE)]))
    if np.count_nonzero(known) > 2:
        slope, _, low, high = stats.theilslopes(mrd1[known], time[known] / 60)
        result.slope, result.slope_low, result.slope_high = float(slope), float(low), float(high)
    fall = result.baseline - _rolling(time, mrd1, _SMOOTH)
    result.drop = float(np.nanmax(fall[known]))
    if unit == "mm":
        result.drop_after = _first_lasting(time[known] - time[0], fall[known] >= DROP_MM)
    return result


def _values(rows: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    return np.array([math.nan if row.get(name) is None else row[name] for row in rows], float)


def _rolling(time: np.ndarray, values: np.ndarray, span: float) -> np.ndarray:
    """Median of the known values around each time; of the nearest one where none is as near."""
    known = ~np.isnan(values)
    if not known.any():
        return np.full(len(values), math.nan)
    near = np.abs(time[:, None] - time[known]) <= span / 2 + 1e-9
    nearest = np.abs(time[:, None] - time[known]).argmin(1)
    own = values[known]
    return np.array(
        [np.median(own[row]) if row.any() else own[place] for row, place in zip(near, nearest, strict=True)]
    )


def _states(time: np.ndarray, rows: Sequence[Mapping[str, Any]], opening: np.ndarray) -> np.ndarray:
    """Of each picture: open, blink, closed or not measured; ``opening`` in diameters of the iris."""
    usual = np.nanmedian(opening) if not np.isnan(opening).all() else math.nan
    shut = np.array(["no open eye" in row.get("flags", ()) for row in rows], bool)
    missing = np.array([not row for row in rows], bool)
    shut |= opening < _BELOW * _rolling(time, opening, 10 * _SMOOTH) if not math.isnan(usual) else False
    state = np.where(missing, "not measured", "open").astype(object)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (shut | missing).astype(int), [0]])))
    for first, end in edges.reshape(-1, 2):
        before = time[first - 1] if first else time[first]
        after = time[end] if end < len(time) else time[end - 1]
        brief = first > 0 and end < len(time) and after - before <= _BLINK + 2 * float(np.median(np.diff(time)))
        if brief:
            state[max(0, first - 1) : end + 1] = "blink"
        else:
            state[first:end][shut[first:end]] = "closed"
    return state


def _first_lasting(time: np.ndarray, holds: np.ndarray) -> float | None:
    """When something begins to hold for a second, or to the end."""
    for place in np.flatnonzero(holds):
        later = (time >= time[place]) & (time <= time[place] + _SUSTAINED)
        if holds[later].all() and time[-1] - time[place] >= _SUSTAINED:
            return float(time[place])
    return None


def write_series(
    output_dir: Path,
    name: str,
    pictures: Sequence[Mapping[str, Measurements]],
    seconds: Sequence[float],
    spacing: float | None = None,
    iris_mm: float | None = None,
) -> list[Course]:
    """Write ``series.csv``, ``series.json``, ``series.png`` and ``series.html``.

    Args:
        output_dir: folder of the files.
        name: of the video or series, for the page.
        pictures: of each picture, the measurements of its eyes in pixels, see :func:`tiu_ocular.measure_eyes`.
        seconds: time of each picture.
        spacing: side of a pixel in mm.
        iris_mm: instead, diameter of the iris in mm.
    """
    two = sum(len(eyes) == 2 for eyes in pictures) * 2 > len(pictures)
    found = {eye: [eyes.get(eye) for eyes in pictures] for eye in (("right", "left") if two else ("",))}
    courses = [course(rows, seconds, eye, spacing, iris_mm) for eye, rows in found.items()]
    lines: list[dict[str, Any]] = []
    for one, rows in zip(courses, found.values(), strict=True):
        for place, row in enumerate(rows):
            line = {"second": one.seconds[place], "eye": one.eye, "state": one.state[place], "mrd1": one.mrd1[place]}
            is_open = row is not None and one.state[place] == "open"
            for key, factor in (("mrd2", one.scale[place]), ("pfh", one.scale[place]), ("iris_visible_fraction", 1.0)):
                value = row[key] if row is not None and is_open else None
                line[key] = None if value is None or factor is None else value * factor
            lines.append(line)
    write_rows(output_dir / "series.csv", lines, digits=5)
    with replacing(output_dir / "series.json") as temporary:
        temporary.write_text(json.dumps({"name": name, "eyes": [asdict(one) for one in courses]}, indent=4) + "\n")
    with replacing(output_dir / "series.png") as temporary:
        _plot(courses).savefig(temporary, dpi=130)
    with replacing(output_dir / "series.html") as temporary:
        temporary.write_text(_page(name, courses, output_dir / "series.png", iris_mm))
    return courses


def _plot(courses: Sequence[Course]) -> Figure:
    chart = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(chart)
    axes = chart.add_subplot()
    for one in courses:
        colour, title = _COLOURS[one.eye], f"{one.eye} eye".strip()
        time = np.array(one.seconds)
        values = np.array([math.nan if value is None else value for value in one.mrd1], float)
        axes.plot(time, values, ".", color=colour, markersize=4, alpha=0.45)
        if one.baseline is not None:
            smooth = np.where(np.isnan(values), math.nan, _rolling(time, values, _SMOOTH))
            axes.plot(time, smooth, color=colour, linewidth=1.6, label=title)
        if one.drop_after is not None:
            axes.axvline(one.seconds[0] + one.drop_after, color=colour, linestyle="--", linewidth=1)
        for second, state in zip(one.seconds, one.state, strict=True):
            if state in ("blink", "closed"):
                axes.plot([second], [0.02], "|", color=colour, transform=axes.get_xaxis_transform())
    axes.set(xlabel="seconds", ylabel=f"MRD1, {courses[0].unit}")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    return chart


def _page(name: str, courses: Sequence[Course], chart: Path, iris_mm: float | None) -> str:
    unit = courses[0].unit
    heads = ["eye", f"MRD1 at first, {unit}", f"change a minute, {unit}", f"largest fall, {unit}"]
    heads += [f"{DROP_MM:g} mm lower after, s", "blinks", "closed, pictures", "not measured, pictures"]
    lines = []
    for one in courses:
        slope = _number(one.slope)
        if one.slope_low is not None:
            slope += f"\n{one.slope_low:.2f} to {one.slope_high:.2f}"
        cells = [one.eye or "the only one", _number(one.baseline), slope, _number(one.drop)]
        cells += [_number(one.drop_after, "never" if unit == "mm" else "-"), str(one.blinks)]
        lines.append([*cells, *(str(one.state.count(state)) for state in ("closed", "not measured"))])
    notes = [
        "Marks at the foot of the chart: blinks and closed lids, which are left out.",
        "The line is the median over a second; the change a minute is the slope of Theil and Sen, with 95 % interval.",
        "Research and teaching only; not a medical device.",
    ]
    if iris_mm is not None:
        notes.insert(0, f"Lengths in mm by an iris of {iris_mm:g} mm; irises differ between persons by 7 % either way.")
    elif unit == "pixel":
        notes.insert(0, "Lengths in pixels: give --iris_mm 11.7 or --spacing for mm, and for the time to a drop.")
    parts = [table(heads, lines), image(chart, "MRD1 over time"), bullets(notes)]
    return page("Lid over time", name, [section("MRD1", "".join(parts))])


def _number(value: float | None, missing: str = "-") -> str:
    return missing if value is None else f"{value:.2f}"
