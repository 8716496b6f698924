# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of predictions, for people to look at."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from PIL import Image

from litemed.files import replacing
from litemed.images.names import result_name
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
        path, page = item["image"].meta["filename_or_obj"], item["image"].meta.get("page")
        mask = _plane(item["pred"]) > 0
        truth = None if item.get("label") is None else _plane(item["label"]) > 0
        source: dict[Hashable, Any] = {"image": path} if page is None else {"image": path, "page": int(page)}
        picture = to_picture(self._load(source)["image"])
        self._save(result_name(path, "overlay", ".png", page), mask_overlay(picture, mask, truth))
        if self.probability is not None:
            grey = np.rint(_plane(item[self.probability]) * 255).astype(np.uint8)
            self._save(result_name(path, "probability", ".png", page), grey)

    def _save(self, name: str, array: np.ndarray) -> None:
        with replacing(self.output_dir / name) as temporary:
            Image.fromarray(array).save(temporary)


def _plane(tensor: torch.Tensor) -> np.ndarray:
    """A ``(1, W, H)`` or ``(W, H)`` tensor as rows and columns."""
    return np.asarray(tensor.cpu(), dtype=np.float32).reshape(tensor.shape[-2:]).T
