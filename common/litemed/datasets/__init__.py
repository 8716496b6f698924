# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Which files belong together?

A case is a dict of paths: ``case`` (its name), ``image``, ``label`` and, where the set has a field of view, ``region``;
a reader is a function from a folder to a sorted list of cases.
"""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "balance": ["balanced_sampler"],
        "files": ["Case"],
        "paired_folders": ["paired", "paired_part"],
        "pictures": ["list_pictures"],
        "splits": ["split_cases"],
    },
)
