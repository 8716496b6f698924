# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The objects of an image: from arrays to a label map and a table of what was found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from litemed.prompting.box_2d import Box2DInferer
from litemed.prompting.box_3d import Box3DInferer, SliceSource, WhenEmpty
from litemed.prompting.box_network import BoxNetwork, BoxResult
from litemed.prompting.zoom import Zoom

__all__ = ["Objects", "object_table", "segment_objects"]


class Objects(NamedTuple):
    """What was found in an image.

    Attributes:
        labels: ``(H, W)`` or ``(D, H, W)``, object i labelled i + 1.
        table: a row for each box, see `object_table`.
    """

    labels: np.ndarray
    table: list[dict[str, Any]]


def segment_objects(
    image: SliceSource,
    boxes: Any,
    network: BoxNetwork,
    *,
    is_volume: bool | None = None,
    spacing: Sequence[float] | None = None,
    challenge_compat: bool = False,
    when_empty: WhenEmpty = "stop",
    cache_size: int = 32,
    zoom: Zoom = "auto",
) -> Objects:
    """Segment the objects that boxes are drawn around, as the bundles' ``inference.json`` does with a file.

    Args:
        image: ``(H, W)`` or ``(H, W, 3)``; or slices ``(D, H, W)`` or ``(D, H, W, 3)``, an array or any `SliceSource`,
            of which only those inside the boxes are asked for. Scale scanner values to 8 bits before, see
            `litemed.transforms.windows.intensity_range`.
        boxes: ``(N, 4)`` x0, y0, x1, y1, for volumes ``(N, 6)`` x0, y0, z0, x1, y1, z1: the first and the last column,
            row and slice; fractions are used as they are.
        network: in evaluation mode.
        is_volume: what ``(A, B, 3)`` is; by default told by the boxes.
        spacing: between columns, rows and, in a volume, slices, in mm.
        challenge_compat: reproduce the published protocol, see `litemed.prompting.Box2DInferer`.
        when_empty: see `litemed.prompting.Box3DInferer`.
        cache_size: embeddings of slices that are held at a time.
        zoom: "auto" sees small objects in windows of their own, see `litemed.prompting.zoom.zoom_windows`; "off", and
            always by the published protocol, the whole picture or slice.

    Raises:
        ValueError: for a bad image or boxes.
    """
    given = np.asarray(boxes, dtype=np.float64)
    if is_volume is None:
        is_volume = given.shape[-1:] == (6,)
    if challenge_compat:
        zoom = "off"
    result = (
        Box3DInferer(challenge_compat, when_empty, cache_size=cache_size, zoom=zoom).segment(image, given, network)
        if is_volume
        else Box2DInferer(challenge_compat, zoom=zoom).segment(np.asarray(image), given, network)
    )
    return Objects(result.labels, object_table(result, result.boxes, None if spacing is None else math.prod(spacing)))


def object_table(result: BoxResult, boxes: np.ndarray, size: float | None) -> list[dict[str, Any]]:
    """A row for each box.

    Args:
        result: what was found.
        boxes: to be listed.
        size: of a pixel in mm2, of a voxel in mm3; None where it isn't known.

    Returns:
        ``label``; ``box``; ``predicted_iou``, None where nothing was found; ``pixels`` or ``voxels``; and ``area_mm2``
        or ``volume_mm3`` where their size is known.
    """
    is_volume = result.labels.ndim == 3
    counts = np.bincount(result.labels.ravel(), minlength=len(boxes) + 1)
    rows = []
    for label, (box, iou) in enumerate(zip(boxes.tolist(), result.iou.tolist(), strict=True), start=1):
        count = int(counts[label])
        row = {
            "label": label,
            "box": box,
            "predicted_iou": None if math.isnan(iou) else round(iou, 4),
            "voxels" if is_volume else "pixels": count,
        }
        if size is not None:
            row["volume_mm3" if is_volume else "area_mm2"] = round(count * size, 4)
        rows.append(row)
    return rows
