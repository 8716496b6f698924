# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Readers of public data sets: each a function from a folder to a sorted list of cases.

A case is a dict of paths: ``case`` (its name), ``image``, ``label`` and, where the set has a field of view, ``region``.
"""

from __future__ import annotations

from collections.abc import Callable

from litemed.datasets.chasedb1 import chasedb1
from litemed.datasets.clinical_eyes import clinical_eyes
from litemed.datasets.drive import drive
from litemed.datasets.files import Case
from litemed.datasets.isic import isic
from litemed.datasets.labelme import EYE_LABELS, labelme_map, read_labelme
from litemed.datasets.monuseg import imagescope_instances, monuseg
from litemed.datasets.paired import paired
from litemed.datasets.pictures import list_pictures
from litemed.datasets.splits import split_cases
from litemed.datasets.stare import stare
from litemed.datasets.tfm import TFM_BOXES, TFM_CLASSES, tfm
from litemed.datasets.ubiris import ubiris

READERS: dict[str, Callable[..., list[Case]]] = {
    reader.__name__: reader for reader in (chasedb1, clinical_eyes, drive, isic, monuseg, paired, stare, ubiris)
}
"""Readers by name, for configs and the command line."""

__all__ = [
    "EYE_LABELS",
    "READERS",
    "TFM_BOXES",
    "TFM_CLASSES",
    "Case",
    "chasedb1",
    "clinical_eyes",
    "drive",
    "imagescope_instances",
    "isic",
    "labelme_map",
    "list_pictures",
    "monuseg",
    "paired",
    "read_labelme",
    "split_cases",
    "stare",
    "tfm",
    "ubiris",
]
