# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated dermoscopy with lesion masks, laid out as the ISIC 2017 challenge is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from litemed.samples.cache import written_once
from litemed.samples.noise import as_mask, as_picture, smooth_noise, smooth_step
from scipy.ndimage import distance_transform_edt, gaussian_filter

_SHAPE = (192, 256)
_SECTIONS = {
    "training": ("ISIC-2017_Training_Data", "ISIC-2017_Training_Part1_GroundTruth", range(0, 8)),
    "validation": ("ISIC-2017_Validation_Data", "ISIC-2017_Validation_Part1_GroundTruth", range(8, 12)),
    "test": ("ISIC-2017_Test_v2_Data", "ISIC-2017_Test_v2_Part1_GroundTruth", range(12, 16)),
}
_SKIN = np.array(((0.86, 0.69, 0.60), (0.80, 0.60, 0.52), (0.90, 0.74, 0.70), (0.70, 0.52, 0.42)))
_BROWN = np.array(((0.56, 0.36, 0.25), (0.42, 0.25, 0.17), (0.62, 0.42, 0.33), (0.36, 0.24, 0.20)))
_DARK = np.array(((0.22, 0.13, 0.11), (0.28, 0.17, 0.13), (0.20, 0.17, 0.19)))

_NOTICE = """Simulated dermoscopy with lesion masks, in the layout of the ISIC 2017 challenge.
No patient, no photograph: for trying out the software, never for measuring it.
"""


def lesions(root: str | os.PathLike[str] | None = None) -> Path:
    """Writes the simulated dermoscopy sample, once, in the layout of ISIC 2017.

    Eight training, four validation and four test images of 192x256 (height x width), each with one lesion and its exact
    mask. Skin tone, the lesion's irregular border and mixed browns, how sharply it ends, hairs and the dark corners of
    the dermoscope vary. All of it is simulated.

    Args:
        root: folder of samples; by default ``$LITEMED_HOME/samples`` or ``~/.cache/litemed/samples``.

    Returns:
        The data set's folder, for `mininet.readers.isic`.
    """
    return written_once("lesions-v1", _write, root)


def _write(folder: Path) -> None:
    (folder / "README.txt").write_text(_NOTICE)
    for images, masks, numbers in _SECTIONS.values():
        (folder / images).mkdir()
        (folder / masks).mkdir()
        for number in numbers:
            picture, lesion = _photograph(np.random.default_rng(number))
            as_picture(picture).save(folder / images / f"ISIC_{number:07d}.jpg", quality=92)
            as_mask(lesion).save(folder / masks / f"ISIC_{number:07d}_segmentation.png")


def _photograph(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Picture in [0, 1] and mask of its lesion."""
    lesion = _outline(rng)
    mottle = 0.035 * smooth_noise(rng, _SHAPE, 25) + 0.012 * smooth_noise(rng, _SHAPE, 1.2)
    flush = 0.03 * smooth_noise(rng, _SHAPE, 6)
    skin = _blend(rng, _SKIN) * (1 + mottle)[..., None] * (1 + np.multiply.outer(flush, (0.3, 1.0, 0.9)))
    inside = distance_transform_edt(lesion) - distance_transform_edt(~lesion)
    opacity = smooth_step(0.5 + inside / rng.uniform(4, 14))[..., None] * rng.uniform(0.75, 0.97)
    picture = skin * (1 - opacity) + _pigment(rng, inside) * opacity
    picture = _with_hairs(rng, picture, count=int(rng.choice((0, 0, 4, 12, 25))))
    picture = gaussian_filter(picture, (0.6, 0.6, 0)) * _vignette(rng)[..., None]
    return picture + rng.normal(scale=0.012, size=picture.shape), lesion


def _blend(rng: np.random.Generator, colours: np.ndarray) -> np.ndarray:
    """A random mixture of the colours, mostly of one or two."""
    return rng.dirichlet(np.full(len(colours), 0.6)) @ colours


def _outline(rng: np.random.Generator) -> np.ndarray:
    """Mask of an ellipse whose radius varies with the angle, by waves that are weaker the shorter they are."""
    height, width = _SHAPE
    rows, columns = np.mgrid[:height, :width] + 0.5
    x, y = columns - width * rng.uniform(0.40, 0.60), rows - height * rng.uniform(0.42, 0.58)
    turn, stretch = rng.uniform(0, np.pi), rng.uniform(1.0, 1.25)
    across, along = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    angle = np.arctan2(along, across)
    raggedness = 0.22 * rng.uniform(0.3, 1.0)
    waves = sum(
        rng.normal(scale=raggedness / order) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
        for order in range(2, 14)
    )
    radius = height * rng.uniform(0.17, 0.34) * np.exp(waves)
    return np.hypot(across * stretch, along / stretch) <= radius


def _pigment(rng: np.random.Generator, inside: np.ndarray) -> np.ndarray:
    """Browns of a lesion: blotches, a network or globules, darker towards the middle."""
    brown, dark = _blend(rng, _BROWN), _blend(rng, _DARK)
    depth = smooth_step(inside / inside.max())
    blotch = 0.35 * smooth_noise(rng, _SHAPE, rng.uniform(8, 16)) + 0.4 * depth + rng.uniform(0.0, 0.5)
    structure = smooth_noise(rng, _SHAPE, rng.uniform(1.6, 2.6))
    structure = np.abs(structure) if rng.random() < 0.5 else np.maximum(structure - 0.8, 0) * 1.5  # network or globules
    shade = np.clip(0.75 * smooth_step(blotch) + 0.14 * structure, 0, 1)[..., None]
    return brown * (1 - shade) + dark * shade


def _with_hairs(rng: np.random.Generator, picture: np.ndarray, count: int) -> np.ndarray:
    """Adds dark hairs, each a quadratic curve from one side of the picture towards another."""
    height, width = _SHAPE
    rows, columns = np.mgrid[:height, :width] + 0.5
    grain = rng.uniform(0, np.pi)
    for _ in range(count):
        turn = grain + rng.normal(scale=0.5)
        x, y = columns - rng.uniform(0, width), rows - rng.uniform(0, height)
        along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        distance = np.abs(across - rng.normal(scale=0.003) * along**2)
        hair = smooth_step(1.2 - distance / rng.uniform(0.8, 1.5)) * (np.abs(along) < rng.uniform(30, 130))
        opacity = (hair * rng.uniform(0.5, 0.9))[..., None]
        picture = picture * (1 - opacity) + np.array((0.16, 0.11, 0.09)) * opacity
    return picture


def _vignette(rng: np.random.Generator) -> np.ndarray:
    """Light falling off from the middle, and in some pictures the black corners of the dermoscope's round field."""
    height, width = _SHAPE
    rows, columns = np.mgrid[:height, :width] + 0.5
    radius = np.hypot((columns - width / 2) / width, (rows - height / 2) / width)
    light = 1.05 - rng.uniform(0.3, 0.9) * radius**2
    if rng.random() < 0.3:
        light = light * (1 - smooth_step((radius - rng.uniform(0.50, 0.56)) / 0.03))
    return light
