# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated tear-film videos: Placido rings mirrored by a cornea, blinks, and the break-up of the film."""

from __future__ import annotations

from tfnet.simulation.video import Frame, Interval, TearFilmVideo
from tfnet.simulation.writing import tearfilm

__all__ = ["Frame", "Interval", "TearFilmVideo", "tearfilm"]
