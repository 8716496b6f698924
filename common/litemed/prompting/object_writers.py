# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluator writes of the objects that it segments: pictures to look at, and tables."""

from __future__ import annotations

import json
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine, Events
from monai.data import MetaTensor
from PIL import Image

from litemed.files import replacing
from litemed.images.names import image_part, result_name, stem_of
from litemed.images.overlay import label_overlay, shown_slices, volume_overlay
from litemed.notices import Notice
from litemed.prompting.box_network import BoxResult
from litemed.prompting.objects import object_table
from litemed.prompting.prompt_inferer import PromptInferer

__all__ = ["ObjectTableWriter", "OverlayWriter"]


class _ObjectWriter(ABC):
    """A handler of an evaluator whose inferer is a `PromptInferer`."""

    def __init__(self, inferer: PromptInferer, output_dir: str | Path) -> None:
        self.inferer = inferer
        self.output_dir = Path(output_dir)

    def attach(self, engine: Engine) -> None:
        """Register with the evaluator."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    @abstractmethod
    def __call__(self, engine: Engine) -> None:
        """Write what there is to write of an iteration's images."""

    def _images(self, engine: Engine) -> Iterator[tuple[MetaTensor, Mapping[str, Any], BoxResult]]:
        """Each image of an iteration, its input and its result."""
        output: Any = engine.state.output
        batch: Any = engine.state.batch
        for item, given, result in zip(output, batch, self.inferer.results, strict=True):
            yield item["image"], given, result


class OverlayWriter(_ObjectWriter):
    """Write ``<stem>_overlay.png`` of every image: objects, boxes and their numbers.

    Of a volume it shows the middle slices of its objects.

    Args:
        inferer: the evaluator's.
        output_dir: folder for the pictures.
        volumes: also of volumes.
    """

    def __init__(self, inferer: PromptInferer, output_dir: str | Path, volumes: bool = True) -> None:
        super().__init__(inferer, output_dir)
        self.volumes = volumes

    def __call__(self, engine: Engine) -> None:
        for tensor, _, result in self._images(engine):
            is_volume = result.labels.ndim == 3
            if is_volume and not self.volumes:
                continue
            image = np.asarray(tensor.cpu()).T
            image = image[..., : 3 if image.shape[-1] > 2 else 1]  # without a prompt
            image = image[..., 0] if image.shape[-1] == 1 else image
            if is_volume:
                slices = {place: image[place] for place in shown_slices(result.boxes)}
                picture = volume_overlay(slices, result.labels, result.boxes)
            else:
                picture = label_overlay(image, result.labels, result.boxes, np.arange(1, len(result.boxes) + 1))
            with replacing(self.output_dir / f"{stem_of(tensor.meta)}_overlay.png") as temporary:
                Image.fromarray(picture).save(temporary)


class ObjectTableWriter(_ObjectWriter):
    """Write ``<stem>_objects.json`` of every image.

    It holds ``image``, ``labels`` and ``overlay`` (names of files), ``intensity`` (how values were scaled),
    ``spacing_mm`` (None where it isn't known), ``encodings`` (slices embedded), what the inferer describes, and under
    ``objects`` the rows of `litemed.prompting.objects.object_table`, with boxes in pixels of the file.

    Args:
        inferer: the evaluator's.
        output_dir: folder for the tables.
        pixel_spacing: pixel size of pictures in mm, one number or x and y; pictures don't say it themselves.
        boxes_key: of the boxes that `litemed.transforms.LoadBoxesd` keeps.

    Raises:
        ValueError: for a spacing that isn't positive.
    """

    def __init__(
        self,
        inferer: PromptInferer,
        output_dir: str | Path,
        pixel_spacing: Any = None,
        boxes_key: str = "file_exact_boxes",
    ) -> None:
        super().__init__(inferer, output_dir)
        self.pixel_spacing = None if pixel_spacing is None else _positive_pair(pixel_spacing)
        self.boxes_key = boxes_key

    def __call__(self, engine: Engine) -> None:
        for index, (image, given, result) in enumerate(self._images(engine)):
            meta = image.meta
            path, stem = Path(meta["filename_or_obj"]), stem_of(meta)
            spacing, size = self._sizes(meta, result.labels.ndim, path)
            content = {
                "image": path.name,
                "labels": result_name(path, part=image_part(meta)),
                "overlay": f"{stem}_overlay.png",
                "intensity": str(meta.get("intensity", "as stored")),
                "spacing_mm": spacing,
                "encodings": result.encoded,
                **self.inferer.describe(index),
                "objects": object_table(result, np.asarray(given[self.boxes_key]), size),
            }
            with replacing(self.output_dir / f"{stem}_objects.json") as temporary:
                temporary.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")

    def _sizes(self, meta: Mapping[str, Any], dims: int, path: Path) -> tuple[list[float] | None, float | None]:
        """Distances between pixels in mm, and the area or volume of one."""
        if bool(meta.get("has_spacing", False)):
            if self.pixel_spacing is not None:
                raise ValueError(f"{path} says its spacing itself: pixel_spacing is for pictures")
            steps = np.asarray(meta["original_affine"])[:3, :dims]
            if dims == 3 and bool(meta.get("is_sheared", False)):
                told = f"{path.name} has axes at other than right angles, as of a tilted gantry"
                warnings.warn(told, Notice, stacklevel=2)
            return np.linalg.norm(steps, axis=0).tolist(), math.sqrt(np.linalg.det(steps.T @ steps))
        if dims == 2 and self.pixel_spacing is not None:
            return self.pixel_spacing, math.prod(self.pixel_spacing)
        if dims == 3:
            warnings.warn(f"{path.name} has no spacing: sizes are in voxels", Notice, stacklevel=2)
        return None, None


def _positive_pair(spacing: Any) -> list[float]:
    values = np.broadcast_to(np.asarray(spacing, dtype=np.float64), (2,)).tolist()
    if not all(math.isfinite(value) and value > 0 for value in values):
        raise ValueError(f"expected a positive pixel spacing in mm, got {spacing}")
    return values
