# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Fitting the ring detector to one's own device, from a handful of its frames.

    python -m tfnet.adaptation --frames_dir FRAMES --output_dir OUT

Beside each frame may lie what was drawn on it, three boxes, inside, middle and outside: a LabelMe file of its name, or
``<stem>_prompts.json`` of ``litemed app``. Without any, the boxes of the frames that the detector is surest of are
taken for true (self-training, Scudder, IEEE Trans Inf Theory 11, 1965).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from litemed.command_line import run_command
from litemed.files import only_writer, read_json
from litemed.images.box_files import read_boxes
from litemed.metrics.tables import write_json
from litemed.tools.workflows import quiet, run_training
from litemed.training.checkpoints import load_checkpoint
from PIL import Image
from torch import nn

from tfnet import BUNDLE_ROOT
from tfnet.collab.rings import Rings
from tfnet.collab.search import find_rings, ring_overlaps
from tfnet.collab.trust import is_sure
from tfnet.collab.video import read_grey
from tfnet.detector import RINGS, RingDetector

__all__ = ["adapt", "run"]

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
_SIZE = (320, 240)
_SURE = 0.9
_LEAST = 4


def adapt(
    frames_dir: Path,
    output_dir: Path,
    init_path: Path,
    max_epochs: int = 60,
    learning_rate: float = 5e-4,
    seed: int = 0,
) -> dict[str, Any]:
    """Train the detector on with frames of one device; score it before and after on a third of them that is held out.

    The held-out frames choose nothing: the weights are those of the last epoch.

    Args:
        frames_dir: folder of frames, each with its boxes beside it, or all without.
        output_dir: folder for ``model_detector.pt``, ``adaptation.json``, and the data and the run that led there.
        init_path: weights to begin with.
        max_epochs: of the training.
        learning_rate: its highest.
        seed: of what is held out, and of the training.

    Returns:
        ``frames``, ``labelled``, and ``before`` and ``after``: on the held-out frames the mean and the least IoU of the
        outside box where there are labels, and the share of frames whose rings are seen beyond doubt.

    Raises:
        ValueError: for fewer than 4 frames that can be learned from, a label file that isn't three boxes, or frames of
            which only some have one.
    """
    files = sorted(path for path in frames_dir.iterdir() if path.suffix.lower() in _SUFFIXES)
    labels = {path: label for path in files if (label := _label_file(path)) is not None}
    if labels and len(labels) < len(files):
        bare = next(path for path in files if path not in labels)
        raise ValueError(f"{len(files) - len(labels)} of {len(files)} frames have no label file, {bare} among them")
    detector = RingDetector(0.125, in_channels=1)
    load_checkpoint(detector, init_path)
    if labels:
        boxes = {path: _labelled(label) for path, label in labels.items()}
    else:
        found = {path: _found(detector, path) for path in files}
        boxes = {path: rings.boxes for path, rings in found.items() if rings is not None and rings.score >= _SURE}
        boxes = {path: each for path, each in boxes.items() if _is_sure(found[path])}
    if len(boxes) < _LEAST:
        what = "labelled frames" if labels else "frames whose rings the detector is sure of"
        raise ValueError(f"expected at least {_LEAST} {what} in {frames_dir}, got {len(boxes)} of {len(files)}")
    order = [list(boxes)[place] for place in np.random.default_rng(seed).permutation(len(boxes))]
    held = sorted(order[: max(1, len(order) // 3)])
    with only_writer(output_dir):
        shutil.rmtree(output_dir / "data", ignore_errors=True)
        _write(output_dir / "data", {"train": sorted(order[len(held) :]), "val": held}, boxes)
        with quiet():
            run_training(
                BUNDLE_ROOT,
                ["train_detector"],
                dataset_dir=str(output_dir / "data"),
                output_dir=str(output_dir / "run"),
                init_path=str(init_path),
                max_epochs=max_epochs,
                learning_rate=learning_rate,
                val_interval=max(1, max_epochs // 6),
                keep="last",
                resume=False,
                seed=seed,
            )
        tested = held if labels else [path for path in files if path not in order[len(held) :]]
        truth = boxes if labels else {}
        result: dict[str, Any] = {"frames": len(files), "labelled": len(labels), "held_out": len(tested)}
        result["before"] = _scores(detector, tested, truth)
        load_checkpoint(detector, output_dir / "run" / "model.pt")
        result["after"] = _scores(detector, tested, truth)
        shutil.copyfile(output_dir / "run" / "model.pt", output_dir / "model_detector.pt")
        write_json(output_dir / "adaptation.json", result)
    return result


def _label_file(frame: Path) -> Path | None:
    """The file of what was drawn on a frame, or None."""
    beside = (frame.with_suffix(".json"), frame.with_name(f"{frame.stem}_prompts.json"))
    return next((path for path in beside if path.is_file()), None)


def _labelled(path: Path) -> np.ndarray:
    """Inside, middle and outside box of a frame, told by their size."""
    if path.stem.endswith("_prompts"):
        # first and last pixel, so that they end a pixel later
        drawn = [prompt["numbers"] for each in read_json(path)["objects"] for prompt in each["prompts"]]
        rows = [[left, top, right + 1, bottom + 1] for left, top, right, bottom in (n for n in drawn if len(n) == 4)]
    else:
        rows = [row for given in read_boxes(path, "labelme").values() for row in given.rows]
    boxes = np.array(sorted(rows, key=lambda row: (row[2] - row[0]) * (row[3] - row[1])), float)
    if boxes.shape != (len(RINGS), 4):
        raise ValueError(f"{path} has {len(rows)} boxes, expected {len(RINGS)}: {', '.join(RINGS)}")
    return boxes


def _found(detector: nn.Module, path: Path) -> Rings | None:
    """The rings that a detector finds in a frame."""
    with torch.no_grad():
        return find_rings(detector.eval(), read_grey(path), _SIZE)


def _is_sure(rings: Rings | None) -> bool:
    return rings is not None and is_sure(rings.score, rings.periodicity)


def _scores(detector: nn.Module, files: Sequence[Path], boxes: dict[Path, np.ndarray]) -> dict[str, Any]:
    found = [_found(detector, path) for path in files]
    scores: dict[str, Any] = {"rings_beyond_doubt": round(float(np.mean([_is_sure(each) for each in found])), 4)}
    if boxes:
        overlaps = [ring_overlaps(each, boxes[path])[-1] for path, each in zip(files, found, strict=True)]
        scores |= {"outside_iou": round(float(np.mean(overlaps)), 4), "least_outside_iou": round(min(overlaps), 4)}
    return scores


def _write(folder: Path, parts: dict[str, list[Path]], boxes: dict[Path, np.ndarray]) -> None:
    """The frames in the layout of TFM. Their class isn't known, and no detector asks for it."""
    (folder / "labels" / "classification").mkdir(parents=True)
    for part, files in parts.items():
        for name in ("images", "labels/detection"):
            (folder / name / part).mkdir(parents=True)
        rows = []
        for number, path in enumerate(files):
            name = f"frame_{number:05d}"
            grey = read_grey(path)
            Image.fromarray(grey).save(folder / "images" / part / f"{name}.png")
            height, width = grey.shape
            lines = [" ".join(f"{value:.2f}" for value in np.clip(box, 0, [width, height] * 2)) for box in boxes[path]]
            (folder / "labels" / "detection" / part / f"{name}.txt").write_text("\n".join(lines) + "\n")
            rows.append(f"{name}.png clear\n")
        (folder / "labels" / "classification" / f"{part}_cls.txt").write_text("".join(rows))


def run(
    frames_dir: str,
    output_dir: str,
    init_path: str = f"{BUNDLE_ROOT}/models/model_detector.pt",
    max_epochs: int = 60,
    learning_rate: float = 5e-4,
    seed: int = 0,
) -> None:
    """Fit the ring detector to the device of some frames, and say what that gave on frames that are held out.

    Use the weights by ``litemed collab --models_dir``, in a folder with ``model.pt`` and ``model_classifier.pt``.

    Args:
        frames_dir: folder of frames, 12 or more from several eyes, each with three boxes (inside, middle, outside) in a
            LabelMe file of its name or in ``<stem>_prompts.json`` of litemed app; or all without, for self-training.
        output_dir: folder for model_detector.pt and adaptation.json.
        init_path: weights to begin with.
        max_epochs: of the training.
        learning_rate: its highest.
        seed: of what is held out, and of the training.
    """
    result = adapt(Path(frames_dir), Path(output_dir), Path(init_path), max_epochs, learning_rate, seed)
    print(f"{result['frames']} frames, {result['labelled']} labelled, {result['held_out']} held out")
    for name in result["before"]:
        print(f"{name:<22}before {result['before'][name]:.3f}   after {result['after'][name]:.3f}")
    told = "outside_iou" if result["labelled"] else "rings_beyond_doubt"
    if result["after"][told] <= result["before"][told]:
        print("It is no better on the frames held out: keep the weights that you have.")
    print(f"written to {output_dir}")


if __name__ == "__main__":
    run_command(run, "tfnet.adaptation")
