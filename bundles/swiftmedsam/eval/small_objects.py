# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What windows around small objects are worth, by the size of the object and by modality.

    python bundles/swiftmedsam/eval/small_objects.py ARCHIVES OUTPUT.json [--part validation] [--most 6]

Each object whose box is below 32 pixels of the network's 256 is segmented alone from the box of its true mask, in the
whole picture and in a window (`litemed.prompting.zoom.zoom_windows`, whatever the size). Dice, NSD at 2 pixels, and the
difference in Dice with its 95 % interval over the objects. The table is printed, the objects go to the file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from litemed.command_line import run_command
from litemed.datasets.challenge_cases import list_slices, load_cases
from litemed.deploy.box_networks import deploy_boxes
from litemed.files import replacing
from litemed.metrics import bootstrap_mean, overlap_scores, surface_scores
from litemed.prompting.box_2d import Painter
from litemed.prompting.zoom import segment_windows, zoom_windows
from litemed.training.pretrained import weights_path
from litemed.transforms import LoadChallenged
from swiftmedsam import BUNDLE_ROOT, load_network
from tqdm import tqdm

__all__ = ["measure", "size_of", "table"]

EDGES = (0, 6, 16, 32)
TOLERANCE = 2.0


def measure(
    dataset_dir: str,
    output: str,
    part: str = "validation",
    ckpt_path: str = f"{BUNDLE_ROOT}/models/model.pt",
    most: int = 6,
    slice_interval: int = 5,
    runtime: str = "auto",
) -> None:
    """Segment small objects with windows and without, and print what it was worth.

    Args:
        dataset_dir: folder of the challenge's archives, see `litemed.datasets.challenge_cases.load_cases`.
        output: the JSON file to write.
        part: training, validation or test.
        ckpt_path: weights of the network.
        most: objects of each modality and size, at equal steps through them.
        slice_interval: of volumes, see `litemed.datasets.challenge_cases.list_slices`.
        runtime: see `litemed.deploy.deploy_boxes`.

    Raises:
        ValueError: when no object is small.
    """
    groups: dict[tuple[str, str], list[tuple[dict[str, Any], int]]] = {}
    for item in list_slices(load_cases(dataset_dir, part), slice_interval):
        loaded = LoadChallenged()(item)
        sides = loaded["label"].shape[1:]
        for index, box in enumerate(np.asarray(loaded["boxes"])):
            if (size := size_of(box, sides)) is not None:
                groups.setdefault((item["modality"], size), []).append((item, index))
    if not groups:
        raise ValueError(f"no object of {part} in {dataset_dir} is below {EDGES[-1]} pixels of the network's 256")
    network = deploy_boxes(load_network(weights_path(ckpt_path)), runtime)
    rows = []
    for (modality, size), found in tqdm(sorted(groups.items()), disable=None):
        count = min(most, len(found))
        for item, index in (found[place * len(found) // count] for place in range(count)):
            told = {"case": item["case"], "slice": item["slice"], "object": index + 1}
            rows.append({**told, "modality": modality, "size": size, **_scores(item, index, network)})
    with replacing(output) as temporary:
        temporary.write_text(json.dumps({"part": part, "objects": rows}, indent=1) + "\n")
    print(table(rows))


def size_of(box: np.ndarray, sides: Sequence[int]) -> str | None:
    """Which of the sizes a box ``(4,)`` has in the network's square; None above all of them."""
    extent = (max(box[2] - box[0], box[3] - box[1]) + 1) * 256 / max(sides)
    for low, high in pairwise(EDGES):
        if low <= extent < high:
            return f"{low} to {high}"
    return None


def _scores(item: dict[str, Any], index: int, network: Any) -> dict[str, float]:
    loaded = LoadChallenged()(item)
    image, labels = np.asarray(loaded["image"]).transpose(2, 1, 0), np.asarray(loaded["label"])[0].T
    truth = labels == index + 1
    box = np.asarray(loaded["boxes"][index : index + 1], dtype=np.float64)
    scores = {}
    for name, below in (("whole", 0), ("window", EDGES[-1])):
        windows = zoom_windows(box, *truth.shape, below=below)
        found = np.zeros(truth.shape, np.uint8)
        for _, placed, logits, _ in segment_windows(image, box, network, windows):
            Painter(found, challenge_compat=False).paint(placed, logits, 1)
        mask = found > 0
        scores[f"{name}_dice"] = overlap_scores(mask, truth).dice
        scores[f"{name}_nsd"] = surface_scores(mask, truth, tolerance=TOLERANCE, definition="deepmind").nsd
    return scores


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Means of the objects of each size, then of each size and modality, and the difference in Dice."""
    lines = [f"{'size':<10}{'modality':<13}{'objects':>8}{'whole':>15}{'window':>15}{'difference':>26}"]
    for modality in ["all", *sorted({row["modality"] for row in rows})]:
        for size in dict.fromkeys(sorted((row["size"] for row in rows), key=lambda name: int(name.split()[0]))):
            own = [row for row in rows if row["size"] == size and modality in ("all", row["modality"])]
            if not own:
                continue
            means = {key: float(np.mean([row[key] for row in own])) for key in own[0] if key.endswith(("dice", "nsd"))}
            change = bootstrap_mean([row["window_dice"] - row["whole_dice"] for row in own])
            shown = [f"{means[f'{name}_dice']:.3f} / {means[f'{name}_nsd']:.3f}" for name in ("whole", "window")]
            gain = f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"
            lines.append(f"{size:<10}{modality:<13}{len(own):>8}{shown[0]:>15}{shown[1]:>15}{gain:>26}")
    return "\n".join(lines)


if __name__ == "__main__":
    run_command(measure, "small_objects")
