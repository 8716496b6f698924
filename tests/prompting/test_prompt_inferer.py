# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and volumes by one inferer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from litemed.prompting import Session
from litemed.prompting.prompt_inferer import PromptInferer
from litemed.transforms import LoadPictured
from litemed.transforms.prompts import RasterizePromptsd
from monai.transforms import Compose


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


@pytest.mark.parametrize("keep", [0, 2])
def test_clicks_give_the_masks_of_a_session_and_images_are_embedded_once(
    bright: Any, bright_picture: Path, tmp_path: Path, keep: int
) -> None:
    preprocess = Compose([LoadPictured("image"), RasterizePromptsd("image", keep_clicks=True)])
    inferer = PromptInferer(keep=keep)

    def ask(foreground: list[list[int]], background: list[list[int]]) -> np.ndarray:
        given = {"image": str(bright_picture), "foreground": foreground, "background": background}
        item = preprocess(given)
        inputs = torch.cat([item["image"], item["prompt"]])[None]
        return np.asarray(inferer(inputs, bright))[0, 0].T

    first, second = ask([[40, 40]], []), ask([[40, 40]], [[30, 30]])
    assert bright.encoded == (1 if keep else 2)
    with Session(bright, bright_picture, folder=tmp_path) as session:
        session.add_object("one")
        session.click("one", 40, 40)
        np.testing.assert_array_equal(first, session.mask("one"))
        session.click("one", 30, 30, positive=False)
        np.testing.assert_array_equal(second, session.mask("one"))
        assert first.sum() == 1600
        assert second.sum() < 1600


def test_of_a_volume_the_slices_with_clicks_are_segmented(bright: Any) -> None:
    inputs = torch.full((1, 2, 256, 256, 5), 20.0)
    inputs[0, 0, 10:30, 20:50] = 200
    inputs[0, 1] = 0
    inputs[0, 1, 15, 30, 2], inputs[0, 1, 15, 40, 2], inputs[0, 1, 15, 40, 3] = -2, -5, -7
    labels = np.asarray(PromptInferer()(inputs, bright))[0, 0]
    expected = np.zeros((256, 256), bool)
    expected[10:30, 20:50] = True
    expected[10:21, 35:46] = False
    np.testing.assert_array_equal(labels[..., 2], expected)
    assert labels.sum() == expected.sum()


def test_another_network_has_other_embeddings() -> None:
    inputs = torch.zeros(1, 4, 20, 16)
    inputs[:, -1, 4:12, 3:9] = 1
    inferer, networks = PromptInferer(keep=4), (Recorder(), Recorder())
    for network in (networks[0], networks[0], networks[1], networks[0]):
        inferer(inputs, network)
    assert [network.encoded for network in networks] == [2, 1]
