# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Exported box-prompted networks answer as they do in PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from litemed.deploy.box_networks import BoxDeployment, ExportedBoxNetwork, deploy_boxes
from litemed.deploy.runtimes import available_runtimes
from litemed.networks.medsam_lite import MedSAMLite
from litemed.prompting.box_2d import Box2DInferer
from torch import nn

EXPORTED = [name for name in available_runtimes() if name != "torch"]
BOXES = torch.tensor([[20.0, 30, 90, 99], [5, 5, 250, 200], [100, 120, 110, 128]])


class Encoder(nn.Module):
    """In place of TinyViT, whose export is slow: one strided convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 256, 4, 4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.conv(image)


class CornerNetwork(MedSAMLite):
    """Adds a given number to the tokens of a box's corners, as the class prompt adds its class."""

    def share(self, embedding: torch.Tensor, number: float = 0.0) -> Any:
        return self._share(embedding, self._corners(embedding) + number)


def _network(seed: int = 0) -> MedSAMLite:
    torch.manual_seed(seed)
    network = CornerNetwork((1, 1, 1, 1), decoder_depth=2, decoder_mlp_channels=32, iou_depth=2)
    network.image_encoder = Encoder()  # type: ignore[assignment]
    return network.eval()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One export for all tests: it is slow."""
    return tmp_path_factory.mktemp("onnx")


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
@pytest.mark.parametrize("runtime", EXPORTED)
def test_every_runtime_gives_the_same(runtime: str, cache: Path, image: torch.Tensor) -> None:
    network = _network()
    deployed = deploy_boxes(network, runtime, threads=1, cache_dir=cache)
    embedding = deployed.encode_image(image)
    torch.testing.assert_close(embedding, network.encode_image(image), rtol=1e-5, atol=1e-5)
    kept = embedding.clone()
    for number in (1, 2, 3):
        expected = network.decode_plain(embedding, BOXES[:number])
        torch.testing.assert_close(deployed.decode(embedding, BOXES[:number]), expected, rtol=0, atol=1e-3)
    shared = deployed.share(embedding, number=0.5)
    told = network.decode_shared(network.share(embedding, number=0.5), BOXES)
    torch.testing.assert_close(deployed.decode_shared(shared, BOXES), told, rtol=0, atol=1e-3)
    torch.testing.assert_close(deployed.decode(embedding, BOXES, number=0.5), told, rtol=0, atol=1e-3)
    assert (told[0] - network.decode(embedding, BOXES)[0]).abs().max() > 1e-2
    assert torch.equal(embedding, kept)


@pytest.mark.parametrize("runtime", EXPORTED)
def test_an_inferer_takes_it_for_the_network(runtime: str, cache: Path) -> None:
    network = _network()
    picture = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    boxes = np.array([[4, 5, 40, 30], [50, 20, 110, 80], [1, 60, 30, 88], [60, 1, 90, 18], [30, 30, 60, 70.5]])
    expected = Box2DInferer().segment(picture, boxes, network)
    found = Box2DInferer().segment(picture, boxes, deploy_boxes(network, runtime, cache_dir=cache))
    assert (found.labels == expected.labels).mean() > 0.999
    np.testing.assert_allclose(found.iou, expected.iou, atol=1e-4)


def test_the_fastest_that_is_installed_is_taken(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if EXPORTED:
        assert isinstance(deploy_boxes(_network(), cache_dir=cache), ExportedBoxNetwork)
    monkeypatch.setattr("litemed.deploy.runtimes.available_runtimes", lambda: ["torch"])
    assert type(deploy_boxes(_network())) is CornerNetwork
    with pytest.raises(ImportError, match="pip install onnx onnxscript openvino"):
        deploy_boxes(_network(), "openvino")
    other = nn.Identity()
    assert deploy_boxes(other) is other


def test_what_can_not_be_deployed(cache: Path) -> None:
    with pytest.raises(ValueError, match="a network of the MedSAM-lite family for onnxruntime, got Identity"):
        deploy_boxes(nn.Identity(), "onnxruntime")
    with pytest.raises(ValueError, match="a runtime among auto, openvino, onnxruntime, torch, got 'tensorrt'"):
        deploy_boxes(_network(), "tensorrt")
    with torch.device("meta"), pytest.raises(ValueError, match="for networks on the CPU, got one on meta"):
        deploy_boxes(MedSAMLite((1, 1, 1, 1)), "openvino")


def test_an_engine_deploys_again_when_the_weights_have_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr("litemed.deploy.box_networks.deploy_boxes", lambda *given: made.append(given) or len(made))
    network, deployment = _network(), BoxDeployment("onnxruntime", threads=1)
    assert [deployment(network), deployment(network)] == [1, 1]
    network.load_state_dict(_network(1).state_dict())
    assert [deployment(network), deployment(network), deployment(_network())] == [2, 2, 3]
    assert made[0] == (network, "onnxruntime", "f32", 1, None)
