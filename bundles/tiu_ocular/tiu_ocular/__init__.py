# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Eye regions that keep their anatomy, and the measurements that follow from them."""

from __future__ import annotations

from pathlib import Path

from litemed.lazy import lazy_names

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "regions": ["REGIONS", "eye_anatomy"],
        "augmentation": ["RandFramingd", "RandPhotometryd"],
        "data": ["load_cases", "subject_lookup"],
        "framing": ["FitFramed", "FrameInferer"],
        "handlers": ["MeasurementWriter", "RegionPictures", "draw_regions"],
        "labels": ["MergeRegionsd"],
        "loss": ["build_loss"],
        "measurements": ["compare_eyes", "measure_eye", "measure_eyes"],
        "metrics": ["RatioErrorMetric", "evaluation_metrics", "select_regions"],
        "network": ["FCN8s", "build_network"],
        "visibility": ["HideUnseenPupild"],
    },
)
