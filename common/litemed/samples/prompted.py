# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What boxes and clicks can be tried on: the built-in nuclei picture, also as archives, and a simulated CT."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np

from litemed.datasets.challenge_conversion import convert
from litemed.images.boxes import mask_boxes
from litemed.images.masks import read_labels
from litemed.images.writing import write_volume
from litemed.samples.cache import written_once
from litemed.samples.nuclei_picture import nuclei

__all__ = ["sample_archives", "sample_images", "sample_pictures"]

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


def sample_images(root: str | os.PathLike[str] | None = None) -> Path:
    """Write, once, what can be outlined at once: a simulated CT of an abdomen, and a tile of `litemed.samples.nuclei`.

    Args:
        root: see `litemed.samples.nuclei`.

    Returns:
        The folder.
    """

    def write(folder: Path) -> None:
        spacing = (1.5, 1.5, 4.0)
        write_volume(folder / "simulated_ct.nii.gz", simulated_ct(), np.diag([-spacing[0], -spacing[1], spacing[2], 1]))
        tile = sorted((nuclei(root) / "test" / "images").iterdir())[0]
        shutil.copy(tile, folder / f"nuclei{tile.suffix}")

    return written_once("images-v1", write, root)


def simulated_ct() -> np.ndarray:
    """An abdomen of ellipsoids, ``(256, 256, 48)`` in Hounsfield units, x to the left, y to the back, z upwards.

    Voxels are of 1.5x1.5x4 mm. The values are those that text books give for tissue after contrast agent, with noise;
    the shapes are made up.
    """
    x, y, z = np.ogrid[:256, :256, :48]

    def ellipsoid(centre: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
        squares = [((axis - c) / r) ** 2 for axis, c, r in zip((x, y, z), centre, radii, strict=True)]
        return squares[0] + squares[1] + squares[2] <= 1

    tube = 1000.0
    parts = [
        (-100, (128, 128, 24), (112, 84, tube)),
        (50, (128, 130, 24), (100, 72, tube)),
        (-90, (128, 120, 24), (80, 52, tube)),
        (110, (82, 112, 30), (46, 44, 17)),
        (125, (184, 128, 32), (20, 30, 11)),
        (190, (88, 160, 16), (17, 14, 11)),
        (190, (170, 160, 17), (17, 14, 11)),
        (230, (134, 148, 24), (8, 8, tube)),
        (25, (140, 92, 30), (28, 16, 9)),
        (320, (128, 174, 24), (17, 14, tube)),
        (30, (128, 190, 24), (7, 6, tube)),
    ]
    voxels = np.full((256, 256, 48), -1000, np.float32)
    for value, centre, radii in parts:
        voxels[np.broadcast_to(ellipsoid(centre, radii), voxels.shape)] = value
    noise = np.random.default_rng(0).normal(0, 12, voxels.shape).astype(np.float32)
    return np.rint(voxels + noise).astype(np.int16)
