# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""From image files and boxes to result files: what a bundle's command line and its inference call.

The room above ``inferers``, ``slices`` and ``datasets``: it joins reading, box-prompted inference and writing, and
holds no network.
"""

from __future__ import annotations

from litemed.prompting.images import PromptImage, open_image
from litemed.prompting.listing import list_prompted
from litemed.prompting.overlay import label_overlay
from litemed.prompting.overlay_writer import OverlayWriter
from litemed.prompting.segment import segment_boxes

__all__ = ["OverlayWriter", "PromptImage", "label_overlay", "list_prompted", "open_image", "segment_boxes"]
