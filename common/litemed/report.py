# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""One HTML page that shows a run: curves, scores, best and worst cases. It needs no other file and no network."""

from __future__ import annotations

import base64
import csv
import html
import importlib.metadata
import io
import json
import math
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from litemed.files import replacing

__all__ = ["write_report"]

_SHOWN = 3
_SIDE = 480
_PACKAGES = ("litemed", "monai", "torch", "numpy")
_LESS_IS_BETTER = ("hd95", "assd", "error", "violation", "loss")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h2 { border-top: 1px solid #ccc; padding-top: 1rem } svg { max-width: 100%; height: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .15rem .9rem .15rem 0; text-align: right } td:first-child, th:first-child { text-align: left }
tbody tr:nth-child(odd) { background: #f6f6f6 }
.cases { display: flex; flex-wrap: wrap; gap: 1rem } figure { margin: 0; max-width: 20rem }
figure img { max-width: 100% } figcaption { color: #555 } pre { overflow-x: auto; background: #f6f6f6; padding: .6rem }
"""


def write_report(run: str | os.PathLike[str], output: str | os.PathLike[str] | None = None) -> Path:
    """Write ``report.html`` for a folder that a training or an evaluation wrote.

    It shows what it finds in the folder or one level below: ``history.csv`` as curves, ``scores.json`` as a table with
    intervals, ``scores.csv`` as a table of cases, the overlays of the best and the worst cases, and configurations.

    Args:
        run: the run's folder.
        output: the page; ``report.html`` in the run's folder by default.

    Returns:
        path of the page.

    Raises:
        FileNotFoundError: when the folder doesn't exist, or holds neither a history nor scores.
        ValueError: when one of the files is damaged.
    """
    folder = Path(run).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"no run at {folder}")
    sections = [_training(file) for file in _find(folder, "history.csv")]
    sections += [_evaluation(file) for file in _find(folder, "scores.json")]
    if not sections:
        raise FileNotFoundError(f"{folder} holds neither history.csv nor scores.json: is it the folder of a run?")
    sections += [_configuration(file) for file in _find(folder, "config*.json")]
    target = Path(output).expanduser() if output is not None else folder / "report.html"
    with replacing(target) as temporary:
        temporary.write_text(_page(folder.resolve().name, sections), encoding="utf-8")
    return target


def _find(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern)) + sorted(folder.glob(f"*/{pattern}"))


def _page(name: str, sections: Sequence[str]) -> str:
    versions = ", ".join(f"{package} {_version(package)}" for package in _PACKAGES)
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{html.escape(name)}</title><link rel="icon" href="data:,"><style>{_STYLE}</style>
</head>
<body>
<h1>{html.escape(name)}</h1>
<p>{html.escape(versions)}, Python {platform.python_version()}</p>
{"".join(sections)}
</body>
</html>
"""


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as source:
        rows = list(csv.DictReader(source))
    if not rows:
        raise ValueError(f"{file} holds no rows")
    return rows


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def _training(file: Path) -> str:
    """Curves of the loss, the learning rate and each validated score."""
    rows = _rows(file)
    columns = [name for name in rows[0] if name not in ("epoch", "seconds")]
    figure = Figure(figsize=(4.2 * len(columns), 3.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(columns), squeeze=False)[0], columns, strict=True):
        points = [(_number(row["epoch"]), _number(row[name])) for row in rows]
        points = [point for point in points if math.isfinite(point[1])]
        axes.plot(*zip(*points, strict=True), marker="." if len(points) < 30 else "") if points else None
        axes.set(xlabel="epoch", title=name.replace("_", " "))
        axes.grid(alpha=0.3)
    seconds = sum(value for row in rows if math.isfinite(value := _number(row.get("seconds"))))
    return f"<h2>Training</h2>\n<p>{len(rows)} epochs, {seconds / 60:.1f} minutes</p>\n{_svg(figure)}\n"


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()[buffer.getvalue().index("<svg") :]


def _evaluation(file: Path) -> str:
    """The scores with their intervals, the best and worst cases, and all cases."""
    try:
        written = json.loads(file.read_text())
        scores = written["scores"] if "scores" in written else {**written["means"]["all"]}
        scores = {name: row for name, row in scores.items() if isinstance(row, dict)}
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{file} isn't a table of scores: {error!r}") from error
    body = [_score_table(scores)]
    cases = file.with_name("scores.csv")
    if cases.is_file():
        rows = _rows(cases)
        body += [_extremes(rows, next(iter(scores)), file.parent), _case_table(rows)]
    where = "" if file.parent.name == "" else f" ({html.escape(file.parent.name)})"
    return f"<h2>Scores{where}</h2>\n{''.join(body)}"


def _score_table(scores: dict[str, dict[str, Any]]) -> str:
    lines = []
    for name, row in scores.items():
        interval = "" if row.get("low") is None else f"{row['low']:.4f} to {row['high']:.4f}"
        mean = "undefined" if row["mean"] is None else f"{row['mean']:.4f}"
        lines.append([name.replace("_", " "), mean, interval, str(row.get("undefined") or "")])
    return _table(["score", "mean", "95 % interval", "undefined in"], lines)


def _case_table(rows: list[dict[str, str]]) -> str:
    lines = [
        [
            f"{number:.4f}" if math.isfinite(number := _number(value)) and "." in value else value
            for value in row.values()
        ]
        for row in rows
    ]
    table = _table([name.replace("_", " ") for name in rows[0]], lines)
    return f"<details><summary>All {len(rows)} rows</summary>{table}</details>"


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in line)}</tr>\n" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>\n"


def _extremes(rows: list[dict[str, str]], score: str, folder: Path) -> str:
    """Overlays of the cases that score best and worst, where pictures of them were written."""
    pictures = {file.stem.removesuffix("_overlay"): file for file in folder.glob("**/*_overlay.png")}
    shown = [row for row in rows if row["case"] in pictures and math.isfinite(_number(row.get(score)))]
    better = 1 if any(part in score for part in _LESS_IS_BETTER) else -1
    shown.sort(key=lambda row: better * _number(row[score]))
    if not shown:
        return ""
    best, worst = shown[:_SHOWN], shown[max(_SHOWN, len(shown) - _SHOWN) :][::-1]
    return "".join(
        f"<h3>{title} by {html.escape(score)}</h3>\n<div class='cases'>"
        + "".join(_figure(pictures[row["case"]], f"{row['case']}: {_number(row[score]):.4f}") for row in some)
        + "</div>\n"
        for title, some in (("Best", best), ("Worst", worst))
        if some
    )


def _figure(file: Path, caption: str) -> str:
    with Image.open(file) as picture:
        small = picture.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=88)
    data = base64.b64encode(buffer.getvalue()).decode()
    caption = html.escape(caption)
    return (
        f'<figure><img src="data:image/jpeg;base64,{data}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
    )


def _configuration(file: Path) -> str:
    return (
        f"<h2>{html.escape(file.name)}</h2>\n<details><summary>Show</summary>"
        f"<pre>{html.escape(file.read_text())}</pre></details>\n"
    )
