# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated fundus photographs and skin lesions, for trying out the bundle."""

from __future__ import annotations

from mininet.simulation.fundus import fundus
from mininet.simulation.lesions import lesions

__all__ = ["fundus", "lesions"]
