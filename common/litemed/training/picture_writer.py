# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of predictions, for people to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from PIL import Image

from litemed.files import replacing
from litemed.images.names import stem_of
from litemed.images.overlay import mask_overlay
from litemed.transforms.pictures import LoadPictured, to_picture

__all__ = ["PictureWriter"]


class PictureWriter:
    """Write ``<stem>_overlay.png`` for each picture an evaluator segments, and ``<stem>_probability.png`` on request.

    It takes ``image`` (for the name of its file), ``pred``, and, where present, ``label`` from the engine's output. The
    picture shown is read anew from the file, so it looks as its owner knows it.

    Args:
        output_dir: folder for the pictures.
        probability: key of a probability map ``(1, W, H)`` to write as 8-bit grey; None writes none.
    """

    def __init__(self, output_dir: str | Path, probability: str | None = None) -> None:
        self.output_dir = Path(output_dir)
        self.probability = probability
        self._load = LoadPictured("image")

    def attach(self, engine: Engine) -> None:
        """Register with the evaluator."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        output: Any = engine.state.output
        for item in output:
            self._write(item)

    def _write(self, item: dict[str, Any]) -> None:
        mask = _plane(item["pred"]) > 0
        truth = None if item.get("label") is None else _plane(item["label"]) > 0
        self._save(item, "overlay", mask_overlay(self._picture(item), mask, truth))
        if self.probability is not None:
            self._save(item, "probability", np.rint(_plane(item[self.probability]) * 255).astype(np.uint8))

    def _picture(self, item: dict[str, Any]) -> np.ndarray:
        """The picture of an item as its owner knows it, 8-bit RGB."""
        meta = item["image"].meta
        return to_picture(self._load({"image": meta["filename_or_obj"], "page": meta.get("page")})["image"])

    def _save(self, item: dict[str, Any], kind: str, array: np.ndarray) -> None:
        with replacing(self.output_dir / f"{stem_of(item['image'].meta)}_{kind}.png") as temporary:
            Image.fromarray(array).save(temporary)


def _plane(tensor: torch.Tensor) -> np.ndarray:
    """A ``(1, W, H)`` or ``(W, H)`` tensor as rows and columns."""
    return np.asarray(tensor.cpu(), dtype=np.float32).reshape(tensor.shape[-2:]).T
