# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Masks of many kinds, and DeepMind's package as an oracle."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def deepmind(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """DeepMind's surface-distance, given the two names of NumPy 1 that it looks up for empty masks."""
    monkeypatch.setattr(np, "Inf", np.inf, raising=False)
    monkeypatch.setattr(np, "NaN", np.nan, raising=False)
    return pytest.importorskip("surface_distance")
