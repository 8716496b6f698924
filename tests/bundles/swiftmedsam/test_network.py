# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""SwiftMedSAM's variants: counts of the whole and of each part, and their checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from litemed.training.checkpoints import save_checkpoint
from swiftmedsam import KEPT_BLOCKS, VARIANTS, PromptedNetwork, SwiftMedSAM, load_network


@pytest.mark.parametrize(
    ("variant", "encoder", "decoder", "total", "entries", "heads"),
    [
        ("lite", 5_726_740, 4_058_340, 9_791_300, 435, 8),
        ("v1", 5_102_700, 1_887_716, 6_996_636, 359, 8),
        ("v2", 4_442_436, 1_493_732, 5_942_388, 303, 4),
        ("fast", 6_091_200, 4_058_340, 10_155_760, 438, 8),
    ],
)
def test_counts(variant: str, encoder: int, decoder: int, total: int, entries: int, heads: int) -> None:
    with torch.device("meta"):
        network = SwiftMedSAM(variant)
    counts = [
        sum(parameter.numel() for parameter in part.parameters())
        for part in (network.image_encoder, network.mask_decoder, network.prompt_encoder, network)
    ]
    assert counts == [encoder, decoder, 6_220, total]
    assert len(network.state_dict()) == entries
    assert network.architecture["decoder_heads"] == heads
    attentions = [module for module in network.mask_decoder.modules() if hasattr(module, "q_proj")]
    assert {attention.num_heads for attention in attentions} == {heads}


@pytest.mark.parametrize("variant", VARIANTS)
def test_kept_blocks_fill_the_stages_they_are_for(variant: str) -> None:
    deep, own = (2, 2, 6, 2), VARIANTS[variant].get("encoder_depths", (2, 2, 6, 2))
    assert [stage for stage in range(4) if own[stage] < deep[stage]] == sorted(KEPT_BLOCKS[variant])
    for stage, blocks in KEPT_BLOCKS[variant].items():
        assert blocks == sorted(set(blocks))
        assert len(blocks) == own[stage]
        assert set(blocks) < set(range(deep[stage]))


def test_unknown_variant_is_refused() -> None:
    assert list(VARIANTS) == ["lite", "v1", "v2", "fast"]
    with pytest.raises(ValueError, match="expected a variant of lite, v1, v2, fast, got 'v3'"):
        SwiftMedSAM("v3")


def test_the_variant_is_read_from_the_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "v1.pt", PromptedNetwork("v1"), torch.float16)
    assert load_network(tmp_path / "v1.pt").variant == "v1"
    with pytest.raises(ValueError, match=r"v1\.pt: expected weights of SwiftMedSAM v2, found SwiftMedSAM v1"):
        load_network(tmp_path / "v1.pt", "v2")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt: expected weights of one of lite, v1, v2, fast, found 1 entries"):
        load_network(tmp_path / "other.pt")
