# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What adapting the ring detector to one's own device gives, on simulated devices that training never saw.

    python bundles/tfnet/eval/adapted.py --output_dir OUT [--devices 6]

For each device, frames of some eyes are adapted to, with boxes and without; the detector is scored before and after on
frames of other eyes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from litemed.command_line import run_command
from litemed.metrics.tables import Table, write_json
from litemed.training.checkpoints import load_checkpoint
from PIL import Image
from tfnet import BUNDLE_ROOT
from tfnet.adaptation import adapt
from tfnet.classifier import CLASSES
from tfnet.collab.search import find_rings, ring_overlaps
from tfnet.detector import RINGS, RingDetector
from tfnet.simulation.device import Device, draw_device
from tfnet.simulation.video import TearFilmVideo

__all__ = ["run"]

_SEED = 61  # no other data is drawn with it
_SIZE = (320, 240)
_WAYS = ("before", "with boxes", "without")


def run(
    output_dir: str,
    devices: int = 6,
    frames: int = 18,
    max_epochs: int = 60,
    init_path: str = f"{BUNDLE_ROOT}/models/model_detector.pt",
) -> None:
    """Adapt to each device, score, and print the IoU of the outside box on frames of eyes that weren't adapted to.

    Args:
        output_dir: folder for the frames, the runs and ``adapted.json``. A device that is done by the same options and
            weights isn't done again.
        devices: how many are drawn.
        frames: to adapt to, of three eyes; as many of three other eyes are scored.
        max_epochs: of each training.
        init_path: the detector's weights before.
    """
    digest = hashlib.sha256(Path(init_path).read_bytes()).hexdigest()
    settings = {"frames": frames, "max_epochs": max_epochs, "weights": digest}
    rows = []
    for number in range(devices):
        folder = Path(output_dir) / f"device_{number:02d}"
        done = folder / "scores.json"
        if not done.is_file() or json.loads(done.read_text())["settings"] != settings:
            scores = _adapted_to(number, folder, frames, max_epochs, Path(init_path))
            write_json(done, {"settings": settings, **scores})
        rows.append(json.loads(done.read_text()))
        print(
            f"device {number}: " + ", ".join(f"{way} {np.mean(rows[-1][way]):.3f}" for way in _WAYS if rows[-1][way]),
            flush=True,
        )
    columns: dict[str, list[float]] = {way: [] for way in _WAYS}
    patients = []
    for number, row in enumerate(rows):
        # where no frame was sure enough to learn from by itself, the detector stays as it was
        known = {way: row[way] or row["before"] for way in _WAYS}
        patients += [number] * len(row["before"])
        for way in _WAYS:
            columns[way] += known[way]
    columns |= {f"{way}, below .5": [float(value < 0.5) for value in columns[way]] for way in _WAYS}
    table = Table.of(columns, patients=patients)
    write_json(Path(output_dir) / "adapted.json", {"frames": table.cases, "scores": table.scores})
    print(table.text())
    print(f"written to {output_dir}/adapted.json")


def _adapted_to(number: int, folder: Path, count: int, max_epochs: int, init_path: Path) -> dict[str, Any]:
    """The IoU of the other eyes' frames before, and after either way; None where there was nothing to learn from."""
    shutil.rmtree(folder, ignore_errors=True)
    device = draw_device((_SEED, number))
    mine = list(_frames(number, device, range(3), count))
    others = list(_frames(number, device, range(3, 6), count))
    scores: dict[str, Any] = {"device": device.family, "before": _scored(init_path, others)}
    for way, labelled in (("with boxes", True), ("without", False)):
        source = folder / way.replace(" ", "_")
        source.mkdir(parents=True)
        for place, (frame, boxes) in enumerate(mine):
            _write(source / f"{place:03d}.png", frame, boxes if labelled else None)
        try:
            adapt(source, folder / f"{source.name}_run", init_path, max_epochs)
        except ValueError as error:
            if labelled:
                raise
            print(f"device {number}, {way}: {error}", flush=True)
            scores[way] = None
        else:
            scores[way] = _scored(folder / f"{source.name}_run" / "model_detector.pt", others)
    return scores


def _frames(number: int, device: Device, eyes: range, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Open frames of some eyes, with their boxes, the same number of each."""
    for eye in eyes:
        video = TearFilmVideo((_SEED, number, eye), seconds=8.0, device=device)
        shown = np.flatnonzero(np.array(video.labels) != CLASSES.index("closed"))
        places = np.linspace(0, len(shown) - 1, count // len(eyes)).round().astype(int)
        for index in shown[places].tolist():
            yield video[index].image, video.boxes(index)


def _write(path: Path, frame: np.ndarray, boxes: np.ndarray | None) -> None:
    Image.fromarray(frame).save(path)
    if boxes is None:
        return
    shapes = [
        {"label": name, "shape_type": "rectangle", "points": [box[:2].tolist(), box[2:].tolist()]}
        for name, box in zip(RINGS, boxes, strict=True)
    ]
    height, width = frame.shape
    content = {"shapes": shapes, "imagePath": path.name, "imageHeight": height, "imageWidth": width}
    path.with_suffix(".json").write_text(json.dumps(content))


@torch.no_grad()
def _scored(weights: Path, frames: list[tuple[np.ndarray, np.ndarray]]) -> list[float]:
    """IoU of the outside box in each frame; 0 where no rings are found."""
    detector = RingDetector(in_channels=1)
    load_checkpoint(detector, weights)
    detector.eval()
    return [ring_overlaps(find_rings(detector, frame, _SIZE), boxes)[-1] for frame, boxes in frames]


if __name__ == "__main__":
    run_command(run, "adapted", resumes=True)
