# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The published box-prompted networks, known by the shapes of their weights where a file doesn't say what it is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from litemed.networks.architecture import differences, named

__all__ = ["count_members", "name_of", "published_by_shapes"]

_PUBLISHED: dict[str, dict[str, Any]] = {
    "LiteMedSAM": {
        "network": "MedSAMLite",
        "encoder_depths": [2, 2, 6, 2],
        "decoder_depth": 2,
        "decoder_mlp_channels": 2048,
        "decoder_heads": 8,
        "iou_depth": 3,
    },
    "SwiftMedSAM v1": {
        "network": "MedSAMLite",
        "encoder_depths": [2, 2, 4, 2],
        "decoder_depth": 1,
        "decoder_mlp_channels": 1024,
        "decoder_heads": 8,
        "iou_depth": 2,
    },
    "SwiftMedSAM v2": {
        "network": "MedSAMLite",
        "encoder_depths": [1, 2, 2, 2],
        "decoder_depth": 1,
        "decoder_mlp_channels": 256,
        "decoder_heads": 4,
        "iou_depth": 2,
    },
}
_PUBLISHED["class-prompt TinyViT"] = _PUBLISHED["LiteMedSAM"] | {"network": "ClassPromptMedSAM"}


def published_by_shapes(state: Mapping[str, torch.Tensor]) -> dict[str, Any] | None:
    """The published architecture that has these entries, if one does."""
    transformer, hidden = "mask_decoder.transformer.layers.", "mask_decoder.transformer.layers.0.mlp.lin1.bias"
    if hidden not in state:
        return None
    found = {
        "network": "ClassPromptMedSAM" if any(name.startswith("class_head.") for name in state) else "MedSAMLite",
        "encoder_depths": [count_members(state, f"image_encoder.layers.{stage}.blocks.") for stage in range(4)],
        "decoder_depth": count_members(state, transformer),
        "decoder_mlp_channels": len(state[hidden]),
        "iou_depth": count_members(state, "mask_decoder.iou_prediction_head.layers."),
    }
    return next((known for known in _PUBLISHED.values() if not differences(found, known)), None)


def count_members(state: Mapping[str, torch.Tensor], prefix: str) -> int:
    """Number of a module list's members."""
    return len({name.removeprefix(prefix).split(".")[0] for name in state if name.startswith(prefix)})


def name_of(architecture: Mapping[str, Any]) -> str:
    """Name of the published network that has an architecture, else the class."""
    for name, known in _PUBLISHED.items():
        if known.keys() <= architecture.keys() and not differences(architecture, known):
            return name
    return named(architecture)
