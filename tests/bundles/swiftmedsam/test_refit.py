# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Fitting an encoder to a teacher's by least squares."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from litemed.datasets.challenge import write_challenge
from litemed.networks.tiny_vit import TinyViT
from litemed.training.checkpoints import read_checkpoint, save_checkpoint
from swiftmedsam import PromptedNetwork
from swiftmedsam.refit import encoder_parts, refit, refit_encoder
from torch import nn

WIDTHS = {"out_channels": 8, "channels": (8, 8, 10, 10), "num_heads": (2, 2, 2), "window_sizes": (4, 4, 4)}


def _encoder(depths: tuple[int, ...], seed: int) -> TinyViT:
    """An encoder of chance weights whose batch normalisations do something."""
    torch.manual_seed(seed)
    encoder = TinyViT(depths=depths, **WIDTHS).eval()
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return encoder


def _images(count: int, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(1, 3, 32, 32, generator=generator) for _ in range(count)]


@pytest.mark.parametrize(
    "name",
    ["layers.1.blocks.1.mlp.fc2", "layers.0.downsample.conv3.c", "layers.2.downsample.conv3.bn", "neck.0", "neck.2"],
)
def test_a_layer_that_was_changed_is_mended(name: str) -> None:
    teacher = _encoder((1, 2, 2, 1), 0)
    student = copy.deepcopy(teacher)
    changed = student.get_submodule(name)
    entry = "bias" if name.endswith("bn") else "weight"
    with torch.no_grad():
        getattr(changed, entry).add_(
            torch.randn(getattr(changed, entry).shape, generator=torch.Generator().manual_seed(1))
        )
    errors = {error.name: error for error in refit_encoder(student, teacher, _images(6, 2), _images(2, 3), ridge=1e-9)}
    part = name.split(".mlp")[0].split(".conv3")[0]
    assert errors[part].before > 0.02
    # features are kept in half precision, whose rounding counts the more, the further off the layer was
    assert errors[part].after < max(1e-3, 1e-5 * errors[part].before)
    with torch.no_grad():
        image = _images(1, 4)[0]
        assert (student(image) - teacher(image)).square().mean() < 0.01


def test_missing_blocks_are_made_up_for() -> None:
    teacher, student = _encoder((2, 1, 4, 1), 0), _encoder((1, 1, 2, 1), 1)
    images = _images(12, 2)
    with torch.no_grad():
        wanted = teacher(images[0])
        before = (student(images[0]) - wanted).square().mean().item()
        errors = list(refit_encoder(student, teacher, images, _images(2, 3)))
        after = (student(images[0]) - wanted).square().mean().item()
    assert [error.name for error in errors] == [
        "layers.0.downsample",
        "layers.1.blocks.0",
        "layers.1.downsample",
        "layers.2.blocks.0",
        "layers.2.downsample",
        "layers.3.blocks.0",
        "neck.0",
        "neck.2",
    ]
    assert all(error.after < error.before for error in errors)
    assert after < before / 2


def test_blocks_of_a_shortened_stage_are_one_part() -> None:
    parts = encoder_parts(_encoder((1, 1, 2, 1), 0), _encoder((1, 1, 4, 1), 0))
    stage = next(part for part in parts if part.name == "layers.2.blocks.0")
    assert (len(stage.student), len(stage.teacher)) == (2, 4)
    assert stage.layer is stage.student[-1].mlp.fc2
    assert all(part.layer is None for part in parts if part.name in ("patch_embed", "neck.1", "neck.3"))


def test_the_command_takes_another_decoder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    for name in ("encoder", "decoder"):
        save_checkpoint(tmp_path / f"{name}.pt", PromptedNetwork("v2"))
    save_checkpoint(tmp_path / "teacher.pt", PromptedNetwork("lite"))
    label = np.zeros((40, 60), np.uint8)
    label[5:20, 10:40] = 1
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    for part in ("training", "validation", "test"):
        write_challenge(tmp_path / f"data/{part}/2D_CT_a.npz", pixels, labels=label)
    paths = {name: str(tmp_path / f"{name}.pt") for name in ("encoder", "decoder", "teacher", "fitted")}
    refit(
        paths["fitted"],
        str(tmp_path / "data"),
        paths["encoder"],
        paths["teacher"],
        decoder_path=paths["decoder"],
        most=1,
    )
    assert f"start from {paths['decoder']}" in capsys.readouterr().out
    fitted, *given = (read_checkpoint(paths[name]).state for name in ("fitted", "encoder", "decoder"))
    kept = [name for name in fitted if name.startswith(("prompt_encoder.", "mask_decoder."))]
    assert all(torch.equal(fitted[name], given[1][name]) for name in kept)
    assert not all(torch.equal(given[0][name], given[1][name]) for name in kept)
    assert torch.equal(
        fitted["image_encoder.patch_embed.seq.0.c.weight"], given[0]["image_encoder.patch_embed.seq.0.c.weight"]
    )


def test_another_variant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected variant to be one of 'v1', 'v2', got 'fast'"):
        refit(str(tmp_path / "fast.pt"), variant="fast")
