# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The reader of TFM, the data set of the paper."""

from __future__ import annotations

from tfnet.readers.tfm import TFM_BOXES, TFM_CLASSES, tfm

__all__ = ["TFM_BOXES", "TFM_CLASSES", "tfm"]
