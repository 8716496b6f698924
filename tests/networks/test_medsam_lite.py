# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The MedSAM-lite network: names, prompts, shared decoding, folding and export."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from litemed.networks.medsam_lite import ImageSide, MedSAMLite, PromptSide

SMALL: dict[str, Any] = {
    "encoder_depths": (1, 1, 1, 1),
    "decoder_depth": 2,
    "decoder_mlp_channels": 32,
    "decoder_heads": 8,
    "iou_depth": 2,
}
BOXES = torch.tensor([[20.0, 30, 90, 99], [5, 5, 250, 200], [100, 120, 110, 128]])


@pytest.fixture(scope="module")
def network() -> MedSAMLite:
    torch.manual_seed(0)
    return MedSAMLite(**SMALL).eval()


@pytest.fixture(scope="module")
def embedding() -> torch.Tensor:
    return torch.randn(1, 256, 64, 64, generator=torch.Generator().manual_seed(1))


def test_names_and_parameters_of_the_public_checkpoint() -> None:
    with torch.device("meta"):
        network = MedSAMLite()
    names = [name.split(".")[0] for name in network.state_dict()]
    assert len(names) == 435
    assert {part: names.count(part) for part in names} == {
        "image_encoder": 298,
        "mask_decoder": 120,
        "prompt_encoder": 17,
    }
    assert sum(parameter.numel() for parameter in network.parameters()) == 9_791_300


def test_image_and_boxes_to_logits_and_iou(network: MedSAMLite) -> None:
    image = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits, iou = network(image, BOXES)
        assert logits.shape == (3, 1, 256, 256)
        assert iou.shape == (3, 1)
        found = network.decode(network.encode_image(image), BOXES)
    torch.testing.assert_close(found, (logits, iou))


@torch.no_grad()
def test_shared_decoding_equals_the_plain_one(network: MedSAMLite, embedding: torch.Tensor) -> None:
    plain = network.decode_plain(embedding, BOXES, multimask=True)
    scale = float(plain[0].abs().max())
    found = [
        network.decode(embedding, BOXES, multimask=True),
        network.decode_shared(network.share(embedding), BOXES, multimask=True),
        network.decode(embedding.expand(3, -1, -1, -1), BOXES, multimask=True),
    ]
    for logits, iou in found:
        torch.testing.assert_close(logits, plain[0], rtol=0, atol=1e-5 * scale)
        torch.testing.assert_close(iou, plain[1], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_prompts_do_not_see_each_other(network: MedSAMLite, embedding: torch.Tensor) -> None:
    together = network.decode(embedding, BOXES)[0]
    apart = torch.cat([network.decode(embedding, box[None])[0] for box in BOXES])
    torch.testing.assert_close(together, apart, rtol=1e-5, atol=1e-4)
    assert network.decode(embedding, BOXES[:0])[0].shape == (0, 1, 256, 256)


@torch.no_grad()
def test_points_boxes_and_masks_together(network: MedSAMLite, embedding: torch.Tensor) -> None:
    points, labels = torch.rand(3, 2, 2) * 255, torch.tensor([[1, 0], [1, 1], [1, -1]])
    pointed, _ = network.decode(embedding, points=points, labels=labels)
    both, _ = network.decode(embedding, BOXES, points, labels)
    refined, iou = network.decode(embedding, BOXES, points, labels, masks=both, multimask=True)
    assert pointed.shape == both.shape == (3, 1, 256, 256)
    assert refined.shape == (3, 4, 256, 256)
    assert iou.shape == (3, 4)
    assert not torch.equal(pointed, both)


def test_gradients_reach_every_part_that_boxes_use() -> None:
    torch.manual_seed(0)
    network = MedSAMLite(**SMALL)
    embedding = network.encode_image(torch.rand(2, 3, 256, 256))
    logits, iou = network.decode(embedding, BOXES[:2])
    (logits.square().mean() + iou.square().mean()).backward()
    without = {name for name, parameter in network.named_parameters() if parameter.grad is None}
    unused = ("mask_downscaling", "not_a_point", "point_embeddings.0", "point_embeddings.1", "hypernetworks_mlps")
    unused += ("token_to_image.k_proj.bias",)  # the same for all keys of a query: softmax ignores it
    assert not [name for name in without if not any(part in name for part in unused)]
    assert not [name for name in without if "hypernetworks_mlps.0" in name]


@torch.no_grad()
def test_fused_network_gives_the_same_embedding(network: MedSAMLite) -> None:
    image = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    fused = network.fuse()
    assert not [name for name, _ in fused.named_modules() if name.endswith(".bn")]
    assert [name for name, _ in network.named_modules() if name.endswith(".bn")]
    torch.testing.assert_close(fused.encode_image(image), network.encode_image(image), rtol=1e-4, atol=4e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n, e: n.encode_image(torch.zeros(1, 1, 256, 256)), r"expected images .* got \[1, 1, 256, 256\]"),
        (lambda n, e: n.encode_image(torch.zeros(1, 3, 512, 512)), r"expected images .* got \[1, 3, 512, 512\]"),
        (lambda n, e: n.decode(e), "expected boxes or points, got neither"),
        (lambda n, e: n.decode(e, torch.zeros(4)), r"expected boxes of shape \(N, 4\), got \[4\]"),
        (lambda n, e: n.decode(e, points=torch.zeros(1, 2, 2)), "expected labels with the points"),
        (
            lambda n, e: n.decode(e, points=torch.zeros(1, 2, 2), labels=torch.zeros(1, 3)),
            r"got \[1, 2, 2\] and \[1, 3\]",
        ),
        (lambda n, e: n.decode(e[:, :8], BOXES), r"expected embeddings .* got \[1, 8, 64, 64\]"),
        (lambda n, e: n.decode(e.expand(2, -1, -1, -1), BOXES), "one a prompt, got 2 for 3 prompts"),
        (lambda n, e: n.share(e.expand(2, -1, -1, -1)), "expected one embedding to share, got 2"),
    ],
)
def test_wrong_shapes_are_refused(network: MedSAMLite, embedding: torch.Tensor, call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(network, embedding)


@torch.no_grad()
def test_torchscript_gives_the_same(network: MedSAMLite) -> None:
    image = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(network)
    torch.testing.assert_close(scripted(image, BOXES), network(image, BOXES), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_halves_give_what_the_network_gives(network: MedSAMLite) -> None:
    image = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    embedding = ImageSide(network)(image)
    torch.testing.assert_close(embedding, network.encode_image(image))
    shared = network.share(embedding)
    for number in (1, 2, 3):
        found = PromptSide(network)(*PromptSide.shared(shared), BOXES[:number])
        torch.testing.assert_close(found, network.decode_plain(embedding, BOXES[:number]), rtol=1e-4, atol=1e-4)


def test_halves_tell_networks_apart_whose_weights_have_the_same_shapes() -> None:
    with torch.device("meta"):
        networks = [MedSAMLite(**{**SMALL, "decoder_heads": heads}) for heads in (4, 8)]
    assert len({str(PromptSide(network)) for network in networks}) == 2
