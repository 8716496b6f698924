# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Segmenting by ``inference.json``: the cases, the inferer and the overlays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from litemed.files import replacing
from litemed.inferers import Box2DInferer, Box3DInferer
from litemed.inferers.box_3d import WhenEmpty
from litemed.prompting import label_overlay
from litemed.transforms import channel_to_boxes
from monai.inferers import Inferer
from PIL import Image

from swiftmedsam.transforms import is_picture

__all__ = ["OverlayWriter", "PromptInferer", "list_prompted"]

_VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr")
_BOXES = (".json", ".csv")


def list_prompted(path: str | Path, boxes: Any = None) -> list[dict[str, Any]]:
    """The images to segment, with their boxes.

    Args:
        path: a picture, a volume, or a folder of them; with ``boxes`` a folder is one DICOM series.
        boxes: whatever `litemed.boxes.read_boxes` takes. None takes, for every image, the file of its name that ends in
            ``.json`` or ``.csv`` and lies beside it.

    Returns:
        a dictionary of ``image`` and ``boxes`` each.

    Raises:
        FileNotFoundError: when there is nothing at the path.
        ValueError: when a folder holds no image, or an image has no boxes.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} doesn't exist")
    if boxes is not None:
        return [{"image": str(path), "boxes": boxes}]
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if _is_image(file))
    if not files:
        raise ValueError(f"{path} holds no picture or volume; of a DICOM series the boxes must be given")
    cases = []
    for file in files:
        stem = next((file.name[: -len(end)] for end in _VOLUMES if file.name.lower().endswith(end)), file.stem)
        stem = stem.removesuffix(".nii")
        beside = [file.with_name(stem + end) for end in _BOXES if file.with_name(stem + end).is_file()]
        if not beside:
            raise ValueError(f"{file} has no boxes: give --boxes, or write them to {stem}.json or {stem}.csv beside it")
        cases.append({"image": str(file), "boxes": str(beside[0])})
    return cases


def _is_image(file: Path) -> bool:
    return not file.name.startswith(".") and (is_picture(file) or file.name.lower().endswith(_VOLUMES))


class PromptInferer(Inferer):
    """`Box2DInferer` for pictures ``(B, 4, W, H)``, `Box3DInferer` for volumes ``(B, 2 or 4, X, Y, Z)``.

    Args:
        challenge_compat: reproduce the protocol that the MedSAM on Laptop challenge published.
        when_empty: see `Box3DInferer`.
        cache_size: embeddings held at a time.
    """

    def __init__(self, challenge_compat: bool = False, when_empty: WhenEmpty = "stop", cache_size: int = 32) -> None:
        self.pictures = Box2DInferer(challenge_compat)
        self.volumes = Box3DInferer(challenge_compat, when_empty, cache_size=cache_size)

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Label maps ``(B, 1, ...)``, box i labelled i + 1."""
        return (self.pictures if inputs.ndim == 4 else self.volumes)(inputs, network)


class OverlayWriter:
    """Write ``<stem>_overlay.png`` of every picture an evaluator segments: objects, boxes and their numbers.

    Volumes have none; ``python -m swiftmedsam`` shows their middle slices.

    Args:
        output_dir: folder for the pictures.
    """

    def __init__(self, output_dir: str | Path) -> None:
        self.output_dir = Path(output_dir)

    def attach(self, engine: Engine) -> None:
        """Register with the evaluator."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        output: Any = engine.state.output
        for item in output:
            image = np.asarray(item["image"].cpu())
            if image.ndim != 3:
                continue
            labels = np.asarray(item["pred"].cpu()).reshape(image.shape[1:]).T.astype(np.int64)
            boxes = channel_to_boxes(image[-1])
            picture = label_overlay(image[:-1].transpose(2, 1, 0), labels, boxes, np.arange(1, len(boxes) + 1))
            stem = Path(item["image"].meta["filename_or_obj"]).stem
            with replacing(self.output_dir / f"{stem}_overlay.png") as temporary:
                Image.fromarray(picture).save(temporary)
