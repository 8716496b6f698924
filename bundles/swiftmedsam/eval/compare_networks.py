# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Box networks side by side on the test pictures of `prepare_data`: one table by one command.

    python bundles/swiftmedsam/eval/compare_networks.py DATA OUTPUT --networks "lite=lite_medsam fast=FAST.pt v2=V2.pt"

A network is a checkpoint of SwiftMedSAM's or the class prompt's, by any name; the first is what the others are paired
with. ``name=model.pt@right`` tells the class prompt's network the true modality of every picture, ``@wrong`` another.
Every picture is embedded once a network and segmented from the exact boxes of its objects, and from boxes whose sides
are moved by up to 5 and 10 % of the box's, the same for all networks. OUTPUT gets ``cases.csv``, a row for each
picture, network and kind of box, written as they come, so that the same command goes on after an interruption, and
``table.json`` with the printed table: Dice, NSD at 2 pixels (of contours, and of areas as the challenge publishes it),
means of the modalities' means with 95 % intervals (patients drawn with replacement within each modality), and the
differences to the first network on the same pictures. Apart: sets that training has (``seen``), sets that it hasn't
(``unseen``), and of these those whose kind of object it hasn't (``new kind``).

Choose by ``--part validation``; test pictures are for the last word.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from classprompt import ConditionedNetwork
from classprompt import load_network as load_class_prompt
from litemed.command_line import run_command
from litemed.datasets.challenge import read_challenge
from litemed.datasets.challenge_cases import modality_of, set_of
from litemed.deploy.box_networks import deploy_boxes
from litemed.files import replacing
from litemed.metrics import challenge_compat
from litemed.networks import MODALITIES, modality_index
from litemed.prompting.box_2d import Box2DInferer
from litemed.prompting.embedding_store import EmbeddingStore, KeptEmbeddings, StoredEncoder
from litemed.training.pretrained import weights_path
from swiftmedsam import load_network
from tqdm import tqdm

__all__ = ["compare", "interval", "jittered", "summary"]

JITTER = {"exact": 0.0, "5 %": 0.05, "10 %": 0.1}
TOLD = {"@right": 0, "@wrong": 1}
"""Steps from the true modality to the one that is told, in `MODALITIES`."""

SCORES = ("dice", "nsd", "nsd_published")
FIELDS = ("network", "weights", "settings", "group", "modality", "set", "patient", "case", "boxes", "objects", *SCORES)
GROUPS: dict[str, Callable[[str], bool]] = {
    "validation": lambda group: group == "validation",
    "seen": lambda group: group == "seen",
    "unseen": lambda group: group in ("unseen", "new kind"),
    "new kind": lambda group: group == "new kind",
    "all": lambda group: group != "validation",
}
Row = dict[str, Any]


def compare(
    data: str | os.PathLike[str],
    output: str | os.PathLike[str],
    networks: str,
    part: str = "test",
    table: str | None = None,
    runtime: str = "auto",
    most: int | None = None,
    objects: int | None = 20,
    embedding_cache: str | None = None,
    resamples: int = 10_000,
) -> None:
    """Measures what is missing in ``cases.csv``, then prints the table.

    Args:
        data: folder that `prepare_data` made.
        output: folder of ``cases.csv`` and ``table.json``.
        networks: name=checkpoint, divided by blanks; ``lite_medsam`` stands for LiteMedSAM's public weights; behind
            the checkpoint ``@right`` or ``@wrong`` for the modality that the class prompt's is told.
        part: "test" or "validation".
        table: of the sets, by default ``sets.json`` beside this file.
        runtime: see `litemed.deploy.deploy_boxes`.
        most: pictures of a set, evenly drawn; None for all.
        objects: of a picture, drawn by its name; None for all.
        embedding_cache: folder that keeps the pictures' embeddings, for networks that share one encoder.
        resamples: of the intervals.

    Raises:
        FileNotFoundError: when there are no pictures, or no such checkpoint.
        ValueError: for a part or network that isn't one, a picture whose name doesn't say its set, or an OUTPUT of
            other columns.
    """
    if part not in ("test", "validation"):
        raise ValueError(f"expected part to be test or validation, got {part!r}")
    pairs = [pair.partition("=") for pair in networks.split()]
    if not pairs or not all(name and sign and path for name, sign, path in pairs):
        raise ValueError(f"expected networks as name=checkpoint, divided by blanks, got {networks!r}")
    sets = json.loads(Path(table or Path(__file__).with_name("sets.json")).read_text())
    cases = list_cases(Path(data), part, {row["set"]: row for row in sets}, most)
    if not cases:
        raise FileNotFoundError(f"no picture of {part} in {data}")
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    rows = kept(folder / "cases.csv")
    settings = settings_of(objects, runtime)
    for name, _, path in pairs:
        rows += measure(name, path, cases, rows, folder / "cases.csv", runtime, objects, embedding_cache)
    names = {case["case"] for case in cases}
    current = {(name, digest(path), settings) for name, _, path in pairs}
    valid = [
        row for row in rows if row["case"] in names and (row["network"], row["weights"], row["settings"]) in current
    ]
    lines = summary(valid, [name for name, _, _ in pairs], resamples)
    with replacing(folder / "table.json") as temporary:
        temporary.write_text(json.dumps(lines, indent=1) + "\n")
    print_table(lines)


def list_cases(data: Path, part: str, sets: dict[str, Row], most: int | None) -> list[Row]:
    """Pictures with group, modality, set and patient."""
    by_set: dict[str, list[Row]] = {}
    for path in sorted((data / part).rglob("2D_*.npz")):
        name = set_of(path.stem)
        if not name:
            raise ValueError(f"{path}: expected a name like 2D_<modality>_<set>_<case>.npz")
        stem = path.stem.split("_", 3)[3]
        row = sets.get(name, {})
        group = "validation" if part == "validation" else path.parent.name
        by_set.setdefault(name, []).append(
            {
                "path": path,
                "case": path.stem,
                "group": "new kind" if row.get("new_kind") and group == "unseen" else group,
                "modality": modality_of(path.stem),
                "set": name,
                "patient": f"{row.get('family', name)}/{patient(stem, row)}",
            }
        )
    return [
        own[place * len(own) // min(most or len(own), len(own))]
        for own in by_set.values()
        for place in range(min(most or len(own), len(own)))
    ]


def patient(stem: str, row: Row) -> str:
    """As in `prepare_data`; a volume's slices are of one patient."""
    stem = re.sub(r"_z\d{3}$", "", stem)
    match = re.search(row["patient"], stem) if "patient" in row else None
    return "-".join(match.groups()) if match else stem


def digest(checkpoint: str) -> str:
    """By which a checkpoint's rows are known, with what it is told."""
    path, told = divided(checkpoint)
    return hashlib.sha256(weights_path(path).read_bytes()).hexdigest()[:12] + told


def divided(checkpoint: str) -> tuple[str, str]:
    """The file, and ``@right``, ``@wrong`` or nothing."""
    told = next((told for told in TOLD if checkpoint.endswith(told)), "")
    return checkpoint.removesuffix(told), told


def kept(path: Path) -> list[Row]:
    """Rows of an earlier run.

    Raises:
        ValueError: for a file with other columns.
    """
    if not path.is_file():
        return []
    with path.open() as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != FIELDS:
            raise ValueError(f"{path} has other columns than {', '.join(FIELDS)}: give another OUTPUT")
        rows: list[Row] = list(reader)
    return [{**row, **{score: float(row[score]) for score in SCORES}} for row in rows if row["nsd_published"]]


def settings_of(objects: int | None, runtime: str) -> str:
    """What, beside network and picture, a measurement depends on."""
    return f"objects {objects}, runtime {runtime}"


def measure(
    name: str,
    checkpoint: str,
    cases: Sequence[Row],
    rows: Sequence[Row],
    file: Path,
    runtime: str,
    objects: int | None,
    embedding_cache: str | None,
) -> list[Row]:
    """Rows of the cases that a network hasn't been measured on, appended to the file as they come."""
    weights, settings = digest(checkpoint), settings_of(objects, runtime)
    known = {(row["network"], row["weights"], row["settings"], row["case"]) for row in rows}
    missing = [case for case in cases if (name, weights, settings, case["case"]) not in known]
    if not missing:
        return []
    path, told = divided(checkpoint)
    deployed = deploy_boxes(load_any(weights_path(path)), runtime)
    if told and not hasattr(deployed, "classify"):
        raise ValueError(f"{checkpoint}: {path} can't be told a modality")
    network = StoredEncoder(deployed, KeptEmbeddings(1) if embedding_cache is None else EmbeddingStore(embedding_cache))
    new = []
    is_new = not file.is_file()
    with file.open("a", newline="") as stream:
        writer = csv.DictWriter(stream, FIELDS, extrasaction="ignore")
        if is_new:
            writer.writeheader()
        for case in tqdm(missing, desc=name, disable=None):
            asked: Any = network
            if told:
                number = modality_index(case["modality"]) + TOLD[told]
                asked = ConditionedNetwork(network, MODALITIES[number % len(MODALITIES)])
            scored = segmented(asked, case, objects)
            measured = {**case, "network": name, "weights": weights, "settings": settings}
            own = [{**measured, **scores} for scores in scored]
            writer.writerows(own)
            stream.flush()
            new += own
    return new


def load_any(path: Path) -> Any:
    """A network of either bundle, in evaluation mode."""
    try:
        return load_network(path)
    except ValueError:
        return load_class_prompt(path)


def segmented(network: Any, case: Row, objects: int | None) -> Iterator[Row]:
    """Scores of a picture for each kind of boxes."""
    archive = read_challenge(case["path"])
    assert archive.labels is not None
    rng = np.random.default_rng(int(hashlib.sha256(case["case"].encode()).hexdigest()[:8], 16))
    present = np.unique(archive.labels[archive.labels > 0])
    chosen = np.sort(rng.permutation(present)[:objects])
    numbers = np.zeros(int(present.max()) + 1, dtype=np.int32)
    numbers[chosen] = np.arange(1, len(chosen) + 1)
    truth = numbers[archive.labels]
    assert archive.boxes is not None
    boxes = archive.boxes[np.searchsorted(present, chosen)]
    for kind, share in JITTER.items():
        moved = jittered(boxes, share, truth.shape, rng)
        found = Box2DInferer().segment(archive.images, moved, network).labels
        scores = challenge_compat(found, truth)
        yield {
            "boxes": kind,
            "objects": len(chosen),
            "dice": scores.dice,
            "nsd": scores.nsd,
            "nsd_published": scores.nsd_published,
        }


def jittered(boxes: np.ndarray, share: float, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Boxes ``(N, 4)`` whose sides are moved by up to a share of the box's width and height, inside the picture.

    They keep at least a pixel of width and height.
    """
    boxes = np.asarray(boxes, dtype=np.float64)
    size = boxes[:, 2:] - boxes[:, :2]
    moved = boxes + rng.uniform(-share, share, boxes.shape) * np.tile(size, 2)
    limit = np.array([shape[1], shape[0]]) - 1.0
    low = np.clip(moved[:, :2], 0, limit - 1)
    high = np.clip(np.maximum(moved[:, 2:], low + 1), 1, limit)
    return np.concatenate([low, high], axis=1)


def summary(rows: Sequence[Row], names: Sequence[str], resamples: int) -> list[Row]:
    """A line for each group of sets, kind of boxes, network and score: mean of modalities, and the difference to the
    first network on the pictures that both have."""
    lines = []
    for group, belongs in GROUPS.items():
        for kind in JITTER:
            own = [row for row in rows if belongs(row["group"]) and row["boxes"] == kind]
            values = {name: {row["case"]: row for row in own if row["network"] == name} for name in names}
            for name in names:
                if not values[name]:
                    continue
                both = sorted(values[name].keys() & values[names[0]].keys())
                for score in SCORES:
                    line: Row = {"group": group, "boxes": kind, "network": name, "score": score}
                    line |= interval([(row, row[score]) for row in values[name].values()], resamples)
                    line["modalities"] = modality_means([(row, row[score]) for row in values[name].values()])
                    if name != names[0] and both:
                        paired = [(values[name][c], values[name][c][score] - values[names[0]][c][score]) for c in both]
                        line["difference"] = interval(paired, resamples)
                        line["differences"] = modality_means(paired)
                    lines.append(line)
    return lines


def modality_means(values: Sequence[tuple[Row, float]]) -> dict[str, float]:
    """Mean of each modality."""
    groups: dict[str, list[float]] = {}
    for row, value in values:
        groups.setdefault(row["modality"], []).append(value)
    return {modality: float(np.mean(own)) for modality, own in sorted(groups.items())}


def interval(values: Sequence[tuple[Row, float]], resamples: int, seed: int = 0) -> Row:
    """Mean of the modalities' means with its 95 % interval: patients are drawn within each modality."""
    rng = np.random.default_rng(seed)
    groups: dict[str, dict[str, list[float]]] = {}
    for row, value in values:
        groups.setdefault(row["modality"], {}).setdefault(row["patient"], []).append(value)
    draws = np.zeros(resamples)
    for modality in sorted(groups):
        sums, sizes = (np.array([measure(own) for own in groups[modality].values()]) for measure in (sum, len))
        drawn = rng.integers(len(sums), size=(resamples, len(sums)))
        draws += sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.percentile(draws / len(groups), [2.5, 97.5])
    mean = float(np.mean(list(modality_means(values).values())))
    return {"mean": mean, "low": float(low), "high": float(high), "cases": len(values)}


def print_table(lines: Sequence[Row]) -> None:
    """Dice and NSD by group and boxes; then Dice with exact boxes by modality."""
    shown = [line for line in lines if line["score"] in ("dice", "nsd")]
    print(
        f"{'sets':<11}{'boxes':<7}{'score':<6}{'network':<13}{'mean':>6}{'interval':>16}{'cases':>7}{'paired':>9}{'interval':>18}"
    )
    for line in shown:
        text = f"{line['group']:<11}{line['boxes']:<7}{line['score']:<6}{line['network']:<13}{line['mean']:>6.3f}"
        text += f"{line['low']:>9.3f} {line['high']:.3f} {line['cases']:>6}"
        if (paired := line.get("difference")) is not None:
            text += f"{paired['mean']:>+9.3f}{paired['low']:>+10.3f} {paired['high']:+.3f}"
        print(text)
    for line in shown:
        if line["boxes"] == "exact" and line["group"] in ("all", "validation"):
            means = "  ".join(f"{modality} {value:.3f}" for modality, value in line["modalities"].items())
            print(f"{line['group']}, {line['score']}, {line['network']}: {means}")


if __name__ == "__main__":
    run_command(compare, "compare_networks", resumes=True)
