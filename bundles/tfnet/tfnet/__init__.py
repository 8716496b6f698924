# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TF-Net and TF-Collab: tear-film break-up, from a frame's mask to a video's break-up time."""

from __future__ import annotations

from pathlib import Path

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__all__ = ["BUNDLE_ROOT"]
