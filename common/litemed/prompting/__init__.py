# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""From an image file and boxes to result files: what a bundle's command line calls.

The room above ``inferers``, ``slices`` and ``datasets``: it joins reading, box-prompted inference and writing, and
holds no network.
"""

from __future__ import annotations

from litemed.prompting.images import PromptImage, open_image
from litemed.prompting.overlay import label_overlay
from litemed.prompting.segment import segment_boxes

__all__ = ["PromptImage", "label_overlay", "open_image", "segment_boxes"]
