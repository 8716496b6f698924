# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Which slices of a volume? 3D to 2D sampling over lazily read volumes, and predictions back into volumes."""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {"open_volumes": ["OpenVolumes"], "sampling": ["label_slices", "sample_slices"], "stacking": ["stack_slices"]},
)
