# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The paper's experiment (Tables 2 and 3): networks, losses and shares of the training set, with TIU and without.

Run ``python bundles/tiu_ocular/eval/experiment.py --help`` for its use.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiment_tables import Cell, read_scores, write_tables
from litemed.command_line import run_command
from litemed.files import replacing
from litemed.metrics.tables import read_rows
from litemed.tools.workflows import run_training
from tiu_ocular import BUNDLE_ROOT, simulation
from tiu_ocular.data import load_cases

__all__ = ["run"]

ARCHITECTURES = ("unet", "fcn", "unetr")
PIXEL_LOSSES = ("ce", "dice", "dice_ce")
TIU = ("none", "mean", "relative")


def run(
    dataset_dir: str | None = None,
    clinical_dir: str | None = None,
    output_dir: str = f"{BUNDLE_ROOT}/runs/experiment",
    architectures: Sequence[str] = ARCHITECTURES,
    pixel_losses: Sequence[str] = PIXEL_LOSSES,
    tiu: Sequence[str] = TIU,
    fractions: Sequence[float] = (0.1, 0.5, 1.0),
    seeds: Sequence[int] = (0, 1),
    few_seeds: Sequence[int] = (0, 1, 2, 3, 4),
    epochs: int = 100,
    few_epochs: int | None = None,
    size: Sequence[int] = (480, 320),
    variant: str = "light",
    reader: str = "ubiris",
    clinical_reader: str = "clinical_eyes",
    clinical_subjects: str | None = None,
    clinical_regions: Sequence[str] = ("sclera", "iris", "pupil", "caruncle"),
    clinical_merge: dict[str, str] | None = None,
    tables_only: bool = False,
    **overrides: Any,
) -> None:
    """Train and test every cell of the tables, and write them.

    A cell is one network, pixel loss, with or without TIU, share of the training set and seed. It is trained with
    ``train.json`` and tested with ``evaluate.json``, without the mirror image, on the test part of the data set and on
    all clinical pictures. A cell that was finished is not run again, and one that was interrupted goes on from its last
    epoch, so the command can be stopped and given again. After every cell the tables are written anew: ``table2.md``
    and ``table3.md`` in the paper's layout, ``paired.md``, what TIU adds, by paired tests over seeds and subjects,
    ``cells.csv`` and ``cells.json``, ``paired.csv``, ``dice.png`` and ``hd95.png``, and ``cost.md``, how long the
    trainings took and what the rest will take.

    Args:
        dataset_dir: the data set's folder; by default the simulated eyes.
        clinical_dir: folder of the clinical set; by default the simulated clinical eyes, ``""`` for none.
        output_dir: folder for the cells and the tables. Use another one for other settings.
        architectures: networks, of ``unet``, ``fcn`` and ``unetr``.
        pixel_losses: of ``ce`` and ``dice``, the paper's, and their sum ``dice_ce``, a control: TIU must gain more than
            another loss of overlap would.
        tiu: of ``none``, ``mean``, TIU as reconstructed, and ``relative``, ours, to the size of each region.
        fractions: shares of the training pictures, above 0 and up to 1.
        seeds: seeds of the weights, the augmentation and the drawn share.
        few_seeds: the same at fractions below one half, where chance matters most and TIU is compared pair by pair.
        epochs: of each training with the whole training set.
        few_epochs: of a training with a share of it; by default ``epochs``.
        size: width and height that the networks work at.
        variant: ``light``, or ``paper`` for the paper's sizes.
        reader: of the data set.
        clinical_reader: of the clinical set.
        clinical_subjects: CSV file with columns case and subject, for a clinical set that doesn't name subjects.
        clinical_regions: regions that the clinical set labels.
        clinical_merge: regions that it doesn't, and what their pixels count as.
        tables_only: write the tables of the finished cells and train nothing.
        overrides: anything else of ``train.json``, such as ``--batch_size 8``.

    Raises:
        ValueError: when the folder holds cells of other settings.
    """
    root = Path(output_dir)
    settings = {"epochs": epochs, "few_epochs": few_epochs, "size": list(size), "variant": variant, **overrides}
    _check_settings(root / "settings.json", {**settings, "dataset_dir": dataset_dir, "clinical_dir": clinical_dir})
    targets: dict[str, dict[str, Any]] = {
        "public": {"reader": reader, "dataset_dir": str(simulation.eyes()) if dataset_dir is None else dataset_dir}
    }
    if clinical_dir != "":
        targets["clinical"] = {
            "reader": clinical_reader,
            "dataset_dir": str(simulation.eyes(domain="clinical")) if clinical_dir is None else clinical_dir,
            "subjects": clinical_subjects,
            "scored_regions": list(clinical_regions),
            "merge": clinical_merge or {},
            "part": "all",
        }
    for name, given, known in (
        ("architectures", architectures, ARCHITECTURES),
        ("pixel_losses", pixel_losses, PIXEL_LOSSES),
        ("tiu", tiu, TIU),
    ):
        unknown = [value for value in given if value not in known]
        if unknown:
            raise ValueError(f"expected {name} of {', '.join(known)}, got {unknown[0]!r}")
    cells = [
        Cell(architecture, pixel_loss, with_tiu, float(fraction), int(seed))
        for fraction in sorted(fractions)
        for seed in (few_seeds if fraction < 0.5 else seeds)
        for architecture, pixel_loss, with_tiu in itertools.product(architectures, pixel_losses, tiu)
    ]
    for number, cell in enumerate([] if tables_only else cells, start=1):
        print(f"\ncell {number} of {len(cells)}: {cell.name}", flush=True)
        rounds = epochs if cell.fraction == 1 or few_epochs is None else few_epochs
        options = {**overrides, "spatial_size": list(size), "variant": variant, "max_epochs": rounds}
        if _finish(root / cell.name, cell, options, targets):
            _tables(root, targets, cells)
    _tables(root, targets, cells)
    for name in ("table2.md", "table3.md", "paired.md", "cost.md"):
        if (root / name).exists():
            print("\n" + (root / name).read_text())


def _check_settings(path: Path, settings: dict[str, Any]) -> None:
    """Keep the settings of the first run beside its cells: cells of others can't stand in one table."""
    text = json.dumps(settings, indent=4, default=str, sort_keys=True) + "\n"
    if not path.exists():
        with replacing(path) as temporary:
            temporary.write_text(text)
    elif path.read_text() != text:
        raise ValueError(f"{path.parent} holds cells of other settings: {path.read_text()} Use another --output_dir")


def _finish(folder: Path, cell: Cell, options: dict[str, Any], targets: dict[str, dict[str, Any]]) -> bool:
    """Train and test what the cell lacks; tell whether there was anything to do."""
    missing = {name: data for name, data in targets.items() if not (folder / name / "scores.json").exists()}
    if not (folder / "cell.json").exists():
        loss: dict[str, Any] = {"pixel_loss": cell.pixel_loss, "tiu": cell.tiu != "none"}
        if cell.tiu != "none":
            loss["tiu_pooled"] = cell.tiu
        drawn = {"fraction": cell.fraction, "seed": cell.seed, "architecture": cell.architecture}
        train = {**options, **targets["public"], **loss, **drawn}
        run_training(BUNDLE_ROOT, ["train"], **train, output_dir=str(folder))
        with replacing(folder / "cell.json") as temporary:
            temporary.write_text(json.dumps(asdict(cell), indent=4) + "\n")
    for name, data in missing.items():
        weights = {"ckpt_path": str(folder / "model.pt"), "output_dir": str(folder / name)}
        test = {"architecture": cell.architecture, "flips": False, "pictures": False, "least_presence": 0.0}
        run_training(BUNDLE_ROOT, ["train", "evaluate"], **{**test, **options, **data, **weights})
    return bool(missing)


def _cost(root: Path, cells: Sequence[Cell]) -> str:
    """How long the finished trainings took, and what those that lack will take at the same pace."""
    took: dict[tuple[str, float], list[float]] = {}
    lacking: dict[tuple[str, float], int] = {}
    for cell in cells:
        key, folder = (cell.architecture, cell.fraction), root / cell.name
        if (folder / "cell.json").exists():
            rows = read_rows(folder / "history.csv")
            took.setdefault(key, []).append(sum(float(row["seconds"]) for row in rows) / 3600)
        else:
            lacking[key] = lacking.get(key, 0) + 1
    lines = []
    for key in sorted(took.keys() | lacking.keys(), key=lambda k: (k[1], k[0])):
        hours, left = took.get(key, []), lacking.get(key, 0)
        mean = f"{sum(hours) / len(hours):.2f}" if hours else "-"
        rest = f"{left * sum(hours) / len(hours):.1f}" if hours else "-" if left else "0.0"
        lines.append(f"| {key[0]} | {100 * key[1]:g} | {len(hours)} of {len(hours) + left} | {mean} | {rest} |")
    head = "| network | train % | trainings done | hours of one | hours to come |\n| --- | --- | --- | --- | --- |\n"
    done = sum(map(sum, took.values()))
    return f"{done:.1f} hours of training so far, tests not counted.\n\n" + head + "\n".join(lines) + "\n"


def _tables(root: Path, targets: dict[str, dict[str, Any]], cells: Sequence[Cell]) -> None:
    """Write the tables of all finished cells in the folder, whichever call trained them."""
    with replacing(root / "cost.md") as temporary:
        temporary.write_text(_cost(root, cells))
    cases = {
        name: load_cases(data["reader"], data["dataset_dir"], data.get("part", "test"), subjects=data.get("subjects"))
        for name, data in targets.items()
    }
    found = {Cell(**json.loads(path.read_text())): read_scores(path.parent) for path in root.glob("*/cell.json")}
    finished = {cell: scores for cell, scores in found.items() if "public" in scores}
    if finished:
        write_tables(root, finished, cases)


if __name__ == "__main__":
    run_command(run, "experiment", resumes=True)
