# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The timeline of a recording, and where in the rings the tear film breaks up."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle, Patch, Wedge

from tfnet.classifier import CLASSES
from tfnet.collab.drawing import CLASS_COLOURS
from tfnet.collab.intervals import Interval
from tfnet.collab.rings import HOURS, ZONES

__all__ = ["draw_cells", "plot_maps", "plot_timeline"]

_INK = "#222B36"
_DRAWN_RADII = (0.38, 0.69, 1.0)
"""The zones are drawn evenly wide: the central one would be too small to read."""


def plot_timeline(
    path: Path,
    times: list[float],
    names: list[str],
    percents: list[float],
    intervals: list[Interval],
    in_seconds: bool,
    answered: bool = True,
) -> None:
    """Draw the class of every frame, and below it the break-up area, over time.

    Args:
        path: of the picture.
        times: of the frames, in seconds, or their numbers.
        names: their classes.
        percents: of the area within the outer ring; NaN where it wasn't measured.
        intervals: between the blinks.
        in_seconds: what ``times`` are.
        answered: whether the recording has an answer; without one nothing but the classes is drawn.
    """
    figure = _figure(11, 4.4, left=0.08, right=0.985, bottom=0.12, top=0.88, hspace=0.08)
    strip, area = figure.subplots(2, 1, sharex=True, height_ratios=(1, 5))
    edges = _edges(times)
    place = 0
    for name, run in groupby(names):
        length = len(list(run))
        span = (edges[place], edges[place + length] - edges[place])
        strip.broken_barh([span], (0, 1), color=CLASS_COLOURS[name], linewidth=0)
        if name == "closed":
            area.axvspan(span[0], sum(span), color=CLASS_COLOURS["closed"], alpha=0.25, linewidth=0)
        place += length
    strip.set(yticks=[], ylim=(0, 1))
    shown = [name for name in (*CLASSES, "unreadable") if name in names]
    strip.legend(
        handles=[Patch(color=CLASS_COLOURS[name], label=name) for name in shown],
        loc="lower right",
        bbox_to_anchor=(1, 1.05),
        ncols=5,
        frameon=False,
    )
    strip.set_title("Frames by class, and break-up area", loc="left", fontweight="bold")
    measured = np.asarray(percents)
    area.fill_between(
        times, 0, np.nan_to_num(measured), where=np.isfinite(measured), color=CLASS_COLOURS["broken"], alpha=0.25
    )
    area.plot(times, measured, color=CLASS_COLOURS["broken"], linewidth=1.6, marker="." if len(times) < 80 else None)
    top = float(np.nanmax(measured)) if np.isfinite(measured).any() else 0.0
    area.set(xlim=(edges[0], edges[-1]), ylim=(0, 1.25 * top if top > 0 else 1))
    area.set_ylabel("broken part of the\narea in the outer ring, %")
    area.set_xlabel("time, s" if in_seconds else "frame")
    for interval in intervals:
        _mark_interval(area, interval, in_seconds)
    if top == 0:
        told = "no break-up measured" if answered else "no answer: nothing was measured"
        area.text(0.5, 0.45, told, transform=area.transAxes, ha="center", color="#6B7480")
    _save(figure, path)


def _mark_interval(axes: Axes, interval: Interval, in_seconds: bool) -> None:
    """A line at the break-up with its time since the blink."""
    if interval.break_up is None:
        return
    begin = interval.onset_time if in_seconds else interval.onset
    place = interval.break_up_time if in_seconds else interval.break_up
    assert begin is not None
    assert place is not None
    height = axes.get_ylim()[1]
    axes.axvline(place, color=_INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate("", (place, 0.9 * height), (begin, 0.9 * height), arrowprops={"arrowstyle": "<->", "color": _INK})
    label = f"{interval.time_in_seconds:.2f} s" if in_seconds else f"{interval.time_in_frames} frames"
    text = axes.annotate(label, (place, 0.9 * height), (6, 0), textcoords="offset points", va="center", color=_INK)
    text.set_bbox({"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1})


def plot_maps(path: Path, broken: np.ndarray, seen: np.ndarray, onsets: np.ndarray, in_seconds: bool) -> None:
    """Draw how often each place was broken, and how soon after the blink each part of the rings broke up.

    Args:
        path: of the picture.
        broken: number of broken frames in which each place was broken, on a square grid over the outer ring.
        seen: number of broken frames in which it was seen.
        onsets: earliest break-up of each zone and clock sector ``(3, 12)``, NaN where there was none.
        in_seconds: whether they are in seconds, else in frames.
    """
    figure = _figure(11, 5.2, left=0.03, right=0.95, bottom=0.08, top=0.88, wspace=0.12)
    left, right = figure.subplots(1, 2)
    _draw_frequency(left, broken, seen)
    _draw_onsets(right, onsets, "s" if in_seconds else "frames")
    _save(figure, path)


def _draw_frequency(axes: Axes, broken: np.ndarray, seen: np.ndarray) -> None:
    share = np.full(broken.shape, np.nan)
    np.divide(100 * broken, seen, out=share, where=seen > 0)
    top = max(float(np.nanmax(share)) if (seen > 0).any() else 0.0, 1.0)
    image = axes.imshow(share, extent=(-1, 1, -1, 1), cmap="inferno", vmin=0, vmax=top, interpolation="nearest")
    if not broken.any():
        axes.text(0, 0, "no break-up seen", ha="center", va="center", color="#6B7480")
    for radius in (0.25, 0.5, 0.75):
        axes.add_patch(Circle((0, 0), radius, fill=False, color="white", alpha=0.25, linewidth=0.7))
    _draw_dial(axes)
    axes.set_title("How often each place was broken", fontweight="bold", pad=18)
    _colour_bar(axes, image, "% of the segmented broken frames")


def _draw_onsets(axes: Axes, onsets: np.ndarray, unit: str) -> None:
    known = onsets[np.isfinite(onsets)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    scale = Normalize(low, high if high > low else low + 1)
    image = draw_cells(axes, onsets, unit, scale)
    if not known.size:
        axes.text(0, 0, "no break-up seen", ha="center", va="center", color="#6B7480")
    axes.set_title(f"Earliest break-up of each part, {unit} after the blink", fontweight="bold", pad=18)
    axes.text(0, -1.3, f"from the centre: {', '.join(ZONES)} (not to scale)", ha="center", fontsize=8, color="#6B7480")
    _colour_bar(axes, image, f"{unit} after the blink")


def draw_cells(axes: Axes, onsets: np.ndarray, unit: str, scale: Normalize, size: float = 7.5) -> AxesImage:
    """Draw the time of each zone and clock sector as a coloured dial.

    Args:
        axes: to draw on.
        onsets: ``(3, 12)``, NaN where a cell is left empty.
        unit: ``s`` or ``frames``.
        scale: from times to colours.
        size: of the numbers, in points.

    Returns:
        the scale of colours.
    """
    axes.set_aspect("equal")
    image = axes.imshow([[np.nan]], extent=(-1, 1, -1, 1), cmap="YlOrRd_r", norm=scale)
    inner = 0.0
    for radius, row in zip(_DRAWN_RADII, onsets, strict=True):
        for hour, value in zip(HOURS, row, strict=True):
            middle = 90 - 30 * hour
            has_value = bool(np.isfinite(value))
            colour = image.cmap(scale(value)) if has_value else "#F1F3F5"
            wedge = Wedge(
                (0, 0), radius, middle - 15, middle + 15, width=radius - inner, facecolor=colour, edgecolor="white"
            )
            axes.add_patch(wedge)
            if has_value:
                at = (radius + inner) / 2 if inner else 0.27
                x, y = at * np.cos(np.radians(middle)), at * np.sin(np.radians(middle))
                text = f"{value:.1f}" if unit == "s" else f"{value:.0f}"
                dark = sum(colour[:3]) > 1.7
                axes.text(x, y, text, ha="center", va="center", fontsize=size, color="black" if dark else "white")
        inner = radius
    _draw_dial(axes)
    return image


def _draw_dial(axes: Axes) -> None:
    """The outer ring with the hours of the clock around it."""
    axes.add_patch(Circle((0, 0), 1, fill=False, color=_INK, linewidth=1.2))
    for hour in HOURS:
        angle = np.radians(90 - 30 * hour)
        axes.text(1.1 * np.cos(angle), 1.1 * np.sin(angle), str(hour), ha="center", va="center", fontsize=9, color=_INK)
    axes.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2))
    axes.axis("off")


def _colour_bar(axes: Axes, image: AxesImage, label: str) -> None:
    axes.figure.colorbar(image, ax=axes, shrink=0.75, pad=0.03).set_label(label)


def _edges(times: list[float]) -> np.ndarray:
    """Where the frames' spans begin and end: half-way between them."""
    places = np.asarray(times, dtype=float)
    if len(places) == 1:
        return np.asarray([places[0] - 0.5, places[0] + 0.5])
    middles = (places[1:] + places[:-1]) / 2
    return np.concatenate([[2 * places[0] - middles[0]], middles, [2 * places[-1] - middles[-1]]])


def _figure(width: float, height: float, **margins: float) -> Figure:
    """A figure whose axes lie within margins, as shares of its size: measuring texts for them takes as long again."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    figure.subplots_adjust(**margins)
    return figure


def _save(figure: Figure, path: Path) -> None:
    for axes in figure.axes:
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=110, metadata={"Software": None}, pil_kwargs={"compress_level": 2})
