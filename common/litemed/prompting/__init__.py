# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Objects from prompts: boxes and clicks, inferers that embed an image once for all of them, and result files."""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "box_2d": ["Box2DInferer"],
        "box_3d": ["Box3DInferer", "SliceSource"],
        "box_network": ["BoxInferer", "BoxNetwork", "BoxResult"],
        "clicks": ["Click", "Prompts", "SimulatedUser", "next_click", "next_stroke", "stroke_clicks"],
        "embedding_cache": ["EmbeddingCache"],
        "embedding_store": ["EmbeddingStore"],
        "frozen_encoder": ["FrozenEncoderInferer"],
        "listing": ["list_prompted"],
        "object_writers": ["ObjectTableWriter", "OverlayWriter"],
        "objects": ["Objects", "object_table", "segment_objects"],
        "prompt_inferer": ["PromptInferer"],
        "refining": ["Place", "Prompt"],
        "session": ["Change", "Progress", "Session"],
        "session_files": ["write_results"],
        "session_image": ["SessionImage"],
    },
)
