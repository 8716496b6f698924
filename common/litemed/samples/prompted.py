# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The built-in nuclei picture as pictures with boxes, and as archives of the MedSAM challenge."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from litemed.datasets.challenge_conversion import convert
from litemed.images.boxes import mask_boxes
from litemed.images.masks import read_labels
from litemed.samples.cache import written_once
from litemed.samples.nuclei_picture import nuclei

__all__ = ["sample_archives", "sample_pictures"]

_SMALLEST = 12
"""Pixels; smaller pieces are nuclei that a tile's border cut."""


def sample_pictures(root: str | os.PathLike[str] | None = None) -> Path:
    """Write the four test tiles of `litemed.samples.nuclei`, once, each with its boxes in a JSON file beside it.

    Args:
        root: see `litemed.samples.nuclei`.

    Returns:
        The folder.
    """

    def write(folder: Path) -> None:
        source = nuclei(root) / "test"
        for picture in sorted((source / "images").iterdir()):
            shutil.copy(picture, folder)
            boxes, _ = mask_boxes(read_labels(source / "masks" / picture.name))
            (folder / f"{picture.stem}.json").write_text(json.dumps({"boxes": boxes.tolist()}) + "\n")

    return written_once("nuclei-boxes-v1", write, root)


def sample_archives(root: str | os.PathLike[str] | None = None) -> Path:
    """Convert `litemed.samples.nuclei`, once, to archives in ``training/``, ``validation/`` and ``test/``.

    Args:
        root: see `litemed.samples.nuclei`.

    Returns:
        The folder.
    """

    def write(folder: Path) -> None:
        for part in sorted(path for path in nuclei(root).iterdir() if path.is_dir()):
            convert(part / "images", part / "masks", folder / part.name, "Microscopy", min_size=_SMALLEST)

    return written_once("nuclei-challenge-v1", write, root)
