# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""One command: an image file, boxes and a network in; label map, overlay and measurements out."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from litemed.files import replacing
from litemed.images.boxes import check_boxes, read_boxes
from litemed.images.overlay import label_overlay, shown_slices, volume_overlay
from litemed.images.volume import check_same_grid
from litemed.images.volumes import open_volume
from litemed.prompting.box_2d import Box2DInferer
from litemed.prompting.box_3d import Box3DInferer, WhenEmpty
from litemed.prompting.box_network import BoxNetwork, BoxResult
from litemed.prompting.prompt_images import PromptImage, VolumeImage, open_image
from litemed.transforms.windows import Window

__all__ = ["segment_boxes"]


def segment_boxes(
    image: str | os.PathLike[str],
    boxes: Any,
    network: BoxNetwork,
    output_dir: str | os.PathLike[str],
    *,
    modality: str | None = None,
    window: Window = "soft_tissue",
    plane: str = "axial",
    pixel_spacing: Any = None,
    mask_threshold: float | None = None,
    challenge_compat: bool = False,
    when_empty: WhenEmpty = "stop",
    cache_size: int = 32,
    describe: Callable[[], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Segment the objects in boxes, in a picture or a volume, and write what was found.

    Written to ``output_dir``, all or nothing:

    - ``<stem>_labels.png|.tif|.nii|.nii.gz|.nrrd``: label map in the image's geometry, box i labelled i + 1; for an
      archive of the challenge ``<same name>.npz`` with ``segs``.
    - ``<stem>_overlay.png``: the objects over the picture, or over the middle slices of a volume's objects.
    - ``<stem>_objects.json``: what this function returns.

    Args:
        image: a picture, a NIfTI or NRRD file, an archive of the challenge, or the folder of a DICOM series.
        boxes: see `litemed.images.boxes.read_boxes`; None takes those that the archive brings.
        network: in evaluation mode.
        output_dir: folder for the results, made when it isn't there.
        modality: ``"CT"`` scales a volume by ``window``, another by percentiles; None judges by the values.
        window: CT window, a name or level and width in HU.
        plane: direction of a volume's slices: axial, coronal, sagittal, or stored. ``challenge_compat`` takes stored.
        pixel_spacing: pixel size of a picture in mm, for areas in mm2.
        mask_threshold: for boxes from a mask that is a JPEG picture.
        challenge_compat: reproduce the published protocol instead of the corrected one.
        when_empty: see `Box3DInferer`.
        cache_size: embeddings held at a time.
        describe: asked after the segmentation for further entries of the report, such as what the network took the
            image for.

    Returns:
        ``image``, ``labels`` and ``overlay`` (paths), ``intensity``, ``spacing_mm`` (None where unknown), ``encodings``
        (slices embedded), ``notices``, and under ``objects`` for each box ``label``, ``box`` (as used),
        ``predicted_iou`` (None where nothing was found), ``pixels`` or ``voxels``, and ``area_mm2`` or ``volume_mm3``
        where the spacing is known.

    Raises:
        FileNotFoundError: when the image or the file of boxes doesn't exist.
        ValueError: for an image or boxes that can't be used, naming the file and the value; nothing is written.
    """
    opened = open_image(
        image,
        modality=modality,
        window=window,
        plane="stored" if challenge_compat else plane,
        pixel_spacing=pixel_spacing,
    )
    checked, notices = _boxes_for(opened, boxes, mask_threshold)
    target = Path(output_dir)
    if (target / opened.result_name).absolute() == opened.path.absolute():
        raise ValueError(f"{opened.path}: the result has the same name, choose another output_dir than {target}")
    if opened.spacing is None and len(opened.sides) == 3:
        notices.append(f"{opened.path.name} has no spacing: sizes are in voxels")
    if isinstance(opened, VolumeImage) and opened.volume.is_sheared:
        notices.append(f"{opened.path.name} has axes at other than right angles, as of a tilted gantry")
    for notice in notices:
        warnings.warn(notice, stacklevel=2)

    pixels, view = opened.pixels(), opened.to_view(checked)
    if len(opened.sides) == 2:
        result = Box2DInferer(challenge_compat).segment(np.asarray(pixels), view, network)
        picture = label_overlay(np.asarray(pixels), result.labels, view, np.arange(1, len(view) + 1))
    else:
        inferer = Box3DInferer(challenge_compat, when_empty, cache_size=cache_size)
        result = inferer.segment(pixels, view, network)
        picture = volume_overlay({place: pixels[place] for place in shown_slices(view)}, result.labels, view)

    names = {"labels": opened.result_name, "overlay": f"{opened.stem}_overlay.png"}
    report = {
        "image": str(opened.path),
        **{kind: str(target / name) for kind, name in names.items()},
        "intensity": opened.intensity,
        "spacing_mm": None if opened.spacing is None else list(opened.spacing),
        "encodings": result.encoded,
        "notices": notices,
        **({} if describe is None else describe()),
        "objects": _objects(result, checked, opened.element_size),
    }
    with ExitStack() as stack:
        labels_path, overlay_path, report_path = (
            stack.enter_context(replacing(target / name)) for name in (*names.values(), f"{opened.stem}_objects.json")
        )
        opened.write(labels_path, result.labels)
        Image.fromarray(picture).save(overlay_path)
        report_path.write_text(json.dumps(report, indent=4) + "\n", encoding="utf-8")
    return report


def _boxes_for(image: PromptImage, boxes: Any, threshold: float | None) -> tuple[np.ndarray, list[str]]:
    if boxes is None:
        if image.boxes is None:
            raise ValueError(f"{image.path} brings no boxes: give some")
        return check_boxes(image.boxes, image.sides, image.path.name)
    found, source = read_boxes(boxes, len(image.sides), threshold)
    if isinstance(image, VolumeImage) and isinstance(boxes, (str, os.PathLike)) and _is_volume(Path(boxes)):
        check_same_grid(image.volume, open_volume(boxes, is_label=True))
    return check_boxes(found, image.sides, f"{source} for {image.path.name}")


def _is_volume(path: Path) -> bool:
    return path.is_dir() or path.name.lower().endswith((".nii", ".nii.gz", ".nrrd", ".nhdr"))


def _objects(result: BoxResult, boxes: np.ndarray, element_size: float | None) -> list[dict[str, Any]]:
    is_volume = result.labels.ndim == 3
    counts = np.bincount(result.labels.ravel(), minlength=len(boxes) + 1)
    objects = []
    for label, (box, iou) in enumerate(zip(boxes.tolist(), result.iou.tolist(), strict=True), start=1):
        count = int(counts[label])
        entry = {
            "label": label,
            "box": box,
            "predicted_iou": None if math.isnan(iou) else round(iou, 4),
            "voxels" if is_volume else "pixels": count,
        }
        if element_size is not None:
            entry["volume_mm3" if is_volume else "area_mm2"] = round(count * element_size, 4)
        objects.append(entry)
    return objects
