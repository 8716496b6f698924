# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What the pipeline asks of its three models."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from tfnet.collab.rings import Rings

__all__ = ["Models"]


class Models(Protocol):
    """Classifier, detector and segmenter of one frame. Anything with these methods can take their place.

    With an attribute ``workers`` above 1, they are called from as many threads at once. What an attribute ``weights``
    holds, hashes of files by name, is told beside the results.
    """

    @property
    def identity(self) -> str:
        """Names the models and their weights: results of other models are never continued."""

    def classify(self, frame: np.ndarray) -> np.ndarray:
        """Probabilities ``(4,)`` of the classes clear, closed, broken and blur of a uint8 frame ``(H, W)``."""

    def detect(self, frame: np.ndarray) -> Rings | None:
        """The rings in a uint8 frame ``(H, W)``, or None where there are none."""

    def segment(self, crop: np.ndarray) -> np.ndarray:
        """Mask of break-up, bool ``(h, w)``, of a uint8 crop ``(h, w)``."""
