# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures in the frame that the networks work at, and back."""

from __future__ import annotations

import pytest
import torch
from tiu_ocular.framing import FitFramed, FrameInferer, place


@pytest.mark.parametrize(
    ("sides", "frame", "scaled", "before"),
    [
        ((480, 320), (480, 320), (480, 320), (0, 0)),
        ((640, 480), (480, 320), (427, 320), (26, 0)),  # 320 / 480 of 640 is 426.67
        ((960, 320), (480, 320), (480, 160), (0, 80)),
        ((1, 1000), (480, 320), (1, 320), (239, 0)),
    ],
)
def test_placement(
    sides: tuple[int, int], frame: tuple[int, int], scaled: tuple[int, int], before: tuple[int, int]
) -> None:
    assert place(sides, frame) == (scaled, before)


def test_picture_and_labels_share_their_place() -> None:
    picture, labels = torch.zeros(3, 40, 10), torch.zeros(1, 40, 10)
    picture[:, 20:], labels[:, 20:] = 1, 3
    items = FitFramed("image", (40, 40))({"image": picture, "label": labels, "case": "a"})
    assert items["image"].shape == (3, 40, 40)
    assert items["case"] == "a"
    # the picture's edge rows are repeated above and below, the labels stay where they were
    assert torch.equal(items["image"][0, :, 0], items["image"][0, :, 20])
    assert items["label"][0, 30].tolist() == [0] * 15 + [3] * 10 + [0] * 15


def test_a_picture_of_the_frames_size_is_left_alone() -> None:
    picture = torch.rand(3, 48, 32)
    items = FitFramed("image", (48, 32))({"image": picture})
    torch.testing.assert_close(items["image"], picture)


@pytest.mark.parametrize("sides", [(48, 32), (20, 80), (100, 60), (7, 3), (1, 200)])
def test_inferer_gives_logits_at_the_pictures_own_size(sides: tuple[int, int]) -> None:
    seen = []

    def network(x: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(x.shape))
        return x[:, :1]

    picture = torch.full((1, 3, *sides), 2.0)
    logits = FrameInferer((48, 32))(picture, network)
    assert seen == [(1, 3, 48, 32)]
    assert logits.shape == (1, 1, *sides)
    torch.testing.assert_close(logits, picture[:, :1])


def test_inferer_puts_things_back_where_they_were() -> None:
    picture = torch.zeros(1, 1, 64, 30)
    picture[..., 40:50, 10:20] = 1
    back = FrameInferer((32, 32))(picture, lambda x: x)
    assert ((back > 0.5) == (picture > 0.5)).float().mean() > 0.98


def test_flips_average_probabilities() -> None:
    logits = torch.randn(1, 5, 8, 6, generator=torch.Generator().manual_seed(0))
    mirrored = FrameInferer((8, 6), flips=True)(torch.zeros(1, 3, 8, 6), lambda x: logits)
    expected = (logits.softmax(1) + logits.flip(-2).softmax(1)) / 2
    torch.testing.assert_close(mirrored.softmax(1), expected, atol=1e-5, rtol=1e-4)


def _of_two_colours(x: torch.Tensor) -> torch.Tensor:
    """A network that knows sclera and iris by their values, 1 and 2, and is sure of it."""
    return torch.stack([8.0 * ((x[:, 0] - value).abs() < 0.5) for value in range(5)], dim=1)


def test_a_second_look_sees_more_and_leaves_out_what_is_no_eye() -> None:
    picture = torch.zeros(1, 3, 240, 160)
    picture[..., 100:140, 60:80] = 1  # an eye of 40 x 20
    picture[..., 110:117, 63:70] = 2
    picture[..., 200:240, 120:160] = 2  # a dark corner
    seen = []

    def network(x: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return _of_two_colours(x)

    once = FrameInferer((48, 32))(picture, network).argmax(1)
    twice = FrameInferer((48, 32), closer=True)(picture, network).argmax(1)
    truth = picture[:, 0].long()
    assert (once[0, 200:, 120:] == 2).float().mean() > 0.9
    assert not twice[0, 150:].any()
    truth[0, 200:, 120:] = 0
    assert (twice != truth).sum() < 0.5 * (once[:, :200, :120] != truth[:, :200, :120]).sum()
    assert [tuple(x.shape) for x in seen] == [(1, 3, 48, 32)] * 3
    assert (seen[2][0, 0] > 0.5).float().mean() > 4 * (seen[0][0, 0, :40, :24] > 0.5).float().mean()


def test_a_second_look_without_an_eye_is_the_first() -> None:
    picture = torch.zeros(2, 3, 60, 50)
    once, twice = (FrameInferer((48, 32), closer=closer)(picture, _of_two_colours) for closer in (False, True))
    assert torch.equal(once, twice)


def test_margin_below_one() -> None:
    with pytest.raises(ValueError, match=r"got 0\.9"):
        FrameInferer((48, 32), margin=0.9)


@pytest.mark.parametrize("size", [(480,), (0, 320), (1, 2, 3)])
def test_wrong_size(size: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="two positive sides"):
        FitFramed("image", size)
    with pytest.raises(ValueError, match="two positive sides"):
        FrameInferer(size)


def test_inferer_wants_a_batch() -> None:
    with pytest.raises(ValueError, match=r"got shape \(3, 8, 6\)"):
        FrameInferer((8, 6))(torch.zeros(3, 8, 6), lambda x: x)
