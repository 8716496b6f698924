# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The class head, its pooling, and the tokens that tell the modality."""

from __future__ import annotations

import pytest
import torch
from litemed.networks.class_prompt import MODALITIES, ClassHead, ClassPromptEncoder, modality_index


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters() -> None:
    assert _count(ClassHead()) == 134_411
    encoder = ClassPromptEncoder()
    assert _count(encoder.perceptron) == 1_056_768
    assert _count(encoder.prompt_encoder) == 6_220


def test_sum_and_mean_start_with_the_same_logits_and_differ_by_the_pixels() -> None:
    torch.manual_seed(0)
    embedding = torch.randn(2, 256, 64, 64)
    torch.manual_seed(1)
    total = ClassHead("sum")
    torch.manual_seed(1)
    mean = ClassHead("mean")
    torch.testing.assert_close(total(embedding), mean(embedding), rtol=1e-3, atol=1e-5)
    mean.load_state_dict(total.state_dict())
    torch.testing.assert_close(mean(embedding * 4096), total(embedding), rtol=1e-3, atol=1e-5)


def test_other_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match='expected pooling "sum" or "mean", got \'max\''):
        ClassHead("max")


def test_tokens_start_with_mean_zero_over_the_classes() -> None:
    torch.manual_seed(0)
    tokens = ClassPromptEncoder()(torch.randn(11, 11), torch.arange(11))
    assert tokens.shape == (11, 2, 256)
    torch.testing.assert_close(tokens.mean(dim=0), torch.zeros(2, 256), rtol=0, atol=1e-5)
    assert (tokens[0] - tokens[1]).norm() > 0.1


def test_tokens_are_the_perceptron_and_the_box_of_the_class() -> None:
    torch.manual_seed(0)
    encoder = ClassPromptEncoder()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    logits = torch.randn(2, 11)
    box = encoder.prompt_encoder.boxes(torch.tensor([[3.0, 3, 3, 3], [7, 7, 7, 7]]))
    expected = torch.stack([encoder.perceptron(logits)[:, :256], encoder.perceptron(logits)[:, 256:]], dim=1) + box
    torch.testing.assert_close(encoder(logits, torch.tensor([3, 7])), expected)


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        ("CT", "CT"),
        ("xray", "X-Ray"),
        ("X-Ray", "X-Ray"),
        ("US", "Ultrasound"),
        ("mri", "MR"),
        ("Microscope", "Microscopy"),
    ],
)
def test_modality_by_name(name: str, modality: str) -> None:
    assert MODALITIES[modality_index(name)] == modality


def test_unknown_modality_is_refused() -> None:
    assert len(MODALITIES) == 11
    with pytest.raises(ValueError, match=r"expected a modality of CT, MR, .*, got 'SPECT'"):
        modality_index("SPECT")
