# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Blocks and networks that several bundles share."""

from __future__ import annotations

from litemed.networks.class_prompt import MODALITIES, ClassHead, ClassPromptEncoder, modality_index
from litemed.networks.freezing import freeze
from litemed.networks.mask_decoder import MaskDecoder, SharedImage
from litemed.networks.medsam_lite import EMBEDDING_SHAPE, IMAGE_SIZE, ImageSide, MedSAMLite, PromptSide
from litemed.networks.prompt_encoder import PromptEncoder
from litemed.networks.prompted import PromptChannel, PromptedOutput, prompt_to_boxes
from litemed.networks.reparam import ReparamConv, fuse
from litemed.networks.tiny_vit import TinyViT

__all__ = [
    "EMBEDDING_SHAPE",
    "IMAGE_SIZE",
    "MODALITIES",
    "ClassHead",
    "ClassPromptEncoder",
    "ImageSide",
    "MaskDecoder",
    "MedSAMLite",
    "PromptChannel",
    "PromptEncoder",
    "PromptSide",
    "PromptedOutput",
    "ReparamConv",
    "SharedImage",
    "TinyViT",
    "freeze",
    "fuse",
    "modality_index",
    "prompt_to_boxes",
]
