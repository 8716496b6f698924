# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Blocks and networks that several bundles share."""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "architecture": ["set_architecture"],
        "class_prompt": ["MODALITIES", "ClassHead", "ClassPromptEncoder", "modality_index"],
        "freezing": ["freeze"],
        "mask_decoder": ["MaskDecoder", "SharedImage"],
        "medsam_lite": ["EMBEDDING_SHAPE", "IMAGE_SIZE", "ImageSide", "MedSAMLite", "PromptSide"],
        "prompt_encoder": ["PromptEncoder"],
        "prompted": ["PromptChannel", "PromptedOutput", "prompt_to_boxes"],
        "reparam": ["ReparamConv", "fuse"],
        "tiny_vit": ["TinyViT"],
    },
)
