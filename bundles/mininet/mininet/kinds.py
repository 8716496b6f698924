# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How a picture of nuclei was made, told by its looks."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch
from litemed.datasets.balance import balanced_weights
from litemed.datasets.files import Case
from litemed.images.pictures import read_picture

__all__ = ["KINDS", "kind_of_file", "kind_weights", "picture_kind"]

KINDS = ("fluorescence", "bright-field", "stained")
"""Bright nuclei on a dark ground; dark ones on a bright ground, without colour; any stain in transmitted light."""

_COLOURED = 0.04


def picture_kind(image: np.ndarray | torch.Tensor) -> str:
    """One of `KINDS`.

    A picture is stained if its channels differ by more than 4 % of its largest value in the mean and its ground (the
    median) isn't dark; else it is bright-field when its ground is above half of its largest value.

    Args:
        image: ``(3, W, H)``, values from 0.
    """
    pixels = np.asarray(image, dtype=np.float32)
    pixels = pixels / max(float(pixels.max()), 1e-6)
    grey = pixels.mean(axis=0)
    ground = float(np.median(grey))
    if (pixels.max(axis=0) - pixels.min(axis=0)).mean() > _COLOURED and ground > 0.15:
        return "stained"
    return "bright-field" if ground > 0.5 else "fluorescence"


@functools.cache
def kind_of_file(path: str) -> str:
    """`picture_kind` of a picture's file, read once."""
    pixels = read_picture(Path(path))
    return picture_kind(pixels.transpose(2, 1, 0) if pixels.ndim == 3 else np.repeat(pixels[None], 3, axis=0))


def kind_weights(cases: list[Case]) -> list[float]:
    """Weight of each case, by which each kind of picture is drawn equally often.

    Args:
        cases: of `mininet.load_cases`.
    """
    return balanced_weights([kind_of_file(case["image"]) for case in cases])
