# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Overlays of the objects that an evaluator segments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine, Events
from PIL import Image

from litemed.files import replacing
from litemed.images.overlay import label_overlay
from litemed.transforms.prompts import channel_to_boxes

__all__ = ["OverlayWriter"]


class OverlayWriter:
    """Write ``<stem>_overlay.png`` of every picture an evaluator segments: objects, boxes and their numbers.

    Volumes have none; `litemed.prompting.segment_boxes` shows their middle slices.

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
