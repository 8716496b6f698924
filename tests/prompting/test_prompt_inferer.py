# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and volumes by one inferer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from litemed.prompting.prompt_inferer import PromptInferer


class Recorder:
    """A network that marks everything inside the square, and counts its images."""

    def __init__(self) -> None:
        self.encoded = 0

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        self.encoded += 1
        return image

    def decode(self, embedding: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.ones(len(boxes), 1, 256, 256), torch.ones(len(boxes), 1)


@pytest.mark.parametrize("shape", [(1, 4, 20, 16), (1, 2, 20, 16, 3)])
def test_the_deployed_network_is_asked(shape: tuple[int, ...]) -> None:
    inputs = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    inputs[:, -1] = 0
    inputs[:, -1, 4:12, 3:9] = 1
    given, ready = Recorder(), Recorder()
    asked: list[Any] = []
    labels = PromptInferer(deploy=lambda network: asked.append(network) or ready)(inputs, given)
    assert asked == [given]
    assert (given.encoded, ready.encoded) == (0, 1 if len(shape) == 4 else 3)
    assert labels.shape == (1, 1, *shape[2:])
    assert labels.max() == 1
