# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The ring detector: where in a frame are the Placido rings, and are there any?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from litemed.networks.architecture import set_architecture
from litemed.networks.reparam import ReparamConv
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

from tfnet.network import MobileOneMini

__all__ = ["RINGS", "RingDetectionLoss", "RingDetector", "box_iou", "decode_rings", "encode_rings"]

RINGS = ("inside", "middle", "outside")
"""The three concentric boxes of a frame (TFM, section III.A): tangent to the inner edge of the smallest ring, to the
outer edge of the fifth, and around all of them."""

OUTPUTS = 1 + 4 * len(RINGS)
"""Numbers a frame: a logit for the presence of rings, then centre x, centre y, width and height of each box."""

_TYPICAL_SIDES = (0.06, 0.17, 0.4)
_HIDDEN = 64


class RingDetector(nn.Module):
    """Detect the three boxes of the Placido rings, anchor-free and finer than a pixel of the input.

    The paper doesn't say what it detects with; this network is ours. A heat map at 1/8 of the sides, softmax over the
    frame, has its mean at the rings' centre (soft-argmax). The features that it weighs tell how far each box's centre
    lies from there, and its sides; with those of the whole frame they tell whether there are rings at all.

    Args:
        width: factor on the encoder's 64, 128, 256 and 512 channels.
        in_channels: channels of the image.

    Shape:
        ``(B, in_channels, W, H)``, sides divisible by 16, to ``(B, 13)``: a logit for the presence of rings, then for
        inside, middle and outside the centre x and y, width and height as shares of the frame (:func:`decode_rings`
        turns them into pixels). x runs along the first spatial axis, as in pictures that MONAI loads.
    """

    def __init__(self, width: float = 0.125, in_channels: int = 3) -> None:
        super().__init__()
        set_architecture(self, network="RingDetector", width=width, in_channels=in_channels)
        self.encoder = MobileOneMini(width, in_channels)
        eighth, deepest = self.encoder.channels[2:]
        self.lateral = ReparamConv(deepest, eighth, 1)
        self.neck = nn.Sequential(ReparamConv(2 * eighth, eighth), ReparamConv(eighth, eighth))
        self.heat = nn.Conv2d(eighth, 1, 1)
        self.hidden = nn.Linear(eighth + 2 * deepest, _HIDDEN)
        self.presence = nn.Linear(_HIDDEN, 1)
        self.offsets = nn.Linear(_HIDDEN, 2 * len(RINGS))
        self.sides = nn.Linear(_HIDDEN, 2 * len(RINGS))
        for layer in (self.offsets, self.sides):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.sides.bias.copy_(torch.tensor(_TYPICAL_SIDES).repeat_interleave(2).logit())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        eighth, deepest = self.encoder(x)[2:]
        wide = F.interpolate(self.lateral(deepest), size=eighth.shape[-2:], mode="bilinear", align_corners=False)
        features = self.neck(torch.cat([eighth, wide], dim=1))
        heat = self.heat(features).flatten(1).float().softmax(dim=1).view(-1, 1, features.shape[2], features.shape[3])
        centre = torch.stack([_mean_place(heat.sum(dim=3)), _mean_place(heat.sum(dim=2))], dim=2)
        there = (features * heat).sum(dim=(2, 3))
        everywhere = torch.cat([deepest.mean(dim=(2, 3)), deepest.amax(dim=(2, 3))], dim=1)
        hidden = F.relu(self.hidden(torch.cat([there, everywhere], dim=1)))
        sides = self.sides(hidden).sigmoid().unflatten(1, (-1, 2))
        centres = centre + self.offsets(hidden).unflatten(1, (-1, 2)) * sides
        return torch.cat([self.presence(hidden), torch.cat([centres, sides], dim=2).flatten(1)], dim=1)


def _mean_place(weights: torch.Tensor) -> torch.Tensor:
    """Mean place ``(B, 1)`` of weights ``(B, 1, n)`` that add up to 1, as a share of the axis."""
    places = (torch.arange(weights.shape[2], device=weights.device, dtype=weights.dtype) + 0.5) / weights.shape[2]
    return (weights * places).sum(dim=2)


def encode_rings(boxes: Sequence[Sequence[float]] | None, frame_size: Sequence[int]) -> torch.Tensor:
    """What :class:`RingDetector` is to say of a frame.

    Args:
        boxes: inside, middle and outside as x0, y0, x1, y1 in pixels; None in a frame without rings.
        frame_size: width and height of the frame, in pixels.

    Returns:
        13 numbers: 1 for the presence of rings and the boxes as shares of the frame; or all 0.

    Raises:
        ValueError: when there aren't three boxes of four finite numbers, or a box has no area.
    """
    if boxes is None:
        return torch.zeros(OUTPUTS)
    corners = torch.as_tensor(boxes, dtype=torch.float32)
    if corners.shape != (len(RINGS), 4) or not corners.isfinite().all() or (corners[:, :2] >= corners[:, 2:]).any():
        raise ValueError(f"expected the boxes {', '.join(RINGS)} as x0,y0,x1,y1 with x0 < x1 and y0 < y1, got {boxes}")
    size = torch.tensor([float(side) for side in frame_size])
    shares = torch.cat([(corners[:, :2] + corners[:, 2:]) / 2 / size, (corners[:, 2:] - corners[:, :2]) / size], dim=1)
    return torch.cat([torch.ones(1), shares.flatten()])


def decode_rings(output: torch.Tensor, frame_size: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes in the pixels of a frame, from what :class:`RingDetector` gives for it at any size.

    Args:
        output: ``(B, 13)``.
        frame_size: width and height of the original frame, in pixels.

    Returns:
        boxes ``(B, 3, 4)``, inside, middle and outside as x0, y0, x1, y1, which may leave the frame; and the
        probability ``(B,)`` that the frame shows rings.
    """
    boxes = corners(output[:, 1:].unflatten(1, (len(RINGS), 4)))
    width, height = frame_size
    return boxes * boxes.new_tensor([width, height, width, height]), output[:, 0].sigmoid()


def ring_window(outside: Sequence[float] | None, width: int, height: int) -> tuple[int, int, int, int]:
    """The part of a frame in which it is classified: the outside box, or the middle where there is none.

    Args:
        outside: x0, y0, x1, y1 of the box around all rings, in pixels; it may leave the frame. None, or a box that lies
            beside the frame, stands for a square of half the frame's smaller side in its middle.
        width: of the frame, in pixels.
        height: of the frame.

    Returns:
        x0, y0, x1, y1 in whole pixels, within the frame and not empty.
    """
    if outside is not None:
        x0, y0, x1, y1 = (round(float(edge)) for edge in outside)
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        if x0 < x1 and y0 < y1:
            return x0, y0, x1, y1
    side = max(1, min(width, height) // 2)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def box_iou(boxes: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Intersection over union of boxes, pair by pair.

    Args:
        boxes: ``(..., 4)`` as x0, y0, x1, y1.
        others: of the same shape.

    Returns:
        ``(...)``, 0 to 1; 0 for two boxes without area.
    """
    sides = torch.minimum(boxes[..., 2:], others[..., 2:]) - torch.maximum(boxes[..., :2], others[..., :2])
    shared = sides.clamp_min(0).prod(dim=-1)
    areas = [(each[..., 2:] - each[..., :2]).clamp_min(0).prod(dim=-1) for each in (boxes, others)]
    union = areas[0] + areas[1] - shared
    return shared / union.clamp_min(torch.finfo(union.dtype).tiny)


class RingDetectionLoss(_Loss):
    """Binary cross entropy of the presence; for frames with rings also 1 - IoU and relative errors of the boxes.

    The relative errors are the shift of a centre by sides of the true box, and the logarithm of the ratio of the
    sides: they guide where boxes don't overlap, and count an error of the small box as much as one of the large.

    Args:
        box_weight: of the two box terms beside the presence.
    """

    def __init__(self, box_weight: float = 2.0) -> None:
        super().__init__()
        self.box_weight = box_weight

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """
        Args:
            input: ``(B, 13)`` of :class:`RingDetector`.
            target: ``(B, 13)`` of :func:`encode_rings`.

        Returns:
            A scalar.

        Raises:
            ValueError: when the shapes don't fit.
        """
        if input.shape != target.shape or input.ndim != 2 or input.shape[1] != OUTPUTS:
            raise ValueError(f"expected two tensors (B, {OUTPUTS}), got {tuple(input.shape)} and {tuple(target.shape)}")
        loss = F.binary_cross_entropy_with_logits(input[:, 0], target[:, 0])
        shown = target[:, 0] > 0.5
        if not shown.any():
            return loss
        boxes, truth = (each[shown, 1:].unflatten(1, (len(RINGS), 4)) for each in (input, target))
        shift = ((boxes[..., :2] - truth[..., :2]) / truth[..., 2:]).abs()
        ratio = (boxes[..., 2:].clamp_min(1e-6) / truth[..., 2:]).log().abs()
        overlap = box_iou(corners(boxes), corners(truth))
        return loss + self.box_weight * (1 - overlap.mean() + shift.mean() + ratio.mean())


def corners(boxes: torch.Tensor) -> torch.Tensor:
    """Boxes ``(..., 4)`` as x0, y0, x1, y1, from centre x, centre y, width and height."""
    return torch.cat([boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2], dim=-1)
