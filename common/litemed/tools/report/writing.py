# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The page of a run, from what lies in its folder."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from litemed.files import replacing
from litemed.metrics.tables import read_rows
from litemed.pages import details, figure, page, table, tiles
from litemed.tools.report.charts import case_chart, curves, interval_chart
from litemed.tools.report.scores import Scores, less_is_better, number, read_scores
from litemed.tools.report.settings import command_line, read_configuration, read_run, tunables

__all__ = ["write_report"]

_SHOWN = 3
_MOST_SHOWN = 12
_PACKAGES = ("litemed", "monai", "torch", "numpy")


def write_report(run: str | os.PathLike[str], output: str | os.PathLike[str] | None = None) -> Path:
    """Write ``report.html`` for a folder that a training, an evaluation or a segmentation wrote.

    It shows what it finds in the folder or one level below: ``history.csv`` as curves, ``scores.json`` as scores with
    intervals, by class and by case, the overlays of the best and the worst cases, and from ``run.json`` the command,
    the configuration and the versions, and what was segmented from what by which weights.

    Args:
        run: the run's folder.
        output: the page; ``report.html`` in the run's folder by default.

    Returns:
        path of the page.

    Raises:
        FileNotFoundError: when the folder doesn't exist, or holds neither a history, nor scores, nor a run's results.
        ValueError: when one of the files is damaged, or the page would replace a result.
    """
    folder = Path(run).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"no run at {folder}")
    sections = [_training(file) for file in _find(folder, "history.csv")]
    sections += [_evaluation(file, folder) for file in _find(folder, "scores.json")]
    records = _find(folder, "run.json")
    sections += [_segmented(file, folder) for file in records if read_run(file).get("results")]
    if not sections:
        raise FileNotFoundError(
            f"{folder} holds neither history.csv, nor scores.json, nor results in run.json: is it the folder of a run?"
        )
    sections += [_record(file, folder) for file in records]
    sections += [_tracked(file) for file in _find(folder, "config_*.json")]
    target = Path(output).expanduser() if output is not None else folder / "report.html"
    if any(target == file.parent / name for file in records for name in _results(file)):
        raise ValueError(f"{target} is a result of the run itself: give another name for the page")
    with replacing(target) as temporary:
        temporary.write_text(page(folder.resolve().name, _subtitle(records), sections), encoding="utf-8")
    return target


def _results(file: Path) -> list[str]:
    """The names of all files that a run's record lists."""
    return [name for each in read_run(file).get("results", {}).values() for name in each.get("files", [])]


def _find(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern)) + sorted(folder.glob(f"*/{pattern}"))


def _subtitle(records: Sequence[Path]) -> str:
    """When and with which versions the run was made; where it didn't tell, with which the page was."""
    if records:
        run = read_run(records[0])
        return f"{run.get('time', '')} · {_versions(run.get('versions', {}))}"
    here = {package: _installed(package) for package in _PACKAGES}
    return f"page written with {_versions({'python': platform.python_version(), **here})}"


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{package} {version}" for package, version in versions.items())


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _heading(name: str, file: Path, folder: Path) -> str:
    """The name of a section, with the part of the run it is from."""
    part = "" if file.parent == folder else f" <small>{escape(file.parent.name)}</small>"
    return f"<h2>{escape(name)}{part}</h2>\n"


def _training(file: Path) -> str:
    """Curves of the loss, the learning rate and each validated score."""
    rows = read_rows(file)
    names = [name for name in rows[0] if name not in ("epoch", "seconds")]
    names.sort(key=lambda name: (name == "learning_rate", name != "loss"))
    lines: dict[str, list[tuple[float, float]]] = {}
    best: dict[str, tuple[float, float]] = {}
    for name in names:
        points = [(number(row["epoch"]), number(row[name])) for row in rows]
        points = [point for point in points if math.isfinite(point[1])]
        if not points:
            continue
        lines[name.replace("_", " ")] = points
        if name not in ("loss", "learning_rate"):
            choose = min if less_is_better(name) else max
            best[name.replace("_", " ")] = choose(points, key=lambda point: point[1])
    seconds = sum(value for row in rows if math.isfinite(value := number(row.get("seconds"))))
    facts = [(name, f"{value:.4g}", f"best, in epoch {epoch:g}") for name, (epoch, value) in best.items()]
    facts += [("epochs", str(len(rows)), f"{seconds / len(rows):.2g} s each"), ("time", _duration(seconds), "")]
    return f"<h2>Training</h2>\n{tiles(facts)}{curves(lines, best)}\n"


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.1f} min"


def _evaluation(file: Path, folder: Path) -> str:
    """The scores with their intervals, by class and by case, and the best and worst cases."""
    scores = read_scores(file)
    grouped = {id(row) for group in scores.groups.values() for row in group.values()}
    single = {name: row for name, row in scores.overall.items() if id(row) not in grouped}
    first = [(name.replace("_", " "), _mean(row), _interval(row)) for name, row in list(scores.overall.items())[:1]]
    body = [tiles([*first, ("cases", str(scores.cases), "")]), "<p class='soft'>Means over cases; below them, "]
    body.append("or as bars, their bootstrap 95 % intervals.</p>\n")
    good = {name: row for name, row in scores.overall.items() if _is_share(row) and not less_is_better(name)}
    within = {name.replace("_", " "): _ends(row) for name, row in good.items()}
    if within:
        body.append(interval_chart(within))
    if scores.groups:
        body += ["<h3>By class or region</h3>\n", _group_table(scores.groups)]
    if single:
        title = "<h3>Other scores</h3>\n" if scores.groups else "<h3>Scores</h3>\n"
        heads = ["score", "mean", "95 % interval", "undefined in"]
        lines = [
            [name.replace("_", " "), _mean(row), _interval(row), str(row.get("undefined") or "")]
            for name, row in single.items()
        ]
        shown = 4 if any(line[3] for line in lines) else 3
        body += [title, table(heads[:shown], [line[:shown] for line in lines])]
    if scores.rows:
        body += [_cases(scores), _extremes(scores, file.parent), _case_table(scores.rows)]
    return _heading("Evaluation", file, folder) + "".join(body)


def _group_table(groups: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Groups below each other and their scores beside each other; the other way round where these are many."""
    measures = list(dict.fromkeys(name for group in groups.values() for name in group))
    titles = [name.replace("_", " ") for name in measures]
    lines = [[_both(group.get(each)) for each in measures] for group in groups.values()]
    if len(measures) > max(6, len(groups)):
        columns = zip(*lines, strict=True)
        return table(["", *groups], [[title, *column] for title, column in zip(titles, columns, strict=True)])
    return table(["", *titles], [[name, *line] for name, line in zip(groups, lines, strict=True)])


def _is_share(row: dict[str, Any]) -> bool:
    ends = (row["mean"], row.get("low"), row.get("high"))
    return all(isinstance(end, (int, float)) and 0 <= end <= 1 for end in ends) and row["high"] > row["low"]


def _ends(row: dict[str, Any]) -> tuple[float, float, float]:
    return row["mean"], row["low"], row["high"]


def _mean(row: dict[str, Any]) -> str:
    return "undefined" if row["mean"] is None else _short(row["mean"])


def _interval(row: dict[str, Any]) -> str:
    return "" if row.get("low") is None else f"{_short(row['low'])} to {_short(row['high'])}"


def _both(row: dict[str, Any] | None) -> str:
    return "" if row is None else f"{_mean(row)}\n{_interval(row)}"


def _short(value: float) -> str:
    """Four digits behind the point, fewer for large numbers."""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.4g}"


def _cases(scores: Scores) -> str:
    ranked = scores.ranked()
    if len(ranked) < 2:
        return ""
    values = [value for _, value in ranked]
    chart = case_chart(values, sum(values) / len(values), scores.key.replace("_", " "))
    return f"<h3>Cases</h3>\n{chart}\n"


def _extremes(scores: Scores, folder: Path) -> str:
    """Overlays of the cases that score best and worst, where pictures of them were written."""
    pictures = {file.stem.removesuffix("_overlay"): file for file in folder.glob("**/*_overlay.png")}
    shown = [(case, value) for case, value in reversed(scores.ranked()) if case in pictures]
    best, worst = shown[:_SHOWN], shown[max(_SHOWN, len(shown) - _SHOWN) :][::-1]
    parts = []
    for title, some in (("Best", best), ("Worst", worst)):
        figures = [figure(pictures[case], f"{case}: {value:.4f}") for case, value in some]
        if figures:
            wide = " wide" if all(is_wide for _, is_wide in figures) else ""
            body = "".join(html for html, _ in figures)
            parts.append(f"<h3>{title} by {escape(scores.key)}</h3>\n<div class='cases{wide}'>{body}</div>\n")
    return "".join(parts)


def _case_table(rows: list[dict[str, str]]) -> str:
    lines = [
        [
            _short(value) if "." in text and math.isfinite(value := number(text)) else text
            for text in (cell or "" for cell in row.values())
        ]
        for row in rows
    ]
    return details(f"All {len(rows)} rows", table([name.replace("_", " ") for name in rows[0]], lines))


def _segmented(file: Path, folder: Path) -> str:
    """What was segmented: overlays, sizes, seconds and warnings of each image, the weights and the inputs' hashes."""
    results = read_run(file)["results"]
    lines, figures, hashes = [], [], []
    for image, each in results.items():
        source, weights = each.get("input", {}), each.get("weights", {})
        sides = " x ".join(map(str, source.get("size") or source.get("shape") or []))
        spacing = " x ".join(f"{value:g}" for value in source.get("spacing_mm") or [])
        size = f"{sides}, {spacing} mm" if spacing else sides
        warnings = "; ".join(each.get("warnings", []))
        lines.append([Path(image).name, size, str(each.get("seconds", "")), each.get("bundle", ""), warnings])
        files = ", ".join(f"{name} {found}" for name, found in weights.get("files", {}).items())
        used = weights.get("sha256") or files or weights.get("path", "")
        hashes.append([Path(image).name, source.get("sha256", ""), used])
        overlays = [file.parent / name for name in each.get("files", []) if name.endswith("_overlay.png")]
        figures += [figure(path, Path(image).name)[0] for path in overlays[:1] if path.is_file()]
    body = table(["image", "size", "seconds", "bundle", "warnings"], lines)
    body += f"<div class='cases'>{''.join(figures[:_MOST_SHOWN])}</div>\n"
    body += details("SHA-256 of inputs and weights", table(["image", "input", "weights"], hashes))
    return _heading("Segmented", file, folder) + body


def _record(file: Path, folder: Path) -> str:
    """Command, tunables, the whole configuration, computer and versions."""
    run = read_run(file)
    body = [f"<pre>{escape(command_line(run['command']))}</pre>\n"]
    found = read_configuration(run)
    if found is not None:
        configuration, given = found
        lines = [[key, value, "given" if key in given else ""] for key, value in tunables(configuration).items()]
        body.append(details(f"{len(lines)} settings", table(["setting", "value", ""], lines)))
        text = json.dumps(configuration, indent=4)
        body.append(details("The whole configuration", f"<pre>{escape(text)}</pre>"))
    computer = {name: str(value) for name, value in run.get("computer", {}).items() if value is not None}
    facts = [*computer.items(), *run.get("versions", {}).items()]
    body.append(details("Computer and versions", table(["", ""], [list(map(str, fact)) for fact in facts])))
    return _heading("How it was made", file, folder) + "".join(body)


def _tracked(file: Path) -> str:
    """A configuration that experiment tracking kept."""
    return details(file.name, f"<pre>{escape(file.read_text())}</pre>")
