# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Dictionary transforms that several bundles share."""

from __future__ import annotations

from litemed.transforms.pictures import LoadLabeld, LoadPictured, to_picture

__all__ = ["LoadLabeld", "LoadPictured", "to_picture"]
