# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The experiment's tables and plots, from the scores of its cells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from litemed.datasets.files import Case
from litemed.files import replacing
from litemed.metrics.tables import read_rows, summarise, write_json, write_rows
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import stats
from tiu_ocular.regions import REGIONS

__all__ = ["Cell", "Scores", "average", "compare", "read_scores", "write_tables"]

Scores = dict[str, dict[str, dict[str, float]]]
"""Values by domain (``"public"``, ``"clinical"``), by score and by case."""

Subjects = Mapping[str, Mapping[str, str]]

_LABELS = {"unet": "UNet", "fcn": "FCN", "unetr": "UNETR", "ce": "CE", "dice": "Dice", "dice_ce": "CE+Dice"}
_COLOURS = {"ce": "#0072b2", "dice": "#d55e00", "dice_ce": "#009e73"}
_STYLES = {"none": "--", "mean": "-", "relative": ":"}


@dataclass(frozen=True, order=True)
class Cell:
    """One training of the experiment; ``tiu`` is ``"none"``, or how its maps are pooled: see `build_loss`."""

    architecture: str
    pixel_loss: str
    tiu: str
    fraction: float
    seed: int

    @property
    def loss(self) -> str:
        """As the paper's tables call it."""
        return _LABELS[self.pixel_loss] + {"none": "", "mean": "+TIU"}.get(self.tiu, f"+TIU, {self.tiu}")

    @property
    def name(self) -> str:
        """Of its folder."""
        tiu = {"none": "", "mean": "_tiu"}.get(self.tiu, f"_tiu-{self.tiu}")
        return f"{self.architecture}_{self.pixel_loss}{tiu}_{100 * self.fraction:g}_seed{self.seed}"


def read_scores(folder: Path) -> Scores:
    """The scores of every case in each domain that a cell was tested on."""
    scores: Scores = {}
    for domain in ("public", "clinical"):
        path = folder / domain / "scores.csv"
        if path.exists():
            rows = read_rows(path)
            names = [name for name in rows[0] if name != "case"]
            scores[domain] = {name: {row["case"]: float(row[name] or "nan") for row in rows} for name in names}
    return scores


def average(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each case over runs of the same cases; a run in which a case is undefined doesn't count for it.

    Raises:
        ValueError: when the runs don't have the same cases.
    """
    if any(run.keys() != runs[0].keys() for run in runs):
        raise ValueError("the runs were tested on different cases")
    means = {}
    for case in runs[0]:
        values = [run[case] for run in runs if not math.isnan(run[case])]
        means[case] = sum(values) / len(values) if values else math.nan
    return means


def _interval(values: Mapping[str, float], subjects: Mapping[str, str]) -> dict[str, float]:
    """Mean and ends of its interval by subject; nan where there is none."""
    row = summarise(values.values(), [subjects[case] for case in values])
    return {name: math.nan if row[name] is None else row[name] for name in ("mean", "low", "high")}


def compare(
    without: Sequence[Mapping[str, float]], with_tiu: Sequence[Mapping[str, float]], subjects: Mapping[str, str]
) -> dict[str, float]:
    """Compare trainings that differ in TIU alone, seed by seed.

    Args:
        without: a score by case, one mapping a seed.
        with_tiu: the same with TIU, in the order of the same seeds.
        subjects: of each case.

    Returns:
        ``difference``, the mean gain with TIU; ``low`` and ``high``, its bootstrap 95 % interval by subject, on the
        differences of each case averaged over seeds; ``seeds`` and ``seeds_higher``, in how many of them TIU is
        higher; ``p_seeds``, of a paired t-test over the seeds' means, nan below two seeds; ``p_subjects``, of
        Wilcoxon's signed-rank test over the subjects' mean gains, nan where none differs.
    """
    gains = [{case: new[case] - old[case] for case in old} for old, new in zip(without, with_tiu, strict=True)]
    found = _interval(average(gains), subjects)
    means = [float(np.nanmean(list(gain.values()))) for gain in gains]
    p_value = math.nan
    if len(means) > 1 and np.ptp(means) > 1e-9:
        p_value = float(stats.ttest_1samp(means, 0).pvalue)
    return {
        "difference": found["mean"],
        "low": found["low"],
        "high": found["high"],
        "seeds": len(means),
        "seeds_higher": sum(mean > 0 for mean in means),
        "p_seeds": p_value,
        "p_subjects": _p_subjects(average(gains), subjects),
    }


def _p_subjects(gain: Mapping[str, float], subjects: Mapping[str, str]) -> float:
    by_subject: dict[str, list[float]] = {}
    for case, value in gain.items():
        if not math.isnan(value):
            by_subject.setdefault(subjects[case], []).append(value)
    means = [float(np.mean(values)) for values in by_subject.values()]
    return float(stats.wilcoxon(means).pvalue) if any(abs(mean) > 1e-12 for mean in means) else math.nan


def write_tables(output_dir: Path, cells: Mapping[Cell, Scores], cases: Mapping[str, Sequence[Case]]) -> None:
    """Write ``table2.md``, ``table3.md``, ``paired.md``, ``cells.csv``, ``cells.json``, ``paired.csv`` and two plots.

    Args:
        output_dir: folder of the files.
        cells: scores of the finished cells.
        cases: by domain, the cases that were tested on, with ``subject`` and perhaps ``group``.
    """
    subjects = {
        domain: {Path(case["image"]).stem: case["subject"] for case in listed} for domain, listed in cases.items()
    }
    rows = _rows(cells, subjects)
    write_rows(output_dir / "cells.csv", [_flat(row) for row in rows], digits=6)
    write_json(output_dir / "cells.json", rows)
    pairs = _pairs(cells, subjects)
    if pairs:
        write_rows(output_dir / "paired.csv", pairs, digits=6)
        with replacing(output_dir / "paired.md") as temporary:
            temporary.write_text(_table_of_pairs(pairs))
    with replacing(output_dir / "table2.md") as temporary:
        temporary.write_text(_table_2(rows))
    if "clinical" in cases:
        with replacing(output_dir / "table3.md") as temporary:
            temporary.write_text(_table_3(cells, rows, cases["clinical"]))
    for score in ("dice", "hd95"):
        _plot(output_dir / f"{score}.png", rows, score)


def _without_seed(cell: Cell) -> tuple[float, str, str, str]:
    """Key of a row, in the order of the paper's Table 2."""
    return cell.fraction, cell.architecture, cell.pixel_loss, cell.tiu


def _groups(cells: Iterable[Cell]) -> dict[tuple[float, str, str, str], list[Cell]]:
    order = {name: rank for rank, name in enumerate([*_LABELS, *_STYLES])}
    groups: dict[tuple[float, str, str, str], list[Cell]] = {}
    for cell in sorted(
        cells, key=lambda c: (c.fraction, *(order[name] for name in (c.architecture, c.pixel_loss, c.tiu)), c.seed)
    ):
        groups.setdefault(_without_seed(cell), []).append(cell)
    return groups


def _rows(cells: Mapping[Cell, Scores], subjects: Subjects) -> list[dict[str, Any]]:
    """One row a network, loss and fraction: the cases' scores averaged over seeds, with intervals by subject."""
    rows = []
    for members in _groups(cells).values():
        row: dict[str, Any] = {**asdict(members[0]), "loss": members[0].loss, "seeds": len(members), "scores": {}}
        del row["seed"]
        for domain in subjects:
            runs = [cells[cell][domain] for cell in members if domain in cells[cell]]
            for name in runs[0] if runs else ():
                found = _interval(average([run[name] for run in runs]), subjects[domain])
                if not math.isnan(found["mean"]):
                    means = [float(np.nanmean(list(run[name].values()))) for run in runs]
                    row["scores"].setdefault(domain, {})[name] = {**found, "by_seed": means}
        rows.append(row)
    return rows


def _pairs(cells: Mapping[Cell, Scores], subjects: Subjects) -> list[dict[str, Any]]:
    """Every comparison with TIU and without at the seeds that both have."""
    rows = []
    groups = _groups(cells)
    for (fraction, architecture, pixel_loss, tiu), members in groups.items():
        if tiu == "none":
            continue
        partners = {cell.seed: cell for cell in groups.get((fraction, architecture, pixel_loss, "none"), ())}
        both = [(partners[cell.seed], cell) for cell in members if cell.seed in partners]
        for domain in subjects:
            for score in ("dice", "hd95", "anatomy_violated_cases"):
                runs = [(cells[a][domain][score], cells[b][domain][score]) for a, b in both if domain in cells[b]]
                if runs:
                    plain, with_tiu = zip(*runs, strict=True)
                    key = {"fraction": fraction, "architecture": architecture, "pixel_loss": pixel_loss, "tiu": tiu}
                    found = compare(plain, with_tiu, subjects[domain])
                    rows.append({**key, "domain": domain, "score": score, **found})
    return rows


def _shown(entry: Mapping[str, float] | None, score: str) -> str:
    """A mean with its interval; Dice in percent, as in the paper."""
    if entry is None or math.isnan(entry["mean"]):
        return ""
    factor = 1 if score.endswith("hd95") else 100
    if math.isnan(entry["low"]):
        return f"{factor * entry['mean']:.2f}"
    return f"{factor * entry['mean']:.2f} [{factor * entry['low']:.2f}, {factor * entry['high']:.2f}]"


def _markdown(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def _table_2(rows: Sequence[Mapping[str, Any]]) -> str:
    domains = [name for name in ("public", "clinical") if any(name in row["scores"] for row in rows)]
    header = ["Train %", "Model", "Loss", "seeds"]
    scores = {"dice": "Dice", "hd95": "HD95", "anatomy_violated_cases": "broken anatomy, % of cases"}
    header += [f"{domain} {title}" for domain in domains for title in scores.values()]
    lines = []
    for row in rows:
        line = [f"{100 * row['fraction']:g}", _LABELS[row["architecture"]], row["loss"], str(row["seeds"])]
        for domain in domains:
            found = row["scores"].get(domain, {})
            line += [_shown(found.get(score), score) for score in scores]
        lines.append(line)
    note = "Dice in percent, HD95 in pixels, with bootstrap 95 % intervals by subject; cases averaged over seeds.\n\n"
    return note + _markdown(header, lines)


def _table_of_pairs(pairs: Sequence[Mapping[str, Any]]) -> str:
    """What each TIU adds to each loss, and whether chance may have done it."""
    header = ["Train %", "Model", "Loss", "TIU", "tested on", "score", "with less without", "seeds higher", "p, seeds"]
    lines = []
    for row in pairs:
        factor = 1 if row["score"] == "hd95" else 100
        gain = " to ".join(f"{factor * row[end]:+.2f}" for end in ("low", "high"))
        line = [f"{100 * row['fraction']:g}", _LABELS[row["architecture"]], _LABELS[row["pixel_loss"]], row["tiu"]]
        line += [row["domain"], row["score"], f"{factor * row['difference']:+.2f} [{gain}]"]
        line += [f"{row['seeds_higher']} of {row['seeds']}"]
        line += ["-" if math.isnan(row[p]) else f"{row[p]:.3f}" for p in ("p_seeds", "p_subjects")]
        lines.append(line)
    note = "Dice and broken anatomy in percent, HD95 in pixels; interval by subject. p: paired t-test over seeds, and\n"
    return note + "Wilcoxon's signed-rank test over subjects.\n\n" + _markdown([*header, "p, subjects"], lines)


def _table_3(cells: Mapping[Cell, Scores], rows: Sequence[Mapping[str, Any]], clinical: Sequence[Case]) -> str:
    """The best public model's clinical scores for each loss: by group of patients, and by region."""
    tested = [row for row in rows if "clinical" in row["scores"]]
    if not tested:
        return "No cell was tested on the clinical set yet.\n"
    best = max(tested, key=lambda row: row["scores"]["public"]["dice"]["mean"])
    chosen = [row for row in tested if all(row[key] == best[key] for key in ("architecture", "fraction"))]
    groups = sorted({case["group"] for case in clinical if "group" in case}, reverse=True)
    subjects = {Path(case["image"]).stem: case["subject"] for case in clinical}
    members = {group: {Path(case["image"]).stem for case in clinical if case.get("group") == group} for group in groups}
    text = (
        f"{_LABELS[best['architecture']]}, the best network on the public test set ({best['loss']}), trained on "
        f"{100 * best['fraction']:g} % of the training set, on the clinical set.\n\n"
    )
    if groups:
        lines = []
        for row in chosen:
            runs = [
                cells[cell]["clinical"]
                for cell in sorted(cells)
                if _without_seed(cell) == (row["fraction"], row["architecture"], row["pixel_loss"], row["tiu"])
            ]
            line = [row["loss"]]
            for group in groups:
                for score in ("dice", "hd95"):
                    values = average([run[score] for run in runs])
                    found = _interval({case: values[case] for case in values if case in members[group]}, subjects)
                    line.append(_shown(found, score))
            lines.append(line)
        header = ["Loss"] + [f"{group} ({len(members[group])}) {t}" for group in groups for t in ("Dice", "HD95")]
        text += _markdown(header, lines) + "\n"
    regions = [name for name in REGIONS if f"{name}_dice" in best["scores"]["clinical"]]
    lines = [
        [
            row["loss"],
            *(_shown(row["scores"]["clinical"].get(f"{r}_{s}"), s) for r in regions for s in ("dice", "hd95")),
        ]
        for row in chosen
    ]
    return text + _markdown(["Loss", *(f"{r} {t}" for r in regions for t in ("Dice", "HD95"))], lines)


def _plot(path: Path, rows: Sequence[Mapping[str, Any]], score: str) -> None:
    """Score against share of the training set, a panel for each network and domain."""
    domains = [name for name in ("public", "clinical") if any(name in row["scores"] for row in rows)]
    architectures = [name for name in _LABELS if any(row["architecture"] == name for row in rows)]
    figure = Figure(figsize=(3.2 * len(architectures) + 0.8, 2.8 * len(domains) + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(domains), len(architectures), squeeze=False, sharex=True, sharey="row")
    for row_of_axes, domain in zip(axes, domains, strict=True):
        for axis, architecture in zip(row_of_axes, architectures, strict=True):
            for pixel_loss, tiu in ((p, t) for p in _COLOURS for t in _STYLES):
                line = [
                    row
                    for row in rows
                    if (row["architecture"], row["pixel_loss"], row["tiu"]) == (architecture, pixel_loss, tiu)
                    and score in row["scores"].get(domain, {})
                ]
                if line:
                    found = [row["scores"][domain][score] for row in line]
                    means = np.array([entry["mean"] for entry in found])
                    ends = np.array([[entry["low"], entry["high"]] for entry in found]).T
                    spread = np.nan_to_num(np.abs(ends - means))
                    style = {"color": _COLOURS[pixel_loss], "linestyle": _STYLES[tiu], "capsize": 3}
                    beside = 1.04 ** (list(_STYLES).index(tiu) - 1)
                    shares = [100 * row["fraction"] * beside for row in line]
                    axis.errorbar(shares, means, spread, marker="o", markersize=4, label=line[0]["loss"], **style)
            axis.set(xscale="log", title=f"{_LABELS[architecture]}, {domain}")
            axis.set_xticks([10, 50, 100], ["10", "50", "100"])
            axis.minorticks_off()
            axis.grid(alpha=0.3)
        row_of_axes[0].set_ylabel("mean Dice" if score == "dice" else "HD95, pixels")
    for axis in axes[-1]:
        axis.set_xlabel("% of the training set")
    handles = {
        label: handle for axis in axes.flat for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside right center", frameon=False)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=130)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ``cells.csv``: means and ends of every score."""
    flat = {name: value for name, value in row.items() if name != "scores"}
    for domain, scores in row["scores"].items():
        for score, entry in scores.items():
            for end in ("mean", "low", "high"):
                flat[f"{domain}_{score}" + ("" if end == "mean" else f"_{end}")] = entry[end]
    return flat
