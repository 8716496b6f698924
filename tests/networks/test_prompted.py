# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Networks with the prompt as a channel."""

from __future__ import annotations

import pytest
import torch
from litemed.networks.medsam_lite import MedSAMLite
from litemed.networks.prompted import PromptChannel, PromptedOutput, prompt_to_boxes


class _Network(PromptChannel, MedSAMLite):
    """A small network with the prompt as a channel."""


def test_boxes_are_read_from_the_channel() -> None:
    prompt = torch.zeros(3, 40, 60)
    prompt[0, 5:9, 10:31] = 1
    prompt[1, 39, 59] = 2
    boxes = prompt_to_boxes(prompt)
    assert boxes.tolist() == [[10, 5, 30, 8], [59, 39, 60, 40], [0, 0, 59, 39]]
    assert boxes.dtype == torch.float32
    scripted = torch.jit.script(prompt_to_boxes)
    assert torch.equal(scripted(prompt), boxes)


def test_one_tensor_in_evaluation_and_three_in_training() -> None:
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(1, 256, 64, 64, generator=generator)
    network = _Network(decoder_depth=1, decoder_mlp_channels=64).eval()
    network.encode_image = lambda image: embedding + image.mean()  # the decoder alone is fast
    image = torch.rand(1, 4, 256, 256, generator=generator)
    image[:, 3] = 0
    image[:, 3, 50:90, 30:81] = 1
    with torch.no_grad():
        logits = network(image)
        expected, iou = network.decode(embedding + image[:, :3].mean(), torch.tensor([[30.0, 50, 80, 89]]))
        output = network.train()(image)
    torch.testing.assert_close(logits, expected)
    assert isinstance(output, PromptedOutput)
    torch.testing.assert_close(output.logits, expected)
    torch.testing.assert_close(output.iou, iou)
    assert output.embedding.shape == (1, 256, 64, 64)
    with pytest.raises(ValueError, match="expected images of three channels and a prompt"):
        network(image[:, :3])
