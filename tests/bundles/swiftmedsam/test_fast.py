# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The encoder at half the resolution, and the fit of its last layers."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from litemed.datasets.challenge import write_challenge
from litemed.networks.tiny_vit import TinyViT
from litemed.training.checkpoints import read_checkpoint, save_checkpoint
from swiftmedsam import PromptedNetwork, SwiftMedSAM, load_network
from swiftmedsam.fast import FastTinyViT, fit, fit_head, half_resolution
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

WIDTHS = {"out_channels": 8, "channels": (8, 8, 10, 10), "depths": (1, 1, 2, 1), "num_heads": (2, 2, 2)}


def _lively(encoder: nn.Module) -> nn.Module:
    """Chance weights, whose normalisations and biases of offsets do something."""
    for name, parameter in encoder.named_parameters():
        if parameter.ndim == 1 or "attention_biases" in name:
            nn.init.uniform_(parameter, 0.2, 1.0)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return encoder.eval()


def _images(count: int, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(1, 3, 64, 64, generator=generator) for _ in range(count)]


def test_at_first_it_is_the_teacher_at_half_the_resolution() -> None:
    torch.manual_seed(0)
    teacher = _lively(TinyViT(window_sizes=(4, 4, 4), **WIDTHS))
    encoder = FastTinyViT(window_sizes=(4, 4, 4), **WIDTHS).eval()
    encoder.load_state_dict(half_resolution(teacher.state_dict(), encoder), strict=True)
    image = _images(1, 1)[0]
    with torch.no_grad():
        small = teacher(F.avg_pool2d(image, 2))
        torch.testing.assert_close(encoder(image), small.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_windows_that_grew_repeat_the_farthest_offset() -> None:
    encoder = FastTinyViT(window_sizes=(4, 3, 4), **WIDTHS)
    state = TinyViT(window_sizes=(2, 3, 4), **WIDTHS).state_dict()
    key = "layers.1.blocks.0.attn.attention_biases"
    state[key] = torch.tensor([[0.0, 1, 10, 11], [5, 6, 7, 8]])
    grown = half_resolution(state, encoder)
    assert grown[key][0].view(4, 4).tolist() == [[0, 1, 1, 1], *[[10, 11, 11, 11]] * 3]
    assert torch.equal(
        grown["layers.2.blocks.1.attn.attention_biases"], state["layers.2.blocks.1.attn.attention_biases"]
    )


def test_the_fit_finds_last_layers_that_were_lost() -> None:
    torch.manual_seed(0)
    wanted = _lively(FastTinyViT(window_sizes=(4, 4, 4), **WIDTHS))
    assert isinstance(wanted, FastTinyViT)
    with torch.no_grad():
        wanted.expand.weight.normal_(std=0.5)
        pairs = [(image, wanted(image)) for image in _images(24, 1)]
    student = copy.deepcopy(wanted)
    for layer in (student.neck[2], student.expand, student.skip):
        nn.init.normal_(layer.weight, std=0.1)
    error = fit_head(student, pairs[4:], pairs[:4])
    assert error.before > 0.3
    assert error.after < 0.02
    with pytest.raises(ValueError, match="expected images to fit on"):
        fit_head(student, [], pairs)


def test_multiply_adds_are_few() -> None:
    with torch.device("meta"):
        networks = [SwiftMedSAM(variant).eval() for variant in ("lite", "fast")]
        image = torch.zeros(1, 3, 256, 256)
    flops = []
    for network in networks:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            assert network.encode_image(image).shape == (1, 256, 64, 64)
        flops.append(counter.get_total_flops())
    assert flops[1] / 2 < 10e9
    assert flops[0] / flops[1] > 3.8


def test_the_command_writes_a_fast_network_with_the_teachers_decoder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "lite.pt", PromptedNetwork("lite"))
    noise = np.random.default_rng(0)
    for part in ("training", "validation"):
        write_challenge(tmp_path / f"{part}/2D_CT_a.npz", noise.integers(0, 255, (50, 60, 3), dtype=np.uint8))
    fit(str(tmp_path / "fast.pt"), str(tmp_path), str(tmp_path / "lite.pt"), str(tmp_path / "cache"), ridge=1e-2)
    assert "fitted on 1 pictures; squared error on 1 others" in capsys.readouterr().out
    network = load_network(tmp_path / "fast.pt")
    assert network.variant == "fast"
    lite, own = read_checkpoint(tmp_path / "lite.pt").state, network.state_dict()
    kept = [name for name in lite if not name.startswith("image_encoder.")]
    assert len(kept) == 137
    assert all(torch.equal(own[name], lite[name]) for name in kept)
    with pytest.raises(ValueError, match=r"fast\.pt: expected weights of .*found"):
        load_network(tmp_path / "fast.pt", "lite")


def test_torchscript_gives_the_same_masks() -> None:
    torch.manual_seed(0)
    network, image = PromptedNetwork("fast").eval(), torch.rand(1, 4, 256, 256)
    image[:, 3] = 0
    image[:, 3, 50:90, 60:120] = 1
    with torch.no_grad():
        torch.testing.assert_close(torch.jit.script(network)(image), network(image))
