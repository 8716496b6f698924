# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The class-prompt network: counts, and the class in its masks."""

from __future__ import annotations

import warnings

import pytest
import torch
from classprompt import ClassPromptMedSAM

BOXES = torch.tensor([[20.0, 30, 90, 99], [5, 5, 250, 200]])


@pytest.fixture(scope="module")
def network() -> ClassPromptMedSAM:
    torch.manual_seed(0)
    return ClassPromptMedSAM().eval()


@pytest.fixture(scope="module")
def embedding() -> torch.Tensor:
    return torch.randn(2, 256, 64, 64, generator=torch.Generator().manual_seed(1))


def test_published_counts(network: ClassPromptMedSAM) -> None:
    def count(*modules: torch.nn.Module) -> int:
        return sum(parameter.numel() for module in modules for parameter in module.parameters())

    assert count(network.image_encoder, network.class_head) == 5_861_151
    assert count(network.mask_decoder) == 4_058_340
    assert count(network.prompt_encoder) == 6_220
    assert count(network.class_prompt_encoder) == 1_056_768 + 6_220
    assert count(network) == 10_988_699


@torch.no_grad()
def test_the_class_told_is_the_heads_unless_given(network: ClassPromptMedSAM, embedding: torch.Tensor) -> None:
    first = embedding[:1]
    predicted = network.classify(first).argmax(dim=1)
    other = (predicted + 1) % 11
    by_head, _ = network.decode(first, BOXES)
    torch.testing.assert_close(network.decode(first, BOXES, class_id=predicted)[0], by_head)
    told, _ = network.decode(first, BOXES, class_id=other)
    assert (told - by_head).abs().max() > 1e-3
    torch.testing.assert_close(network.decode_shared(network.share(first, other), BOXES)[0], told)
    torch.testing.assert_close(network.decode_plain(first, BOXES)[0], by_head, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_each_image_has_its_own_class(network: ClassPromptMedSAM, embedding: torch.Tensor) -> None:
    classes = torch.tensor([2, 9])
    together, _ = network.decode(embedding, BOXES, class_id=classes)
    for i in range(2):
        alone, _ = network.decode(embedding[i : i + 1], BOXES[i : i + 1], class_id=classes[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-4, atol=1e-4)


def test_forward_gives_the_class_logits_too(network: ClassPromptMedSAM) -> None:
    image = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        logits, iou, classes = network(image, BOXES)
        assert logits.shape == (2, 1, 256, 256)
        assert iou.shape == (2, 1)
        assert classes.shape == (1, 11)
        scripted = torch.jit.script(network)(image, BOXES)
    torch.testing.assert_close(scripted, (logits, iou, classes), rtol=1e-4, atol=1e-4)


def test_wrong_number_of_classes_is_refused(network: ClassPromptMedSAM, embedding: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"expected 2 classes, one an image, got \[1\]"):
        network.decode(embedding, BOXES, class_id=torch.tensor([1]))
