# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""SwiftMedSAM's networks."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from litemed.networks.architecture import set_architecture
from litemed.networks.medsam_lite import EMBEDDING_SHAPE, MedSAMLite
from litemed.networks.prompted import PromptChannel
from litemed.training import checkpoints

from swiftmedsam.fast import FastTinyViT

__all__ = ["KEPT_BLOCKS", "VARIANTS", "PromptedNetwork", "SwiftMedSAM", "load_network"]

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
    "fast": {},
}
"""Arguments of :class:`litemed.networks.MedSAMLite` for each variant (SwiftMedSAM paper, table 1; fast is ours)."""

KEPT_BLOCKS: dict[str, dict[int | str, list[int]]] = {
    "lite": {},
    "v1": {2: [0, 1, 4, 5]},
    "v2": {0: [1], 2: [1, 5]},
    "fast": {},
}
"""Which of LiteMedSAM's blocks each variant starts from, by stage: those that keep its embeddings best, untrained."""


class SwiftMedSAM(MedSAMLite):
    """SwiftMedSAM (section 2.2, table 1): LiteMedSAM with fewer blocks and a thinner mask decoder.

    Args:
        variant: ``"v2"``, 5,942,388 parameters, the paper's result; ``"v1"``, 6,996,636; ``"lite"``, LiteMedSAM
            itself, 9,791,300; or ``"fast"``, 10,155,760, not of the paper: LiteMedSAM with a `FastTinyViT`, 9.8 billion
            multiply-adds an image where LiteMedSAM has 37.5.

    Raises:
        ValueError: for another variant.
    """

    def __init__(self, variant: str = "v2") -> None:
        if variant not in VARIANTS:
            raise ValueError(f"expected a variant of {', '.join(VARIANTS)}, got {variant!r}")
        super().__init__(**VARIANTS[variant])
        self.variant = variant
        if variant == "fast":
            self.image_encoder = FastTinyViT(out_channels=EMBEDDING_SHAPE[0])
        set_architecture(self, variant=variant)


class PromptedNetwork(PromptChannel, SwiftMedSAM):
    """A variant of SwiftMedSAM whose `forward` takes the box as a fourth channel, see `litemed.networks.PromptChannel`.

    Args:
        variant: see `SwiftMedSAM`.
    """


def load_network(path: str | os.PathLike[str], variant: str | None = None) -> Any:
    """Build the network that a checkpoint is of, and load it: a `PromptedNetwork` in evaluation mode.

    Args:
        path: the checkpoint, see `litemed.training.checkpoints.load_network`.
        variant: the one that it must be of; None takes the one that fits.

    Raises:
        CheckpointError: when the file can't be read, or is of another network.
    """
    names = list(VARIANTS) if variant is None else [variant]
    return checkpoints.load_network(path, {name: partial(PromptedNetwork, name) for name in names})
