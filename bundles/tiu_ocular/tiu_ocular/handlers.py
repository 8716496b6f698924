# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluator writes for people: pictures with the regions drawn in, and tables of measurements."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from litemed.files import replacing
from litemed.images.names import stem_of
from litemed.images.overlay import paint_labels
from litemed.metrics.tables import write_rows
from litemed.training.picture_writer import PictureWriter

from tiu_ocular.measurements import DEFINITIONS, check_scale, compare_eyes, measure_eyes
from tiu_ocular.regions import REGIONS

__all__ = ["MeasurementWriter", "RegionPictures", "draw_regions", "pair_eyes"]

# a colour-blind-safe set (Okabe and Ito)
_COLOURS = {"sclera": (86, 180, 233), "iris": (0, 158, 115), "pupil": (230, 159, 0), "caruncle": (204, 121, 167)}

_SIDE = re.compile(r"(?P<before>.+)_(?P<side>left|right|L|R)(?P<after>_.+)?")
_BOTH = re.compile(r"(?P<before>.+) \((?P<side>left|right)(?P<after> eye\))")


def draw_regions(picture: np.ndarray, labels: np.ndarray, opacity: float = 0.35) -> np.ndarray:
    """Tint the regions of an eye in a picture and draw their outlines.

    Args:
        picture: uint8 (H, W, 3).
        labels: (H, W) of label values.
        opacity: of the tint, 0 to 1; outlines are solid.

    Returns:
        uint8 (H, W, 3).
    """
    colours = [_COLOURS[name] for name in REGIONS[1:]]
    return paint_labels(picture, labels, colours, opacity)


class RegionPictures(PictureWriter):
    """Write ``<stem>_overlay.png`` for each picture an evaluator segments: the prediction, and the truth beside it.

    It takes ``image`` (for the name of its file), ``pred`` and, where present, ``label`` from the engine's output, as
    label maps or one-hot. The picture is read anew from the file, so it looks as its owner knows it.

    Args:
        output_dir: folder for the pictures.
        probability: key of the probabilities (5, W, H), to write each region's as ``<stem>_<region>.png``, 8-bit grey;
            None writes none.
    """

    def _write(self, item: dict[str, Any]) -> None:
        picture = self._picture(item)
        panels = [draw_regions(picture, label_plane(item["pred"]))]
        if item.get("label") is not None:
            panels.append(draw_regions(picture, label_plane(item["label"])))
        self._save(item, "overlay", np.concatenate(panels, axis=1))
        if self.probability is not None:
            for channel, region in enumerate(REGIONS[1:], start=1):
                grey = np.asarray(item[self.probability][channel].cpu(), dtype=np.float32).T
                self._save(item, region, np.rint(grey * 255).astype(np.uint8))


class MeasurementWriter:
    """Measure every picture that an evaluator segments, and write ``measurements.csv`` and ``measurements.json``.

    Both are written when all pictures are done, whole or not at all. A missing value is empty in the table and null in
    JSON, never 0. A picture that shows two eyes has two rows, ``face.jpg (right eye)`` and ``face.jpg (left eye)``, and
    these are compared in the JSON file and in ``comparison.csv``. So are two pictures whose names differ in their side
    alone, ``anna_left.png`` and ``anna_right.png`` or ``p03_L_1.jpg`` and ``p03_R_1.jpg``.

    Args:
        output_dir: folder of the files; None writes none.
        spacing: side of a pixel in mm, the same for all pictures; None measures in pixels.
        iris_mm: instead, the diameter of the iris in mm, see :func:`tiu_ocular.measure_eye`.

    Attributes:
        rows: name and measurements of each picture of the run.
    """

    def __init__(
        self, output_dir: str | Path | None, spacing: float | None = None, iris_mm: float | None = None
    ) -> None:
        check_scale(spacing, iris_mm)
        self.output_dir = None if output_dir is None else Path(output_dir)
        self.spacing = spacing
        self.iris_mm = iris_mm
        self.rows: list[tuple[str, dict[str, Any]]] = []

    def attach(self, engine: Engine) -> None:
        """Register with the evaluator."""
        engine.add_event_handler(Events.STARTED, lambda: self.rows.clear())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._measure)
        engine.add_event_handler(Events.COMPLETED, lambda: self.write(self.rows))

    def _measure(self, engine: Engine) -> None:
        output: Any = engine.state.output
        for item in output:
            meta = item["image"].meta
            name = stem_of(meta) + Path(meta["filename_or_obj"]).suffix
            remarks = ["a round field on black, as of a fundus camera"] if shows_round_field(item["image"]) else []
            for side, found in measure_eyes(label_plane(item["pred"]), self.spacing, self.iris_mm).items():
                found["flags"] += remarks
                self.rows.append((name + (f" ({side} eye)" if side else ""), found))

    def write(self, rows: list[tuple[str, dict[str, Any]]]) -> None:
        """Write the tables of some pictures."""
        if self.output_dir is None:
            return
        measured = dict(rows)
        pictures = [{"picture": name, **values} for name, values in sorted(measured.items())]
        pairs = [
            {"left": left, "right": right, **compare_eyes(measured[left], measured[right])}
            for left, right in pair_eyes(measured)
        ]
        content = {"definitions": DEFINITIONS, "pictures": pictures, "comparison": pairs}
        with replacing(self.output_dir / "measurements.json") as temporary:
            temporary.write_text(json.dumps(content, indent=4, ensure_ascii=False, allow_nan=False) + "\n")
        write_rows(self.output_dir / "measurements.csv", pictures, digits=6)
        if pairs:
            write_rows(self.output_dir / "comparison.csv", pairs, digits=6)


def pair_eyes(names: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names of the left and right eye of a person, see :class:`MeasurementWriter`."""
    sides: dict[tuple[str, str], dict[str, str]] = {}
    for name in sorted(names):
        match = _BOTH.fullmatch(name) or _SIDE.fullmatch(Path(name).stem)
        if match:
            side = "left" if match["side"] in ("left", "L") else "right"
            sides.setdefault((match["before"], match["after"] or ""), {}).setdefault(side, name)
    return [(both["left"], both["right"]) for _, both in sorted(sides.items()) if len(both) == 2]


def shows_round_field(picture: torch.Tensor) -> bool:
    """Whether a picture (C, W, H) is a lit disc on an even dark ground, as a fundus camera takes it.

    Its corners are all even and darker than nearly all else, and what is brighter fills an ellipse.
    """
    grey = np.asarray(picture.float().mean(0).cpu())
    grey = (grey - grey.mean()) / max(float(grey.std()), 1e-6)
    side = max(2, round(0.04 * min(grey.shape)))
    ends = (slice(None, side), slice(-side, None))
    corners = np.concatenate([grey[first, second].ravel() for first in ends for second in ends])
    lit = grey > corners.mean() + 0.3
    if corners.std() > 0.08 or not 0.3 < lit.mean() < 0.95 or (grey < corners.mean() - 0.3).mean() > 0.01:
        return False
    sides = [np.flatnonzero(lit.mean(axis) > 0.02) for axis in (0, 1)]
    area = math.prod(int(places[-1] - places[0] + 1) for places in sides) * math.pi / 4
    return bool(0.88 < np.count_nonzero(lit) / area < 1.15)


def label_plane(map_or_channels: torch.Tensor) -> np.ndarray:
    """Label values (H, W) of a label map (W, H) or (1, W, H), or of one-hot channels (5, W, H)."""
    planes = map_or_channels if map_or_channels.ndim == 3 else map_or_channels[None]
    values = planes.argmax(0) if len(planes) == len(REGIONS) else planes[0]
    return np.asarray(values.cpu()).astype(np.uint8).T
