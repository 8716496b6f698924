# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Scoring a folder of predicted masks against the true ones."""

from __future__ import annotations

import csv
import json
import math
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from litemed.datasets.files import PICTURE_SUFFIXES
from litemed.files import replacing
from litemed.images.volume import check_same_grid
from litemed.images.volumes import open_volume
from litemed.metrics.bootstrap import bootstrap_mean
from litemed.metrics.overlap import overlap_scores
from litemed.metrics.surface import surface_scores
from litemed.parallel import Engine, in_parallel

__all__ = ["SCORES", "Evaluation", "evaluate", "pair_masks"]

SCORES = ("dice", "iou", "sensitivity", "specificity", "hd95", "assd", "nsd")
"""What is scored of each label of each case."""

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")


@dataclass
class Evaluation:
    """Scores of every case and label, and their means.

    Attributes:
        rows: for each case and label a dict of ``case``, ``label``, the scores, ``missed`` (there is something to find
            and nothing was predicted) and ``spurious`` (the opposite).
        failed: for each case that could not be scored, why.
        definition: which definition of surface distances was used.
        tolerance: of NSD, in mm, or in pixels where a file has no spacing.
    """

    rows: list[dict[str, Any]]
    failed: dict[str, str]
    definition: str
    tolerance: float
    means: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.means = {"all": _means(self.rows)} if self.rows else {}
        labels = sorted({row["label"] for row in self.rows})
        for label in labels if len(labels) > 1 else []:
            self.means[f"label {label}"] = _means([row for row in self.rows if row["label"] == label])

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON: numbers that are undefined or infinite are null."""
        return {
            "definition": self.definition,
            "tolerance": self.tolerance,
            "means": self.means,
            "cases": [{key: _json_number(value) for key, value in row.items()} for row in self.rows],
            "failed": self.failed,
        }

    def table(self) -> str:
        """Means with their bootstrap 95 % intervals over cases, for reading."""
        lines = []
        for name, means in self.means.items():
            lines.append(f"{name}: {means['cases']} cases, {means['missed']} missed, {means['spurious']} spurious")
            for score in SCORES:
                row = means[score]
                interval = "" if row["low"] is None else f"   {row['low']:.4f} to {row['high']:.4f}"
                note = f"   undefined in {row['undefined']}" if row["undefined"] else ""
                mean = "undefined" if row["mean"] is None else f"{row['mean']:9.4f}"
                lines.append(f"  {score:<12}{mean}{interval}{note}")
        lines.append(f'surface distances by definition="{self.definition}", NSD at tolerance {self.tolerance:g}')
        lines += [f"not scored: {case}: {error}" for case, error in self.failed.items()]
        return "\n".join(lines)


def evaluate(
    predictions: str | os.PathLike[str],
    truth: str | os.PathLike[str],
    *,
    output_dir: str | os.PathLike[str] | None = None,
    definition: str = "monai",
    tolerance: float = 1.0,
    workers: int | None = None,
    engine: Engine = "local",
    progress: bool = True,
) -> Evaluation:
    """Score masks against the true ones, in parallel, going on after a file that can't be read.

    Masks are pictures (png, jpg, tif, ...) or volumes (NIfTI, NRRD, MetaImage) of whole-number labels; 0 is background,
    and a mask of 0 and 255 has the one label 1. Distances are in mm where files have spacing, in pixels elsewhere. A
    label that neither mask has is not scored in that case.

    Args:
        predictions: a mask, or a folder of them.
        truth: the true mask, or a folder with masks of the same names; see `pair_masks`.
        output_dir: where ``scores.json`` and ``scores.csv`` are written, if given.
        definition: of surface distances: "monai", "medpy" or "deepmind".
        tolerance: of NSD.
        workers: processes; by default as many as there are cores, if there are masks enough for them.
        engine: ``"local"`` for processes of this computer or ``"ray"``, see :func:`litemed.parallel.in_parallel`; the
            results are the same.
        progress: show a bar.

    Raises:
        FileNotFoundError: when there is nothing to score.
        ImportError: when Ray is asked for and isn't installed.
    """
    pairs = pair_masks(predictions, truth)
    rows: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    score = partial(_score_safely, definition, tolerance)
    for (case, _, _), result in tqdm(
        in_parallel(score, pairs, engine=engine, workers=workers),
        total=len(pairs),
        desc="scoring",
        disable=None if progress else True,
    ):
        if isinstance(result, str):
            failed[case] = result
        else:
            rows += result
    rows.sort(key=lambda row: (row["case"], row["label"]))
    evaluation = Evaluation(rows, dict(sorted(failed.items())), definition, tolerance)
    if output_dir is not None:
        _write(evaluation, Path(output_dir).expanduser())
    return evaluation


def pair_masks(predictions: str | os.PathLike[str], truth: str | os.PathLike[str]) -> list[tuple[str, Path, Path]]:
    """Pairs of predicted and true masks: name, prediction, truth.

    A prediction belongs to the truth of its own name, or of its name without the ending that a program added, such as
    ``_mask`` of ``case01_mask.png``. What else lies in the folder of predictions is left alone; a truth without a
    prediction is an error, since leaving it out would flatter the result.

    Raises:
        FileNotFoundError: when a path doesn't exist, holds no masks, or a true mask has no prediction.
    """
    predicted, true = (Path(path).expanduser() for path in (predictions, truth))
    for path in (predicted, true):
        if not path.exists():
            raise FileNotFoundError(f"no mask or folder at {path}")
    if predicted.is_file() and true.is_file():
        return [(_stem(true) or true.name, predicted, true)]
    if predicted.is_file() or true.is_file():
        raise FileNotFoundError(f"expected two masks or two folders, got {predicted} and {true}")
    found = {name: path for path in sorted(predicted.iterdir()) if (name := _stem(path))}
    wanted = {name: path for path in sorted(true.iterdir()) if (name := _stem(path))}
    if not wanted:
        raise FileNotFoundError(f"no mask in {true}")
    pairs, missing = [], []
    for name, path in wanted.items():
        partner = found.get(name) or next(
            (found[f"{name}_{end}"] for end in _ENDINGS if f"{name}_{end}" in found), None
        )
        if partner is None:
            missing.append(name)
        else:
            pairs.append((name, partner, path))
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise FileNotFoundError(f"no prediction in {predicted} for {shown}")
    return pairs


_ENDINGS = ("mask", "seg", "pred", "trans", "label")


def _stem(path: Path) -> str | None:
    name = path.name.lower()
    suffix = next((each for each in (*VOLUME_SUFFIXES, *PICTURE_SUFFIXES) if name.endswith(each)), None)
    return None if suffix is None or name.startswith(".") else path.name[: -len(suffix)]


def _score_safely(definition: Any, tolerance: float, pair: tuple[str, Path, Path]) -> list[dict[str, Any]] | str:
    """Scores of a case, or why there are none."""
    try:
        return _score(*pair, definition, tolerance)
    except (OSError, ValueError) as error:
        return str(error)


def _score(case: str, prediction: Path, truth: Path, definition: Any, tolerance: float) -> list[dict[str, Any]]:
    pred, spacing = _read(prediction, truth if _is_volume(truth) else None)
    true, _ = _read(truth)
    if pred.shape != true.shape:
        raise ValueError(f"{prediction}: size {pred.shape} differs from {true.shape} of {truth}")
    rows = []
    for label in sorted((set(np.unique(pred)) | set(np.unique(true))) - {0}):
        a, b = pred == label, true == label
        overlap = overlap_scores(a, b)
        surface = surface_scores(a, b, spacing=spacing, definition=definition, tolerance=tolerance)
        row: dict[str, Any] = {"case": case, "label": int(label)}
        row |= {name: getattr(overlap, name) for name in ("dice", "iou", "sensitivity", "specificity")}
        row |= {name: getattr(surface, name) for name in ("hd95", "assd", "nsd")}
        rows.append({**row, "missed": surface.missed, "spurious": surface.spurious})
    return rows


def _is_volume(path: Path) -> bool:
    return path.name.lower().endswith(VOLUME_SUFFIXES)


def _read(path: Path, same_grid_as: Path | None = None) -> tuple[np.ndarray, tuple[float, ...] | None]:
    """Labels of a mask and the spacing of its axes, None for a picture."""
    if not _is_volume(path):
        try:
            with Image.open(path) as picture:
                mode = picture if picture.mode in ("L", "P", "I", "I;16", "1") else picture.convert("L")
                labels = np.asarray(mode)
        except (OSError, SyntaxError) as error:
            raise ValueError(f"cannot read {path}: {error}") from error
        return _labels(labels, path), None
    volume = open_volume(path)
    if same_grid_as is not None:
        check_same_grid(open_volume(same_grid_as), volume)
    axis = volume.slowest_axis
    voxels = np.stack([volume.read_slice(axis, index) for index in range(volume.shape[axis])], axis)
    return _labels(voxels, path), volume.spacing


def _labels(values: np.ndarray, path: Path) -> np.ndarray:
    labels = values.astype(np.int64)
    if not (labels == values).all() or labels.min() < 0:
        raise ValueError(f"{path}: expected whole-number labels from 0, got values up to {values.max()}")
    return labels // 255 if set(np.unique(labels)) <= {0, 255} else labels


def _means(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean over the labels of a case, then over cases, with intervals."""
    cases = sorted({row["case"] for row in rows})
    means: dict[str, Any] = {"cases": len(cases)}
    means |= {flag: sum(bool(row[flag]) for row in rows) for flag in ("missed", "spurious")}
    for score in SCORES:
        grouped: dict[str, list[float]] = {case: [] for case in cases}
        for row in rows:
            grouped[row["case"]].append(row[score])
        values = [float(np.nanmean(v)) if not np.isnan(v).all() else math.nan for v in map(np.array, grouped.values())]
        if np.isnan(values).all():
            means[score] = {"mean": None, "low": None, "high": None, "undefined": len(values)}
            continue
        result = bootstrap_mean(values)
        means[score] = {
            "mean": result.mean,
            "low": _json_number(result.low),
            "high": _json_number(result.high),
            "undefined": result.undefined,
        }
    return means


def _json_number(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(evaluation: Evaluation, folder: Path) -> None:
    with replacing(folder / "scores.json") as temporary:
        temporary.write_text(json.dumps(evaluation.as_dict(), indent=4) + "\n")
    with replacing(folder / "scores.csv") as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["case", "label", *SCORES, "missed", "spurious"])
        writer.writeheader()
        writer.writerows(evaluation.rows)
