# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The images to segment, each with its boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litemed.images.names import is_picture

__all__ = ["list_prompted"]

_VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr")
_BOXES = (".json", ".csv")


def list_prompted(path: str | Path, boxes: Any = None) -> list[dict[str, Any]]:
    """The images to segment, with their boxes.

    Args:
        path: a picture, a volume, or a folder of them; with ``boxes`` a folder is one DICOM series.
        boxes: whatever `read_boxes` takes. None takes, for every image, the file of its name that ends in ``.json`` or
            ``.csv`` and lies beside it.

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
