# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The charts of a run's page, as SVG whose text is text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

__all__ = ["case_chart", "curves", "interval_chart"]

_MARK, _SOFT = "#0072b2", "#9aa7b4"
_LOG_RATIO = 30


def curves(
    lines: Mapping[str, Sequence[tuple[float, float]]], best: Mapping[str, tuple[float, float]], columns: int = 3
) -> str:
    """Curves over epochs, each in its own axes.

    Args:
        lines: points (epoch, value) by name; a positive line of a wide range gets a logarithmic scale.
        best: the point to mark in a line, by name.
        columns: axes beside each other.
    """
    rows = -(-len(lines) // columns)
    chart = Figure(figsize=(10.2, 2.9 * rows), layout="constrained")
    for place, (name, points) in enumerate(lines.items()):
        axes = chart.add_subplot(rows, min(columns, len(lines)), place + 1)
        x, y = zip(*points, strict=True)
        axes.plot(x, y, color=_MARK, marker="." if len(points) < 40 else "", linewidth=1.4)
        if min(y) > 0 and max(y) > _LOG_RATIO * min(y):
            axes.set_yscale("log")
        if name in best:
            epoch, value = best[name]
            axes.plot([epoch], [value], "o", color="#d55e00")
            axes.set_title(f"{name}: best {value:.4g} in epoch {epoch:g}", fontsize=10, loc="left")
        else:
            axes.set_title(name, fontsize=10, loc="left")
        axes.set_xlabel("epoch")
        _plain(axes)
    return _svg(chart)


def interval_chart(scores: Mapping[str, tuple[float, float, float]]) -> str:
    """Means of scores from 0 to 1 with their intervals, below each other.

    Args:
        scores: mean, low and high end by name.
    """
    chart = Figure(figsize=(10.2, 0.6 + 0.27 * len(scores)), layout="constrained")
    axes = chart.add_subplot()
    for place, (mean, low, high) in enumerate(scores.values()):
        axes.plot([low, high], [place, place], color=_SOFT, linewidth=5, solid_capstyle="round")
        axes.plot([mean], [place], "o", color=_MARK, markersize=6)
    axes.set(xlim=(0, 1.005), ylim=(len(scores) - 0.5, -0.5), yticks=range(len(scores)))
    axes.set_yticklabels(scores)
    _plain(axes)
    return _svg(chart)


def case_chart(values: Sequence[float], mean: float, name: str) -> str:
    """The score of every case, from the worst to the best, and the mean."""
    chart = Figure(figsize=(10.2, 2.3), layout="constrained")
    axes = chart.add_subplot()
    few = len(values) <= 60
    axes.plot(range(1, len(values) + 1), values, "o-" if few else "-", color=_MARK, markersize=4, linewidth=1.4)
    axes.axhline(mean, color="#d55e00", linewidth=1, linestyle="--")
    axes.annotate(f"mean {mean:.4g}", (1, mean), textcoords="offset points", xytext=(2, 4), color="#d55e00", fontsize=9)
    axes.set(xlabel="cases, from the worst to the best", ylabel=name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _plain(axes)
    return _svg(chart)


def _plain(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)


def _svg(chart: Figure) -> str:
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "font.family": "sans-serif"}):
        chart.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
