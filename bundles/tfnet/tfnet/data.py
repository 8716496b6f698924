# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The cases of the three tasks, as the configurations feed them to the networks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from litemed.losses.class_weighted_cross_entropy import class_weights
from litemed.transforms.label_maps import LoadLabeld

from tfnet.classifier import CLASSES
from tfnet.readers.tfm import tfm

__all__ = ["TASKS", "break_up_weights", "frame_weights", "load_cases", "require_batches", "subject_of"]

TASKS = ("segmentation", "classification", "detection")

_ALL_TRAINING = "training+validation"


def load_cases(
    dataset_dir: str | Path | Sequence[str | Path], task: str, part: str, crops: str | None = "broken_only"
) -> list[dict[str, Any]]:
    """List the cases of one task and part of the TFM data set.

    Args:
        dataset_dir: the data set's folder, real or simulated; or several, whose cases and videos are then named
            ``<folder>_<name>``.
        task: ``"segmentation"``, ``"classification"`` or ``"detection"``.
        part: ``"training"``, ``"validation"`` or ``"test"``; ``"training+validation"`` is the first two together.
        crops: for the segmentation, ``"broken_only"``, ``"non_broken"`` or ``"full"`` crops, or None for whole frames.

    Returns:
        Items with ``case``, ``image`` (a path), ``video`` and

        - segmentation: ``label``, the path of the mask;
        - classification: ``label``, the index of the class as a tensor ``(1,)``, and ``boxes`` as in the detection, or
          None for a frame without boxes;
        - detection: ``boxes``, inside, middle and outside in pixels. The closed frames of the classification, which
          show no rings, are cases too, with None.

    Raises:
        ValueError: for an unknown task, or a data set that :func:`tfnet.readers.tfm` refuses.
    """
    if task not in TASKS:
        raise ValueError(f"expected a task among {', '.join(TASKS)}, got {task!r}")
    if not isinstance(dataset_dir, str | Path):
        cases = [(Path(each).name, case) for each in dataset_dir for case in load_cases(each, task, part, crops)]
        return [{**case, "case": f"{name}_{case['case']}", "video": f"{name}_{case['video']}"} for name, case in cases]
    if part == _ALL_TRAINING:
        return [case for each in ("training", "validation") for case in load_cases(dataset_dir, task, each, crops)]
    if task == "segmentation":
        return tfm(dataset_dir, task, part, crops=crops)
    frames = tfm(dataset_dir, "classification", part)
    shown = tfm(dataset_dir, "detection", part)
    if task == "classification":
        boxes = {frame["case"]: frame["boxes"] for frame in shown}
        return [
            {**frame, "label": torch.tensor([frame["label"]]), "boxes": boxes.get(frame["case"])} for frame in frames
        ]
    closed = CLASSES.index("closed")
    bare = [{**frame, "boxes": None} for frame in frames if frame["label"] == closed]
    for frame in bare:
        del frame["label"]
    return shown + bare


def break_up_weights(cases: Sequence[dict[str, Any]]) -> torch.Tensor:
    """Weights of background and break-up, counted from the masks of segmentation cases (eqs. 10 and 11)."""
    load = LoadLabeld("label")
    return class_weights((load({"label": case["label"]})["label"] for case in cases), num_classes=2)


def frame_weights(cases: Sequence[dict[str, Any]]) -> torch.Tensor:
    """Weights of the four classes of frames, counted from classification cases in the same way."""
    return class_weights((case["label"] for case in cases), num_classes=len(CLASSES))


def subject_of(cases: Sequence[dict[str, Any]]) -> Callable[[str], str]:
    """How to tell the video of a case from its name, for intervals over videos; a case of no known video is alone."""
    videos = {case["case"]: case["video"] or case["case"] for case in cases}
    return videos.__getitem__


def require_batches(batch_size: int, cases: Sequence[object]) -> None:
    """End the program with a sentence where a training would meet a batch of a single picture.

    Raises:
        SystemExit: when ``batch_size`` is below 2, or there are fewer than 2 cases.
    """
    if batch_size < 2:
        sys.exit(
            f"expected a batch size of 2 or more, got {batch_size}: batch normalisation of a map that is pooled to one "
            "pixel has nothing to average over in a single picture. Use --batch_size 2 or more"
        )
    if len(cases) < 2:
        sys.exit(f"expected 2 or more pictures to train on, got {len(cases)}")
