# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle as a newcomer makes it: by ``litemed new``, from folders of pictures that the template wasn't made for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from litemed.tools.packaging.new import train_new_bundle
from PIL import Image

__all__ = ["discs", "sixth_bundle"]


def discs(folder: Path, count: int) -> Path:
    """Pictures of a bright disc, of mixed sizes, formats and depths, flat in ``images/`` and ``masks/``."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        height, width = 40 + 17 * (number % 9), 150 - 13 * (number % 8)
        y, x = np.mgrid[:height, :width]
        disc = np.hypot(x - width / 2, y - height / 2) < 14
        grey = np.where(disc, 190, 60) + np.random.default_rng(number).normal(0, 9, disc.shape)
        picture = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).convert("RGB" if number % 2 else "L")
        picture.save(folder / f"images/{number}.{'jpg' if number % 3 == 0 else 'png'}")
        Image.fromarray(255 * disc.astype(np.uint8)).save(folder / f"masks/{number}.png")
    return folder


def sixth_bundle(folder: Path) -> tuple[Path, Path]:
    """A trained bundle named ``sixth_bundle`` in a folder, and the data it was trained on."""
    data = discs(folder / "data", 14)
    return train_new_bundle("sixth_bundle", folder, data, max_epochs=6), data
