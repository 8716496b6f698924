# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TF-Collab: from a tear-film video to break-up times, masks, maps and a report."""

from __future__ import annotations

from tfnet.collab.intervals import Interval, blink_intervals
from tfnet.collab.models import Models
from tfnet.collab.networks import Networks
from tfnet.collab.pipeline import Options, analyse
from tfnet.collab.rings import Rings
from tfnet.collab.video import Frame, FrameSource, open_source
from tfnet.collab.visit import Visit

__all__ = [
    "Frame",
    "FrameSource",
    "Interval",
    "Models",
    "Networks",
    "Options",
    "Rings",
    "Visit",
    "analyse",
    "blink_intervals",
    "open_source",
]
