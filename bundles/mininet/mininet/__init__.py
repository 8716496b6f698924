# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Mini-Net: light 2D segmentation of vessels, lesions and nuclei."""

from __future__ import annotations

from pathlib import Path

from mininet.data import load_cases, patient_of
from mininet.network import MiniNet
from mininet.transforms import FieldOfViewd, NormalizeInRegiond

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__all__ = ["BUNDLE_ROOT", "FieldOfViewd", "MiniNet", "NormalizeInRegiond", "load_cases", "patient_of"]
