# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A real fluorescence picture with 125 labelled nuclei, cut into training, validation and test parts."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from litemed.samples.cache import written_once

_DATA = Path(__file__).parent / "data"
_TILE_WIDTH = 128
# First row, end and tile height of each part. The gaps of 24 rows are such that no nucleus reaches into two parts.
_BANDS = {"training": (0, 256, 128), "validation": (280, 392, 112), "test": (416, 512, 96)}


def nuclei(root: str | os.PathLike[str] | None = None) -> Path:
    """Writes the nuclei sample, once, in the layout of a paired folder: ``training|validation|test/{images,masks}``.

    The 512x512 picture (Data Science Bowl 2018, CC0; see ``data/ORIGIN.txt``) is cut into three horizontal bands with
    gaps of 24 rows between them, and each band into tiles of 128 columns: 8 training tiles of 128x128, 4 validation
    tiles of 112x128 and 4 test tiles of 96x128 (height x width). 64, 32 and 29 of the 125 nuclei lie in the bands; none
    lies in two, though a nucleus may be cut by the border between two tiles of its band.

    Images are 8-bit grey; masks are 16-bit, 0 background, each nucleus with its number in the whole picture.

    Args:
        root: folder of samples; by default ``$LITEMED_HOME/samples`` or ``~/.cache/litemed/samples``.

    Returns:
        The data set's folder, for `litemed.datasets.paired`.
    """
    return written_once("nuclei-v1", _write, root)


def _write(folder: Path) -> None:
    shutil.copy(_DATA / "ORIGIN.txt", folder)
    for source, target in (("nuclei_image.png", "images"), ("nuclei_instances.png", "masks")):
        with Image.open(_DATA / source) as file:
            picture = np.asarray(file)
        for part, (start, end, height) in _BANDS.items():
            (folder / part / target).mkdir(parents=True)
            for top in range(start, end, height):
                for left in range(0, picture.shape[1], _TILE_WIDTH):
                    tile = picture[top : top + height, left : left + _TILE_WIDTH]
                    Image.fromarray(tile).save(folder / part / target / f"row{top:03d}_column{left:03d}.png")
