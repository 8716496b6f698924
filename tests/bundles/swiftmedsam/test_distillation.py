# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a student is asked, and its loss."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from litemed.losses.mask import MaskLoss
from litemed.networks.prompted import PromptedOutput
from litemed.training.checkpoints import save_checkpoint
from swiftmedsam import (
    DistillationInferer,
    DistillationLoss,
    DistillationOutputs,
    PromptedNetwork,
    StageInferer,
    StageLoss,
    load_network,
)
from torch import nn


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A checkpoint of v1 with chance weights, whose batch normalisations have statistics."""
    torch.manual_seed(0)
    network = PromptedNetwork("v1")
    path = tmp_path_factory.mktemp("teacher") / "v1.pt"
    save_checkpoint(path, network)
    return str(path)


def test_distillation_loss_is_zero_for_equal_answers() -> None:
    generator = torch.Generator().manual_seed(0)
    sure = torch.where(torch.rand(2, 1, 8, 8, generator=generator) > 0.5, 30.0, -30.0)
    teacher = PromptedOutput(sure, torch.rand(2, 1), torch.randn(2, 4, 3, 3, generator=generator))
    label = torch.ones(2, 1, 8, 8)
    assert DistillationLoss()(DistillationOutputs(teacher, teacher), label).item() == pytest.approx(0, abs=1e-4)
    shifted = teacher._replace(embedding=teacher.embedding + 0.5)
    expected = 2 * 0.25 / teacher.embedding.var().item()
    assert DistillationLoss(2)(DistillationOutputs(shifted, teacher), label).item() == pytest.approx(expected, rel=1e-3)
    unsure = teacher._replace(iou=teacher.iou + 0.1)
    assert DistillationLoss(iou=3)(DistillationOutputs(unsure, teacher), label).item() == pytest.approx(0.03, rel=1e-2)
    # without a slope cross entropy is log 2 everywhere; Dice is 2 * n / 2 over n + N / 4 for n of N pixels
    flat = teacher._replace(logits=torch.zeros_like(sure))
    shares = (sure > 0).float().mean(dim=(1, 2, 3))
    mask = math.log(2) + (1 - shares / (shares + 0.25)).mean().item()
    assert DistillationLoss()(DistillationOutputs(flat, teacher), label).item() == pytest.approx(mask, rel=1e-3)
    supervised = DistillationLoss(0, 0, 0, 3)(DistillationOutputs(teacher, teacher), label)
    assert supervised.item() == pytest.approx(3 * MaskLoss()(teacher, label).item(), rel=1e-6)


def test_the_decoder_alone_learns_from_the_teachers_embedding(teacher: str) -> None:
    inferer = DistillationInferer(teacher, decoder_only=True)
    student = PromptedNetwork("v2").train()
    inputs = torch.rand(1, 4, 256, 256, generator=torch.Generator().manual_seed(0))
    outputs = inferer(inputs, student)
    assert outputs.student.embedding is outputs.teacher.embedding
    DistillationLoss()(outputs, torch.zeros(1, 1, 256, 256)).backward()
    assert all(parameter.grad is None for parameter in student.image_encoder.parameters())
    assert student.mask_decoder.iou_token.weight.grad.abs().sum() > 0
    norms = [module for module in student.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    assert not any(norm.training for norm in norms)


def test_a_frozen_encoders_embeddings_are_kept(tmp_path: Path, teacher: str) -> None:
    inferer = DistillationInferer(teacher, student_cache=tmp_path / "student")
    student = PromptedNetwork("v2").train()
    inputs = torch.rand(1, 4, 256, 256, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="expected a frozen image encoder"):
        inferer(inputs, student)
    student.image_encoder.requires_grad_(False)
    expected = inferer(inputs, student)
    assert len(list((tmp_path / "student").glob("*.pt"))) == 2  # with the picture by which the encoder is known
    calls = []
    student.image_encoder.register_forward_hook(lambda *arguments: calls.append(arguments))
    outputs = inferer(inputs, student)
    assert not calls
    torch.testing.assert_close(outputs.student.embedding, expected.student.embedding)
    DistillationLoss()(outputs, torch.zeros(1, 1, 256, 256)).backward()
    assert student.mask_decoder.iou_token.weight.grad.abs().sum() > 0
    # the embedding is the student's own, as without a folder but for half precision
    plain = DistillationInferer(teacher)(inputs, student)
    torch.testing.assert_close(outputs.student.embedding, plain.student.embedding, rtol=1e-2, atol=1e-2)
    with pytest.raises(ValueError, match="expected no embeddings of a student that decodes the teacher's"):
        DistillationInferer(teacher, decoder_only=True, student_cache=tmp_path / "student")


def test_a_stage_learns_from_the_teachers_input_to_it(tmp_path: Path, teacher: str) -> None:
    student = PromptedNetwork("v2").train()
    inputs = torch.rand(2, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    encoder = load_network(teacher).image_encoder
    with torch.no_grad():
        given = encoder.layers[1](encoder.layers[0](encoder.patch_embed(inputs[:1, :3])))
        wanted = encoder.layers[2](given)
        answer = student.eval().image_encoder.layers[2](given)
    inferer = StageInferer(teacher, 2, cache_dir=tmp_path / "cache")
    outputs = inferer(inputs[:1], student.train())
    torch.testing.assert_close(outputs.teacher, wanted, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(outputs.student, answer, rtol=1e-3, atol=1e-4)
    error = ((answer - wanted) ** 2).mean() / wanted.var()
    assert StageLoss()(outputs).item() == pytest.approx(error.item(), rel=1e-3)
    (file,) = (tmp_path / "cache").iterdir()
    assert [value.dtype for value in torch.load(file, weights_only=True)] == [torch.float16] * 2
    again = inferer(inputs[:1], student)
    torch.testing.assert_close(again.teacher, wanted, rtol=1e-2, atol=1e-2)
    cut = StageInferer(teacher, 0, crop=32)(inputs, student)
    assert cut.student.shape == cut.teacher.shape == (2, 128, 16, 16)


def test_the_whole_encoder_learns_the_teachers_embeddings(tmp_path: Path, teacher: str) -> None:
    student = PromptedNetwork("v2").train()
    inputs = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    inferer = StageInferer(teacher, None, cache_dir=tmp_path / "cache")
    outputs = inferer(inputs, student)
    with torch.no_grad():
        wanted = load_network(teacher).encode_image(inputs)
    torch.testing.assert_close(outputs.teacher, wanted, rtol=1e-2, atol=1e-2)
    assert len(list((tmp_path / "cache").iterdir())) == 2  # the image and the reference
    StageLoss()(outputs).backward()
    assert student.image_encoder.patch_embed.seq[0].c.weight.grad.abs().sum() > 0


def test_crops_are_for_the_convolutional_stage(teacher: str) -> None:
    with pytest.raises(ValueError, match="expected crops of stage 0 alone, and no folder for them, got stage 2, None"):
        StageInferer(teacher, 2, crop=32)
    with pytest.raises(ValueError, match="got stage 0, cache"):
        StageInferer(teacher, 0, crop=32, cache_dir="cache")
