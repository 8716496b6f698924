# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Readers of the data sets of eyes, each from a folder to a sorted list of cases."""

from __future__ import annotations

from collections.abc import Callable

from litemed.datasets.files import Case
from litemed.datasets.paired_folders import paired

from tiu_ocular.readers.clinical_eyes import clinical_eyes
from tiu_ocular.readers.ubiris import ubiris

READERS: dict[str, Callable[..., list[Case]]] = {reader.__name__: reader for reader in (clinical_eyes, paired, ubiris)}
"""Readers by name, for configurations and the command line."""

__all__ = ["READERS", "clinical_eyes", "paired", "ubiris"]
