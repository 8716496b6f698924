# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""MONAI inferers that several bundles share."""

from __future__ import annotations

from litemed.inferers.picture import PictureInferer

__all__ = ["PictureInferer"]
