# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The shipped networks on simulated devices: those of the training, others, and others under each stress.

    python bundles/tfnet/eval/score_devices.py --output_dir OUT [--films 8]

Each network is asked as the pipeline asks it: the classifier in the window that the detector found, TF-Net in grey.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from litemed.command_line import run_command
from litemed.images.masks import read_labels
from litemed.metrics.tables import Table, write_json
from PIL import Image
from tfnet import BUNDLE_ROOT, CLASSES, load_cases
from tfnet.collab import Networks
from tfnet.collab.evaluation import evaluate
from tfnet.collab.pipeline import Options
from tfnet.collab.search import ring_overlaps
from tfnet.detector import RINGS
from tfnet.frame_metrics import break_up_scores
from tfnet.simulation import tearfilm
from tfnet.simulation.device import STRESSES
from tqdm import tqdm

__all__ = ["SETS", "drawn", "run", "score"]

SETS: dict[str, dict[str, Any]] = {
    "seen": {"devices": 240, "unseen": False},
    "unseen": {"devices": 40, "unseen": True},
    **{stress: {"devices": 40, "unseen": True, "stress": stress} for stress in STRESSES},
}
"""Options of the simulator for the test devices of each set; ``seen`` are those of ``docs/results.md``'s training."""

_SEED = 16
_LEAST_IOU = 0.5
_SHOWN = ("clear", "broken")


def drawn(name: str, videos: int, films: int = 0, samples_dir: str | None = None, workers: int = 1) -> Path:
    """The folder of a set of `SETS`, in the layout of TFM, drawn unless it is there.

    Args:
        name: of the set.
        videos: test videos, each of another device, six frames each.
        films: how many of them are written whole.
        samples_dir: folder of the simulated videos; by default that of all samples.
        workers: processes that draw.
    """
    counts: dict[str, Any] = {"videos": (1, 1, videos), "films": (0, 0, films), "frames": 6, "seed": _SEED}
    return tearfilm(samples_dir, **counts, **SETS[name], workers=workers)


def score(dataset_dir: str | Path, models: Networks) -> Table:
    """The networks' scores on the test frames of a data set in the layout of TFM, means with intervals over videos.

    Args:
        dataset_dir: the data set's folder.
        models: the networks.

    Returns:
        A table of ``accuracy`` and ``recall_<class>``; ``inside_iou``, ``middle_iou``, ``outside_iou`` and
        ``outside_below_half``, the share below .5, of the boxes in clear and broken frames, 0 where none is found;
        ``least_outside_iou`` of each video; and of broken frames ``mean_dice``, of background and break-up, and
        ``dice`` of break-up, in crops by the true outside box.
    """
    boxes = {case["case"]: case["boxes"] for case in load_cases(dataset_dir, "detection", "test")}
    crops = {case["case"]: case for case in load_cases(dataset_dir, "segmentation", "test")}
    rows: list[dict[str, Any]] = []
    for case in tqdm(load_cases(dataset_dir, "classification", "test"), desc="scoring", disable=None):
        with Image.open(case["image"]) as picture:
            frame = np.asarray(picture.convert("L"))
        name = CLASSES[int(case["label"])]
        hit = float(CLASSES[int(models.classify(frame).argmax())] == name)
        row: dict[str, Any] = {"video": case["video"], "accuracy": hit, f"recall_{name}": hit}
        if name in _SHOWN:
            row |= _of_boxes(models, frame, boxes[case["case"]])
        if case["case"] in crops:
            row |= _of_mask(models, crops[case["case"]])
        rows.append(row)
    least: dict[str, float] = {}
    for row in rows:
        if "outside_iou" in row:
            least[row["video"]] = min(row["outside_iou"], least.get(row["video"], 1.0))
    for row in rows:
        row["least_outside_iou"] = least.pop(row["video"], math.nan)
    names = list(dict.fromkeys(name for row in rows for name in row if name != "video"))
    columns = {name: [row.get(name, math.nan) for row in rows] for name in names}
    return Table.of(columns, patients=[row["video"] for row in rows])


def _of_boxes(models: Networks, frame: np.ndarray, truth: list[list[float]]) -> dict[str, float]:
    overlaps = ring_overlaps(models.detect(frame), truth)
    scores = {f"{ring}_iou": value for ring, value in zip(RINGS, overlaps, strict=True)}
    return {**scores, "outside_below_half": float(overlaps[-1] < _LEAST_IOU)}


def _of_mask(models: Networks, case: dict[str, Any]) -> dict[str, float]:
    with Image.open(case["image"]) as picture:
        mask = models.segment(np.asarray(picture.convert("L")))
    return break_up_scores(mask, read_labels(case["label"]) > 0, ("mean_dice", "dice"))


def run(
    output_dir: str,
    videos: int = 24,
    films: int = 0,
    sets: list[str] | None = None,
    models_dir: str = f"{BUNDLE_ROOT}/models",
    samples_dir: str | None = None,
    workers: int = 1,
) -> None:
    """Draw the test devices, score the networks on them, and print a table for each set.

    Args:
        output_dir: folder for ``devices.json`` and the films' reports. What is drawn and analysed isn't so again; other
            sets by the same weights stay.
        videos: test videos of a set, each of another device, six frames each.
        films: how many of them are analysed whole, for the break-up times.
        sets: names of `SETS`; by default all.
        models_dir: folder of the weights.
        samples_dir: folder of the simulated videos; by default that of all samples.
        workers: processes that draw.

    Raises:
        ValueError: for an unknown set.
    """
    unknown = [name for name in sets or () if name not in SETS]
    if unknown:
        raise ValueError(f"expected sets among {', '.join(SETS)}, got {', '.join(unknown)}")
    models = Networks(models_dir)
    path = Path(output_dir) / "devices.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    if results.get("models") != models.identity:
        results = {"models": models.identity}
    for name in sets or SETS:
        folder = drawn(name, videos, films, samples_dir, workers)
        table = score(folder, models)
        results[name] = {"frames": table.cases, "scores": table.scores}
        print(f"{name}: {videos} videos\n{table.text()}", flush=True)
        if films:
            options = Options(annotated_video=False)
            found = evaluate(folder, Path(output_dir) / name, models, options)
            results[name]["films"] = found
            times = found["break_up_time"]
            within = times["within_1"]
            print(
                f"break-up time within a frame in {within['mean']:.3f} of {times['intervals']} intervals of {films} "
                f"films; missed {times['missed']}, false alarms {times['false alarm']}, lost {times['lost']}",
                flush=True,
            )
        Path(output_dir).mkdir(parents=True, exist_ok=True)
        write_json(path, results)
    print(f"written to {path}")


if __name__ == "__main__":
    run_command(run, "score_devices", resumes=True)
