# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Class-prompt TinyViT: box-prompted segmentation that is told the modality."""

from __future__ import annotations

from pathlib import Path

from classprompt.network import ClassPromptMedSAM

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__all__ = ["BUNDLE_ROOT", "ClassPromptMedSAM"]
