# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Eye regions that keep their anatomy, and the measurements that follow from them."""

from __future__ import annotations

from pathlib import Path

from tiu_ocular.anatomy import REGIONS, eye_anatomy
from tiu_ocular.augmentation import RandFramingd, RandPhotometryd
from tiu_ocular.data import load_cases, subject_lookup
from tiu_ocular.framing import FitFramed, FrameInferer
from tiu_ocular.handlers import MeasurementWriter, RegionPictures, draw_regions
from tiu_ocular.labels import MergeRegionsd
from tiu_ocular.loss import build_loss
from tiu_ocular.measurements import compare_eyes, measure_eye
from tiu_ocular.metrics import RatioErrorMetric, evaluation_metrics, select_regions
from tiu_ocular.network import FCN8s, build_network

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__all__ = [
    "BUNDLE_ROOT",
    "REGIONS",
    "FCN8s",
    "FitFramed",
    "FrameInferer",
    "MeasurementWriter",
    "MergeRegionsd",
    "RandFramingd",
    "RandPhotometryd",
    "RatioErrorMetric",
    "RegionPictures",
    "build_loss",
    "build_network",
    "compare_eyes",
    "draw_regions",
    "evaluation_metrics",
    "eye_anatomy",
    "load_cases",
    "measure_eye",
    "select_regions",
    "subject_lookup",
]
