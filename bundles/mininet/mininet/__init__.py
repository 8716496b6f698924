# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Mini-Net: light 2D segmentation of vessels, lesions and nuclei."""

from __future__ import annotations

from pathlib import Path

from litemed.lazy import lazy_names

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "augmentation": ["RandCamerad", "RandObstructionsd", "RandStaind"],
        "data": ["evaluation_part", "load_cases", "patient_of"],
        "kinds": ["kind_weights"],
        "network": ["MiniNet"],
        "transforms": ["FieldOfViewd", "NormalizeInRegiond", "RandUnevenLightd"],
    },
)
