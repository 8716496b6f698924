# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scoring a folder of predicted masks against the true ones."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from litemed.files import only_writer
from litemed.images.masks import binary_as_one, read_mask
from litemed.images.names import image_stem, is_dicom, is_image, is_picture
from litemed.images.volume import check_same_grid
from litemed.metrics.overlap import overlap_scores
from litemed.metrics.surface import Definition, check_options, surface_scores
from litemed.metrics.tables import Table, finite, write_json, write_rows
from litemed.parallel import Engine, in_parallel

__all__ = ["SCORES", "Evaluation", "evaluate", "pair_masks"]

SCORES = ("dice", "iou", "sensitivity", "specificity", "hd95", "assd", "nsd")
"""What is scored of each label of each case."""

_FLAGS = ("missed", "spurious")
_ENDINGS = ("mask", "labels", "label", "seg", "segmentation", "pred", "trans", "gt")

AnyPath = str | os.PathLike[str]


@dataclass
class Evaluation:
    """Scores of every case and label, and their means.

    Attributes:
        rows: for each case and label a dict of ``case``, ``label``, the scores, ``missed`` (there is something to find
            and nothing was predicted) and ``spurious`` (the opposite).
        failed: for each case that could not be scored, why.
        definition: which definition of surface distances was used.
        tolerance: of NSD, in mm, or in pixels where a file has no spacing.
        notes: what was taken for granted, and in how many cases.
    """

    rows: list[dict[str, Any]]
    failed: dict[str, str]
    definition: str
    tolerance: float
    notes: dict[str, int]

    @cached_property
    def table(self) -> Table | None:
        """Means over the labels of a case, then over cases; by label where there are several. None without a case."""
        if not self.rows:
            return None
        labels = sorted({row["label"] for row in self.rows})
        table = _table(self.rows)
        if len(labels) > 1:
            groups = {f"label {label}": [row for row in self.rows if row["label"] == label] for label in labels}
            table.groups = {name: _table(rows) for name, rows in groups.items()}
        return table

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        table = self.table
        return {
            **({"cases": 0, "scores": {}} if table is None else table.as_dict()),
            "definition": self.definition,
            "tolerance": self.tolerance,
            "notes": self.notes,
            "failed": self.failed,
            "rows": finite(self.rows),
        }

    def text(self) -> str:
        """For reading: the table, what was taken for granted, and what failed."""
        table = self.table
        lines = [] if table is None else [table.text(), ""]
        lines.append(f'surface distances by definition="{self.definition}", NSD at tolerance {self.tolerance:g}')
        if any(row["missed"] or row["spurious"] for row in self.rows):
            lines.append("distances of what is missed or spurious are the diagonal of the image")
        lines += [f"{note} ({count} case{'s' * (count > 1)})" for note, count in self.notes.items()]
        lines += [f"not scored: {case}: {error}" for case, error in self.failed.items()]
        return "\n".join(lines)


def evaluate(
    predictions: AnyPath,
    truth: AnyPath,
    *,
    output_dir: AnyPath | None = None,
    definition: Definition = "monai",
    tolerance: float = 1.0,
    threshold: float | None = None,
    workers: int | None = None,
    engine: Engine = "local",
    progress: bool = True,
) -> Evaluation:
    """Score masks against the true ones, in parallel, going on after a file that can't be read.

    Masks are what `read_mask` reads: pictures, NIfTI, NRRD, MetaImage, DICOM and archives of the MedSAM challenge, with
    labels of whole numbers; 0 is background, and a mask of 0 and 255 has the one label 1. A volume of one slice is
    scored as the picture it is. Distances are in mm where the true mask has spacing, in pixels elsewhere. A label that
    neither mask has is not scored in that case. What is taken for granted stands in the result's ``notes``.

    Args:
        predictions: a mask, or a folder of them.
        truth: the true mask, or a folder with masks of the same names; see `pair_masks`.
        output_dir: where ``scores.json`` and ``scores.csv`` are written, if given.
        definition: of surface distances: "monai", "medpy" or "deepmind".
        tolerance: of NSD.
        threshold: mask values above it are label 1, others background. Masks kept as JPEG need one, such as 127.
        workers: processes; by default as many as there are cores, if there are masks enough for them.
        engine: ``"local"`` for processes of this computer or ``"ray"``, see :func:`litemed.parallel.in_parallel`; the
            results are the same.
        progress: show a bar.

    Raises:
        FileNotFoundError: when there is nothing to score.
        ImportError: when Ray is asked for and isn't installed.
        BlockingIOError: while another call writes into the folder.
        ValueError: for an option out of range, or masks that can't be told apart by name.
    """
    for name, value in (("tolerance", tolerance), ("threshold", threshold)):
        if not (isinstance(value, (int, float)) or (value is None and name == "threshold")) or value is True:
            raise ValueError(f"expected {name} to be a number, got {value!r}")
    check_options(95, tolerance, definition, "diagonal")
    folder = None if output_dir is None else Path(output_dir).expanduser()
    if folder is not None and folder.exists() and not folder.is_dir():
        raise ValueError(f"expected a folder for the scores, but {folder} is a file")
    pairs = pair_masks(predictions, truth)
    pictures = all(is_picture(path) for _, *paths in pairs for path in paths)
    with nullcontext() if folder is None else only_writer(folder):
        results = in_parallel(
            partial(_score_safely, definition, tolerance, threshold),
            pairs,
            engine=engine,
            workers=workers,
            preload=() if pictures else ("litemed.images.volumes",),
            lost=lambda pair: _Scored([], (), f"{pair[1]}: its process died, perhaps for lack of memory"),
        )
        rows: list[dict[str, Any]] = []
        failed: dict[str, str] = {}
        notes: Counter[str] = Counter()
        for (case, _, _), scored in tqdm(results, total=len(pairs), desc="scoring", disable=None if progress else True):
            rows += scored.rows
            notes.update(scored.notes)
            if scored.error:
                failed[case] = scored.error
        rows.sort(key=lambda row: (row["case"], row["label"]))
        evaluation = Evaluation(rows, dict(sorted(failed.items())), definition, tolerance, dict(sorted(notes.items())))
        if folder is not None:
            write_json(folder / "scores.json", evaluation.as_dict())
            write_rows(folder / "scores.csv", rows, ["case", "label", *SCORES, *_FLAGS])
        return evaluation


def pair_masks(predictions: AnyPath, truth: AnyPath) -> list[tuple[str, Path, Path]]:
    """Pairs of predicted and true masks: name, prediction, truth.

    A prediction belongs to the truth of its own name; an ending that programs add, such as ``_mask`` of
    ``case01_mask.png`` or ``_labels``, makes no difference. What else lies in the folder of predictions is left alone;
    a truth without a prediction is an error, since leaving it out would flatter the result.

    Raises:
        FileNotFoundError: when a path doesn't exist, holds no masks, or a true mask has no prediction.
        ValueError: when a truth has two predictions, or a prediction two truths.
    """
    predicted, true = (Path(path).expanduser() for path in (predictions, truth))
    for path in (predicted, true):
        if not path.exists():
            raise FileNotFoundError(f"no mask or folder at {path}")
    single = [_is_mask(path) for path in (predicted, true)]
    if all(single):
        return [(image_stem(true), predicted, true)]
    if any(single):
        raise FileNotFoundError(f"expected two masks or two folders, got {predicted} and {true}")
    found, wanted = _by_stem(predicted), list(_listed(true))
    if not wanted:
        raise FileNotFoundError(f"no mask in {true}")
    pairs, missing, truth_of = [], [], dict[Path, Path]()
    for path in wanted:
        stem = image_stem(path)
        bases = {stem, *(stem.removesuffix(f"_{end}") for end in _ENDINGS)}
        partners = [
            own
            for base in bases
            for name in (base, *(f"{base}_{end}" for end in _ENDINGS))
            for own in found.get(name, ())
        ]
        partners = sorted(set(partners))
        if len(partners) > 1:
            raise ValueError(f"{path} has {len(partners)} predictions, {', '.join(map(str, partners))}: keep one")
        if not partners:
            missing.append(stem)
            continue
        other = truth_of.setdefault(partners[0], path)
        if other != path:
            raise ValueError(f"{other} and {path} have the same prediction, {partners[0]}: keep one")
        pairs.append((stem, partners[0], path))
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise FileNotFoundError(f"no prediction in {predicted} for {shown}")
    return pairs


def _is_mask(path: Path) -> bool:
    """Whether a path is one mask: a file, or the folder of a DICOM series."""
    return path.is_file() or any(is_dicom(file) for file in path.iterdir())


def _listed(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if is_image(path))


def _by_stem(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in _listed(folder):
        found.setdefault(image_stem(path), []).append(path)
    return found


class _Scored(NamedTuple):
    """What a pair gave: rows of scores with what was taken for granted, or why there are none."""

    rows: list[dict[str, Any]]
    notes: Sequence[str] = ()
    error: str = ""


def _score_safely(
    definition: Definition, tolerance: float, threshold: float | None, pair: tuple[str, Path, Path]
) -> _Scored:
    try:
        return _score(*pair, definition, tolerance, threshold)
    except Exception as error:  # whatever is wrong with one file, the others are scored
        told = str(error)
        return _Scored([], (), told if str(pair[1]) in told or str(pair[2]) in told else f"{pair[1]}: {error!r}")


def _score(
    case: str, prediction: Path, truth: Path, definition: Definition, tolerance: float, threshold: float | None
) -> _Scored:
    pred, true = (read_mask(path, threshold) for path in (prediction, truth))
    if threshold is None:
        pred, true = binary_as_one(pred), binary_as_one(true)
    notes = dict.fromkeys((*pred.notes, *true.notes))
    if pred.labels.shape != true.labels.shape:
        raise ValueError(f"{prediction}: size {pred.labels.shape} differs from {true.labels.shape} of {truth}")
    if pred.volume is not None and true.volume is not None:
        check_same_grid(true.volume, pred.volume)
    spacing = true.spacing
    if spacing is None:
        notes["the true mask has no spacing, distances are in pixels"] = None
    if threshold is not None:
        notes[f"values above {threshold:g} are read as label 1"] = None
    rows = []
    for label in sorted((set(np.unique(pred.labels).tolist()) | set(np.unique(true.labels).tolist())) - {0}):
        a, b = pred.labels == label, true.labels == label
        overlap = overlap_scores(a, b)
        surface = surface_scores(a, b, spacing=spacing, definition=definition, tolerance=tolerance)
        row: dict[str, Any] = {"case": case, "label": int(label)}
        row |= {name: getattr(overlap, name) for name in SCORES[:4]}
        row |= {name: getattr(surface, name) for name in SCORES[4:]}
        rows.append({**row, "missed": surface.missed, "spurious": surface.spurious})
    if not rows:
        notes["neither mask has a label, so there is nothing to score"] = None
    return _Scored(rows, list(notes))


def _table(rows: list[dict[str, Any]]) -> Table:
    """Mean over the labels of a case, then over cases, with intervals."""
    by_case: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_case.setdefault(row["case"], []).append(row)
    columns = {score: [_mean([row[score] for row in own]) for own in by_case.values()] for score in SCORES}
    table = Table.of(columns)
    table.counts = {flag: sum(row[flag] for row in rows) for flag in _FLAGS}
    return table


def _mean(values: list[float]) -> float:
    return math.nan if np.isnan(values).all() else float(np.nanmean(values))
