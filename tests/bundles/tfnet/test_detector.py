# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The ring detector: boxes, loss and scores."""

from __future__ import annotations

import math

import pytest
import torch
from litemed.networks.reparam import fuse
from tfnet.detector import RingDetectionLoss, RingDetector, box_iou, decode_rings, encode_rings
from tfnet.frame_metrics import BoxIoUMetric

BOXES = [[90.0, 40.0, 110.0, 60.0], [60.0, 20.0, 140.0, 80.0], [-10.0, 5.0, 210.0, 95.0]]


@torch.no_grad()
def test_thirteen_numbers_fused_and_scripted_too() -> None:
    torch.manual_seed(0)
    network, image = RingDetector().eval(), torch.rand(2, 3, 96, 64)
    output = network(image)
    assert output.shape == (2, 13)
    torch.testing.assert_close(torch.jit.script(network)(image), output)
    torch.testing.assert_close(fuse(network)(image), output, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("place", "expected"), [((0, 0), (1 / 24, 1 / 16)), ((11, 2), (23 / 24, 5 / 16))])
@torch.no_grad()
def test_the_centre_is_the_mean_place_of_the_heat(place: tuple[int, int], expected: tuple[float, float]) -> None:
    """A 96x64 image has a heat map of 12x8; all of the heat in one place puts all three boxes there."""
    network = RingDetector().eval()
    heat = torch.full((1, 1, 12, 8), -100.0)
    heat[0, 0, place[0], place[1]] = 100
    network.heat = torch.nn.Identity()
    network.heat.forward = lambda features: heat
    boxes = network(torch.rand(1, 3, 96, 64))[0, 1:].view(3, 4)
    assert boxes[:, 0].tolist() == pytest.approx([expected[0]] * 3, abs=1e-6)
    assert boxes[:, 1].tolist() == pytest.approx([expected[1]] * 3, abs=1e-6)


def test_boxes_in_shares_of_the_frame() -> None:
    encoded = encode_rings(BOXES, (200, 100))
    # inside: centre 100, 50 and sides 20 in a frame of 200x100
    assert encoded[:5].tolist() == pytest.approx([1, 0.5, 0.5, 0.1, 0.2])
    assert not encode_rings(None, (200, 100)).any()


def test_decoding_undoes_encoding_in_a_frame_of_any_size() -> None:
    encoded = encode_rings(BOXES, (200, 100))[None].clone()
    encoded[:, 0] = math.log(3)
    boxes, presence = decode_rings(encoded, (200, 100))
    torch.testing.assert_close(boxes[0], torch.tensor(BOXES))
    assert presence.tolist() == pytest.approx([0.75])
    twice, _ = decode_rings(encoded, (400, 200))
    torch.testing.assert_close(twice[0], 2 * torch.tensor(BOXES))


@pytest.mark.parametrize(
    "boxes",
    [BOXES[:2], [*BOXES[:2], [5.0, 5.0, 5.0, 9.0]], [*BOXES[:2], [0.0, 0.0, math.nan, 9.0]]],
    ids=["two boxes", "no width", "nan"],
)
def test_wrong_boxes_are_refused(boxes: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="inside, middle, outside as x0,y0,x1,y1"):
        encode_rings(boxes, (200, 100))


def test_iou_by_hand() -> None:
    boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 2, 2], [0, 0, 2, 2], [1, 1, 1, 1]])
    others = torch.tensor([[2.0, 2, 6, 6], [0, 0, 2, 2], [5, 5, 6, 6], [1, 1, 1, 1]])
    # shared 4 of 16 + 16 - 4
    assert box_iou(boxes, others).tolist() == pytest.approx([4 / 28, 1, 0, 0])


def test_loss_of_a_perfect_answer_is_nothing() -> None:
    target = torch.stack([encode_rings(BOXES, (200, 100)), encode_rings(None, (200, 100))])
    answer = target.clone()
    answer[:, 0] = torch.tensor([50.0, -50.0])
    assert RingDetectionLoss()(answer, target).item() == pytest.approx(0, abs=1e-5)


def test_loss_by_hand() -> None:
    target = encode_rings([[0, 0, 20, 20]] * 3, (100, 100))[None]
    answer = target.clone()
    answer[:, 0] = 0
    answer[:, 1::4] += 0.1  # half a width to the right: shared 1/2, union 3/2, shift 1/2 in x only
    expected = math.log(2) + 2.0 * (1 - 1 / 3 + 0.25)
    assert RingDetectionLoss(box_weight=2.0)(answer, target).item() == pytest.approx(expected, rel=1e-5)


def test_without_rings_only_the_presence_counts() -> None:
    answer = torch.full((2, 13), 0.3)
    answer[:, 0] = 0
    assert RingDetectionLoss()(answer, torch.zeros(2, 13)).item() == pytest.approx(math.log(2))
    with pytest.raises(ValueError, match=r"\(2, 12\)"):
        RingDetectionLoss()(answer[:, :12], torch.zeros(2, 13))


def test_scores_of_frames_with_and_without_rings() -> None:
    truth = encode_rings([[0, 0, 20, 20]] * 3, (100, 100))
    shifted = truth.clone()
    shifted[1:5] = encode_rings([[10, 0, 30, 20]] * 3, (100, 100))[1:5]
    metric = BoxIoUMetric()
    metric([shifted, -torch.ones(13), torch.ones(13)], [truth, torch.zeros(13), torch.zeros(13)])
    scores = {name: value.item() for name, value in metric.aggregate().items()}
    assert scores["inside"] == pytest.approx(1 / 3)
    assert scores["iou"] == pytest.approx((1 / 3 + 1 + 1) / 3)
    assert scores["presence"] == pytest.approx(2 / 3)
    assert metric.counts()["iou_undefined"] == 2


def test_the_detector_finds_discs_finer_than_the_grid() -> None:
    """Bright discs on dark frames: edges are found to a quarter of the heat map's grid."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    columns, rows = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(48) + 0.5, indexing="ij")

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        images, targets = [], []
        for x, y in torch.rand(8, 2, generator=generator).tolist():
            x, y = 16 + 32 * x, 14 + 20 * y
            distance = ((columns - x) ** 2 + (rows - y) ** 2).sqrt()
            images.append((12.5 - distance).clamp(0, 1).expand(3, -1, -1))
            targets.append(encode_rings([[x - r, y - r, x + r, y + r] for r in (3, 6, 12)], (64, 48)))
        return torch.stack(images), torch.stack(targets)

    network, loss = RingDetector(width=0.0625), RingDetectionLoss()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(40):
        images, targets = batch()
        optimizer.zero_grad()
        loss(network(images), targets).backward()
        optimizer.step()
    network.eval()
    images, targets = batch()
    with torch.no_grad():
        found, presence = decode_rings(network(images), (64, 48))
    truth, _ = decode_rings(targets, (64, 48))
    error = ((found - truth)[..., :2] + (found - truth)[..., 2:]).abs().mean() / 2
    assert error < 8 / 4
    assert presence.min() > 0.9
