# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The class-prompt network: counts, and the class in its masks."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from classprompt import UNTOLD, ClassPromptMedSAM, PromptedNetwork, load_network
from litemed.networks.medsam_lite import MedSAMLite
from litemed.training.checkpoints import save_checkpoint

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
def test_the_class_told_is_the_heads_unless_given(
    network: ClassPromptMedSAM, embedding: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = embedding[:1]
    predicted = network.classify(first).argmax(dim=1)
    monkeypatch.setattr(network, "sure", 0.0)
    other = (predicted + 1) % 11
    by_head, _ = network.decode(first, BOXES)
    torch.testing.assert_close(network.decode(first, BOXES, class_id=predicted)[0], by_head)
    told, _ = network.decode(first, BOXES, class_id=other)
    assert (told - by_head).abs().max() > 1e-3
    torch.testing.assert_close(network.decode_shared(network.share(first, other), BOXES)[0], told)
    torch.testing.assert_close(network.decode_plain(first, BOXES)[0], by_head, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_nothing_is_told_where_the_head_is_unsure(
    network: ClassPromptMedSAM, embedding: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    probability, predicted = network.classify(embedding).softmax(dim=1).max(dim=1)
    order = probability.argsort()
    monkeypatch.setattr(network, "sure", float(probability.mean()))  # one is below it, the other above
    found, _ = network.decode(embedding, BOXES)
    expected, _ = network.decode(embedding, BOXES, class_id=predicted.index_fill(0, order[:1], UNTOLD))
    torch.testing.assert_close(found, expected)
    told, _ = network.decode(embedding, BOXES, class_id=predicted)
    assert (told - found)[order[0]].abs().max() > 1e-3
    torch.testing.assert_close(told[order[1]], found[order[1]])
    plain = MedSAMLite().eval()
    plain.load_state_dict(
        {name: value for name, value in network.state_dict().items() if not name.startswith("class_")}
    )
    untold, _ = network.decode(embedding, BOXES, class_id=torch.full_like(predicted, UNTOLD))
    torch.testing.assert_close(untold, plain.decode(embedding, BOXES)[0])


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


@torch.no_grad()
def test_the_box_is_a_channel(embedding: torch.Tensor) -> None:
    torch.manual_seed(0)
    network = PromptedNetwork("mean").eval()
    image = torch.zeros(2, 4, 256, 256)
    image[0, 3, 30:100, 20:91] = 1
    image[1, 3, 5:201, 5:251] = 1
    expected, iou = network.decode(embedding, BOXES)
    torch.testing.assert_close(network(image, embedding), expected)
    classes = torch.tensor([2, 9])
    output = network.train()(image, embedding, classes)
    torch.testing.assert_close(output.logits, network.decode(embedding, BOXES, class_id=classes)[0])
    torch.testing.assert_close(output.class_logits, network.classify(embedding))
    assert output.iou.shape == iou.shape
    assert output.class_id is classes
    with pytest.raises(ValueError, match="expected images of three channels and a prompt"):
        network(image[:, :3])


@torch.no_grad()
def test_the_ablation_is_the_network_without_the_prompt(embedding: torch.Tensor) -> None:
    torch.manual_seed(0)
    network, plain = ClassPromptMedSAM("mean", class_prompt=False).eval(), MedSAMLite().eval()
    plain.load_state_dict(
        {name: value for name, value in network.state_dict().items() if not name.startswith("class_")}
    )
    for told in (None, torch.tensor([2, -1])):
        torch.testing.assert_close(network.decode(embedding, BOXES, class_id=told), plain.decode(embedding, BOXES))


def test_the_network_is_read_from_the_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model.pt", PromptedNetwork("mean"), torch.float16)
    assert load_network(tmp_path / "model.pt").architecture["pooling"] == "mean"
    save_checkpoint(tmp_path / "lite.pt", MedSAMLite(), torch.float16)
    with pytest.raises(ValueError, match=r"expected weights of one of .*, found weights of LiteMedSAM"):
        load_network(tmp_path / "lite.pt")
