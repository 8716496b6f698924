# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Readers of the public data sets of the paper, each from a folder to a sorted list of cases."""

from __future__ import annotations

from collections.abc import Callable

from litemed.datasets.files import Case
from litemed.datasets.paired_folders import paired

from mininet.readers.chasedb1 import chasedb1
from mininet.readers.drive import drive
from mininet.readers.fives import fives
from mininet.readers.hrf import hrf
from mininet.readers.isic import isic
from mininet.readers.monuseg import imagescope_instances, monuseg
from mininet.readers.stare import stare

READERS: dict[str, Callable[..., list[Case]]] = {
    reader.__name__: reader for reader in (chasedb1, drive, fives, hrf, isic, monuseg, paired, stare)
}
"""Readers by name, for configurations and the command line."""

__all__ = ["READERS", "chasedb1", "drive", "fives", "hrf", "imagescope_instances", "isic", "monuseg", "paired", "stare"]
