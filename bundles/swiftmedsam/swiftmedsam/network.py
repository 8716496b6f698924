# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""SwiftMedSAM's networks."""

from __future__ import annotations

from typing import Any

from litemed.networks import MedSAMLite

__all__ = ["VARIANTS", "SwiftMedSAM"]

VARIANTS: dict[str, dict[str, Any]] = {
    "lite": {},
    "v1": {
        "encoder_depths": (2, 2, 4, 2),
        "decoder_depth": 1,
        "decoder_mlp_channels": 1024,
        "decoder_heads": 8,
        "iou_depth": 2,
    },
    "v2": {
        "encoder_depths": (1, 2, 2, 2),
        "decoder_depth": 1,
        "decoder_mlp_channels": 256,
        "decoder_heads": 4,
        "iou_depth": 2,
    },
}
"""Arguments of :class:`litemed.networks.MedSAMLite` for each variant (SwiftMedSAM paper, table 1)."""


class SwiftMedSAM(MedSAMLite):
    """SwiftMedSAM (section 2.2, table 1): LiteMedSAM with fewer blocks and a thinner mask decoder.

    Args:
        variant: ``"v2"``, 5,942,388 parameters, the paper's result; ``"v1"``, 6,996,636; or ``"lite"``, LiteMedSAM
            itself, 9,791,300.

    Raises:
        ValueError: for another variant.
    """

    def __init__(self, variant: str = "v2") -> None:
        if variant not in VARIANTS:
            raise ValueError(f"expected a variant of {', '.join(VARIANTS)}, got {variant!r}")
        super().__init__(**VARIANTS[variant])
        self.variant = variant
