# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How good masks are after a box and after clicks, by modality, of one decoder beside another.

    python bundles/swiftmedsam/eval/clicks.py measure ARCHIVES OURS.json --part test
    python bundles/swiftmedsam/eval/clicks.py measure ARCHIVES PUBLIC.json --part test --ckpt_path lite_medsam
    python bundles/swiftmedsam/eval/clicks.py compare OURS.json PUBLIC.json

Each object is outlined twice: from the box of its true mask, and from clicks alone. A click goes into the middle of the
largest region where the mask is wrong (`litemed.prompting.next_click`), at the picture's own resolution, always at the
same place for the same mask; each network is given the clicks on its own errors, and its own mask before. Nothing is
drawn at random. NSD is at 2 pixels. Objects are averaged within their picture, pictures within their modality, and the
last row is the mean of the modalities.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from litemed.command_line import run_command
from litemed.datasets.challenge_cases import list_slices, load_cases
from litemed.files import replacing
from litemed.metrics import bootstrap_mean, overlap_scores, surface_scores
from litemed.prompting import Click, EmbeddingStore, next_click
from litemed.prompting.pieces import keep_meant
from litemed.training.pretrained import weights_path
from litemed.transforms import LoadChallenged
from litemed.transforms.longest_side import LongestSide
from swiftmedsam import BUNDLE_ROOT, STAGES, load_network
from tqdm import tqdm

__all__ = ["Interaction", "compare", "interact", "measure"]

GOALS = (0.85, 0.9)
TOLERANCE = 2.0
NAMES = ("ours", "baseline")


class Interaction(NamedTuple):
    """One object outlined by one network.

    Attributes:
        dice: after 0, 1, 2, ... clicks.
        nsd: after the clicks of a stage, by their number.
    """

    dice: list[float]
    nsd: dict[int, float]


@torch.inference_mode()
def interact(
    network: Any, embedding: torch.Tensor, truth: np.ndarray, box: np.ndarray | None, clicks: int
) -> Interaction:
    """Outline an object, click by click.

    Args:
        network: of the MedSAM-lite family, in evaluation mode.
        embedding: of the picture, ``(1, 256, 64, 64)``.
        truth: ``(H, W)`` bool.
        box: ``(4,)`` x0, y0, x1, y1 to begin with; None begins with a click.
        clicks: most clicks.
    """
    geometry = LongestSide(*truth.shape)
    boxes = None if box is None else torch.from_numpy(geometry.to_square(box[None]))
    stages = STAGES["clicks" if box is None else "box"]
    mask, logits, given = np.zeros_like(truth), None, []
    dice, nsd = [], {}
    for count in range(clicks + 1):
        click = next_click(mask, truth) if count else None
        if click is not None:
            given.append(click)
        if click is not None or (count == 0 and box is not None):
            points, labels = _points(given, geometry.scale)
            logits, _ = network.decode(embedding, boxes, points, labels, logits)
            meant = logits[0, 0]
            if boxes is not None:
                on_object = [] if points is None or labels is None else points[labels > 0].tolist()
                meant = keep_meant(meant, boxes[0], on_object)
            mask = np.zeros_like(truth)
            values, region = geometry.restore(meant)
            mask[region] = (values > 0).numpy()
        dice.append(overlap_scores(mask, truth).dice)
        if count in stages:
            nsd[count] = surface_scores(mask, truth, tolerance=TOLERANCE, definition="deepmind").nsd
    return Interaction(dice, nsd)


def _points(clicks: list[Click], scale: float) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Clicks on pixel centres of a picture, in pixels of the network's square, and their labels."""
    if not clicks:
        return None, None
    places = torch.tensor([[[click.x, click.y] for click in clicks]])
    return (places + 0.5) * scale - 0.5, torch.tensor([[float(click.positive) for click in clicks]])


def measure(
    dataset_dir: str,
    output: str,
    part: str = "validation",
    ckpt_path: str = f"{BUNDLE_ROOT}/models/model.pt",
    embedding_cache: str | None = None,
    pictures: int = 8,
    objects: int = 1,
    clicks: int = 8,
    slice_interval: int = 5,
) -> None:
    """Outline objects with one decoder, and write what each click gave.

    Args:
        dataset_dir: folder of the challenge's archives, see `litemed.datasets.challenge_cases.load_cases`.
        output: the JSON file to write.
        part: training, validation or test.
        ckpt_path: weights of the network.
        embedding_cache: folder of a `litemed.prompting.EmbeddingStore`, for decoders of the same encoder; by default
            beside ``output``.
        pictures: most pictures and slices of a modality, at equal steps through them.
        objects: most objects of a picture, at equal steps through its labels.
        clicks: most clicks on an object.
        slice_interval: of volumes, see `litemed.datasets.challenge_cases.list_slices`.
    """
    least = max(map(max, STAGES.values()))
    if clicks < least:
        raise ValueError(f"expected at least {least} clicks, got {clicks}")
    network = load_network(weights_path(ckpt_path))
    store = EmbeddingStore(embedding_cache or Path(output).parent / "embeddings")
    rows = []
    for item in tqdm(list_slices(load_cases(dataset_dir, part), slice_interval, pictures), disable=None):
        rows += list(_objects(item, network, store, objects, clicks))
    with replacing(output) as temporary:
        temporary.write_text(json.dumps({"part": part, "clicks": clicks, "objects": rows}, indent=1) + "\n")


def _objects(
    item: dict[str, Any], network: Any, store: EmbeddingStore, most: int, clicks: int
) -> Iterator[dict[str, Any]]:
    """What a network made of the objects of one picture."""
    loaded = LoadChallenged()(item)
    image, labels = np.asarray(loaded["image"]).transpose(2, 1, 0), np.asarray(loaded["label"])[0].T
    embedding = store(network, LongestSide(*labels.shape).prepare(image)[None])
    count = len(loaded["boxes"])
    for index in range(0, count, max(1, -(-count // most))):
        for start, box in (("box", np.asarray(loaded["boxes"][index])), ("clicks", None)):
            result = interact(network, embedding, labels == index + 1, box, clicks)
            told = {key: item[key] for key in ("case", "modality", "slice")}
            yield {**told, "object": index + 1, "start": start, **result._asdict()}


def compare(ours: str, baseline: str) -> None:
    """Print what two decoders gave on the same objects, by modality and in the mean.

    Args:
        ours: file of `measure`.
        baseline: another of the same objects.
    """
    contents = [json.loads(Path(file).read_text()) for file in (ours, baseline)]
    keys = [[(row["case"], row["slice"], row["object"], row["start"]) for row in each["objects"]] for each in contents]
    if keys[0] != keys[1] or contents[0]["clicks"] != contents[1]["clicks"]:
        raise ValueError(f"{ours} and {baseline} are not of the same objects and clicks")
    rows = [{**row, "network": name} for name, each in zip(NAMES, contents, strict=True) for row in each["objects"]]
    print(_report(rows, contents[0]["clicks"]), flush=True)


def _report(rows: list[dict[str, Any]], clicks: int) -> str:
    modalities = sorted({row["modality"] for row in rows})
    text = [f"{len({row['case'] for row in rows})} pictures, {len(rows) // 4} objects; Dice / NSD, ours and (baseline)"]
    columns = [(start, stage) for start, stages in STAGES.items() for stage in stages]
    names = [f"{start} + {stage}" if start == "box" else f"{stage} clicks" for start, stage in columns]
    text.append(f"{'modality':<13}" + "".join(f"{name:>31}" for name in names))
    for modality in [*modalities, "mean"]:
        cells = []
        for start, stage in columns:
            values = {
                network: [_mean(rows, modalities, modality, network, start, score, stage) for score in ("dice", "nsd")]
                for network in NAMES
            }
            cells.append("{:.3f} / {:.3f} ({:.3f} / {:.3f})".format(*values["ours"], *values["baseline"]))
        text.append(f"{modality:<13}" + "".join(f"{cell:>31}" for cell in cells))
    for start in STAGES:
        for goal in GOALS:
            parts = []
            for network in NAMES:
                own = [row for row in rows if row["network"] == network and row["start"] == start]
                found = [next((n for n, dice in enumerate(row["dice"]) if dice >= goal), None) for row in own]
                counts = [clicks if number is None else number for number in found]
                reached = sum(number is not None for number in found) / len(found)
                parts.append(f"{network} {np.mean(counts):.2f} (reached by {reached:.0%})")
            first = "after the box" if start == "box" else "alone"
            text.append(f"clicks {first} to Dice {goal}, at most {clicks}: {', '.join(parts)}")
    change = bootstrap_mean([ours - other for ours, other in zip(*_box_by_case(rows), strict=True)])
    text.append(f"box alone, ours - baseline by picture: {change.mean:+.4f} [{change.low:+.4f}, {change.high:+.4f}]")
    return "\n".join(text)


def _mean(
    rows: list[dict[str, Any]], modalities: list[str], modality: str, network: str, start: str, score: str, stage: int
) -> float:
    if modality == "mean":
        return float(np.mean([_mean(rows, [], own, network, start, score, stage) for own in modalities]))
    cases: dict[str, list[float]] = {}
    for row in rows:
        if (row["modality"], row["network"], row["start"]) == (modality, network, start):
            cases.setdefault(row["case"], []).append(row["dice"][stage] if score == "dice" else row["nsd"][str(stage)])
    return float(np.mean([np.mean(values) for values in cases.values()]))


def _box_by_case(rows: list[dict[str, Any]]) -> list[list[float]]:
    """Dice after the box alone of each picture, ours and the baseline's."""
    dice: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row["start"] == "box":
            dice.setdefault((row["network"], row["case"]), []).append(row["dice"][0])
    cases = sorted({case for _, case in dice})
    return [[float(np.mean(dice[network, case])) for case in cases] for network in NAMES]


if __name__ == "__main__":
    run_command({"measure": measure, "compare": compare}, "clicks")
