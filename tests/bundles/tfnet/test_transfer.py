# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The classifier that starts from TF-Net sees what TF-Net sees."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tfnet import FrameClassifier, TFNet
from tfnet.network import VARIANTS
from tfnet.transfer import classifier_from_segmenter, run


@torch.no_grad()
@pytest.mark.parametrize("variant", ["mini0", "mini1"])
def test_maps_of_the_encoder_are_equal(variant: str) -> None:
    torch.manual_seed(0)
    segmenter = TFNet(variant)
    for module in segmenter.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
    classifier = classifier_from_segmenter(segmenter.state_dict(), variant).eval()
    grey = torch.rand(2, 1, 64, 48)
    for ours, theirs in zip(
        classifier.encoder(grey), segmenter.eval().encoder(grey.expand(-1, 3, -1, -1)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(TFNet().state_dict(), tmp_path / "tfnet.pt")
    for name in ("first.pt", "second.pt"):
        run(str(tmp_path / "tfnet.pt"), str(tmp_path / name))
    assert "first.pt" in capsys.readouterr().out
    first, second = (torch.load(tmp_path / name, weights_only=True) for name in ("first.pt", "second.pt"))
    FrameClassifier(VARIANTS["mini0"], in_channels=1).load_state_dict(first)
    assert all(torch.equal(first[name], second[name]) for name in first)
