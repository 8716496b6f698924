# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Whole pictures of any size."""

from __future__ import annotations

import pytest
import torch
from litemed.deploy.picture_inferer import PictureInferer


class _Recorder:
    """A network that hands its input back and remembers the sizes it saw."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, ...]] = []

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        self.sizes.append(tuple(image.shape[-2:]))
        return image[:, :1]


@pytest.mark.parametrize(
    ("size", "divisor", "seen"),
    [((8, 12), 4, (8, 12)), ((9, 14), 4, (12, 16)), ((1, 3), 4, (4, 4)), ((33, 64), 16, (48, 64)), ((7, 5), 1, (7, 5))],
)
def test_pads_and_crops_back_exactly(size: tuple[int, int], divisor: int, seen: tuple[int, int]) -> None:
    image = torch.rand(2, 3, *size)
    network = _Recorder()
    result = PictureInferer(divisor=divisor)(image, network)
    assert network.sizes == [seen]
    assert torch.equal(result, image[:, :1])


def test_works_at_the_given_longest_side_and_returns_the_own_size() -> None:
    image = torch.full((1, 3, 100, 61), 0.25)
    network = _Recorder()
    result = PictureInferer(divisor=4, longest_side=50)(image, network)
    # 61 * 50 / 100 = 30.5, to the even neighbour 30; padded to 52 x 32
    assert network.sizes == [(52, 32)]
    torch.testing.assert_close(result, image[:, :1])


def test_flips_average_probabilities() -> None:
    image = torch.tensor([[[[2.0, -1.0], [0.5, 3.0]]]])

    def first_pixel_only(view: torch.Tensor) -> torch.Tensor:
        logits = torch.full_like(view, -20.0)
        logits[..., 0, 0] = view[..., 0, 0]
        return logits

    result = PictureInferer(flips=True)(image, first_pixel_only)
    # every pixel is in the corner in two of the eight views
    torch.testing.assert_close(result.sigmoid(), image.sigmoid() / 4, rtol=0, atol=1e-5)


def test_flips_leave_an_equivariant_network_unchanged() -> None:
    image = torch.randn(1, 3, 10, 6)
    torch.testing.assert_close(PictureInferer(4, flips=True)(image, _Recorder()), image[:, :1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("arguments", [{"divisor": 0}, {"longest_side": 0}])
def test_bad_arguments(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="of at least 1, got"):
        PictureInferer(**arguments)


def test_a_volume_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(B, C, H, W\), got shape \(1, 3, 4, 4, 4\)"):
        PictureInferer()(torch.zeros(1, 3, 4, 4, 4), _Recorder())
