# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The regions of an eye and the relations between them."""

from __future__ import annotations

from litemed.metrics.anatomy import Anatomy

__all__ = ["CONTAINS", "EXCLUSIVE", "OCCLUDERS", "REGIONS", "eye_anatomy"]

REGIONS = ("background", "sclera", "iris", "pupil", "caruncle")
"""Name of every label value, and of every channel of the network."""

CONTAINS = (("sclera", "iris"), ("iris", "pupil"))
"""Pairs (outer, inner): TIU paper, section 2.2."""

EXCLUSIVE = (("sclera", "pupil"),)
"""Pairs that never touch: TIU paper, section 2.2."""

OCCLUDERS = ("background",)
"""What may cover the eye: lids and lashes are background."""


def eye_anatomy(mode: str = "disjoint") -> Anatomy:
    """The relations of an eye on a label map of :data:`REGIONS`; ``mode`` as in `Anatomy`."""
    return Anatomy(CONTAINS, EXCLUSIVE, REGIONS, mode, OCCLUDERS)
