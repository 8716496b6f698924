# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of any size in the one frame that the networks work at, and back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from monai.config import KeysCollection
from monai.inferers import Inferer
from monai.transforms import MapTransform
from monai.utils import convert_to_tensor, ensure_tuple
from torch.nn import functional as F

from tiu_ocular.finding import find_eyes, section
from tiu_ocular.presence import without_pupil

__all__ = ["FitFramed", "FrameInferer", "Placement", "check_frame", "place"]

_CERTAIN = 10.0  # logit of the background where no eye is


class Placement(NamedTuple):
    """Where a scaled picture lies in its frame: the scaled sides, and the pixels before it along both axes."""

    sides: tuple[int, int]
    before: tuple[int, int]


def place(sides: Sequence[int], frame: Sequence[int]) -> Placement:
    """Scale a picture to the largest that fits into the frame with its proportions kept, and centre it there.

    Args:
        sides: of the picture, in pixels.
        frame: sides of the frame, in the same order.
    """
    factor = min(frame[0] / sides[0], frame[1] / sides[1])
    first, second = (max(1, min(limit, round(side * factor))) for side, limit in zip(sides, frame, strict=True))
    return Placement((first, second), ((frame[0] - first) // 2, (frame[1] - second) // 2))


def check_frame(size: Sequence[int]) -> tuple[int, int]:
    """Width and height of a frame.

    Raises:
        ValueError: when they aren't two positive numbers.
    """
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"expected a size of two positive sides (width, height), got {list(size)}")
    return int(size[0]), int(size[1])


def _margins(placement: Placement, frame: tuple[int, int]) -> list[int]:
    """Padding in the order of ``torch.nn.functional.pad``: last axis first."""
    pads: list[int] = []
    for axis in (1, 0):
        before = placement.before[axis]
        pads += [before, frame[axis] - placement.sides[axis] - before]
    return pads


def _into_frame(pictures: torch.Tensor, placement: Placement, frame: tuple[int, int]) -> torch.Tensor:
    """Pictures (B, C, W, H) in their frame; the margin repeats their edges."""
    smaller = placement.sides[0] < pictures.shape[-2]
    scaled = F.interpolate(pictures, placement.sides, mode="bilinear", align_corners=False, antialias=smaller)
    return F.pad(scaled, _margins(placement, frame), mode="replicate")


def _mean(first: torch.Tensor, second: torch.Tensor, dim: int = 0) -> torch.Tensor:
    """Logits of the mean probabilities of two looks, classes along ``dim``."""
    return (first.softmax(dim) + second.softmax(dim)).div(2).clamp_min(1e-6).log()


class FitFramed(MapTransform):
    """Scale pictures and label maps into a frame: proportions are kept, the picture is centred.

    Pictures are interpolated and their edges repeated; label maps keep their values and are filled with background.

    Args:
        keys: keys of the pictures ``(C, W, H)``.
        size: width and height of the frame, in pixels.
        label_keys: keys of the label maps ``(1, W, H)``; those that an item lacks are skipped.

    Raises:
        ValueError: when the size isn't two positive numbers.
    """

    def __init__(self, keys: KeysCollection, size: Sequence[int], label_keys: KeysCollection = "label") -> None:
        super().__init__(keys)
        self.size = check_frame(size)
        self.label_keys = ensure_tuple(label_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        items = dict(data)
        for key in self.key_iterator(items):
            picture = convert_to_tensor(items[key], dtype=torch.float32, track_meta=False)[None]
            items[key] = _into_frame(picture, place(picture.shape[-2:], self.size), self.size)[0]
        for key in items.keys() & set(self.label_keys):
            labels = convert_to_tensor(items[key], dtype=torch.float32, track_meta=False)[None]
            placement = place(labels.shape[-2:], self.size)
            scaled = F.interpolate(labels, placement.sides, mode="nearest-exact")
            items[key] = F.pad(scaled, _margins(placement, self.size))[0]
        return items


class FrameInferer(Inferer):
    """Run a network in a frame of one size over pictures of any size, and return logits of the picture's own size.

    With ``closer`` the network looks twice: at the whole picture, and then at each eye that it found there, which
    fills the frame. In and around an eye the probabilities of both looks are averaged; all else is background. Where
    the first look finds no eye it stands alone.

    Args:
        size: width and height of the frame, in pixels, as the network was trained with.
        flips: average the probabilities over the picture and its mirror image, in both looks.
        closer: look at the eyes a second time. The network's channels are then :data:`tiu_ocular.REGIONS`.
        margin: what a second look shows around an eye: an eye of width w is shown in a section of ``margin * w``.
        least_presence: :func:`tiu_ocular.presence.presence` of a pupil, in the last look at an eye, below which it
            counts as iris; 0 keeps every pupil.

    Raises:
        ValueError: when the size isn't two positive numbers, ``margin`` is below 1, or the input isn't
            ``(B, C, W, H)``.
    """

    def __init__(
        self,
        size: Sequence[int],
        flips: bool = False,
        closer: bool = False,
        margin: float = 1.35,
        least_presence: float = 0.0,
    ) -> None:
        self.size = check_frame(size)
        if margin < 1:
            raise ValueError(f"expected a margin of at least 1, got {margin}")
        self.flips = flips
        self.closer = closer
        self.margin = margin
        self.least_presence = least_presence

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        if inputs.ndim != 4:
            raise ValueError(f"expected pictures as (B, C, W, H), got shape {tuple(inputs.shape)}")

        def look(pictures: torch.Tensor) -> torch.Tensor:
            return self._look(pictures, lambda framed: network(framed, *args, **kwargs))

        logits = look(inputs)
        for index in range(len(inputs)):
            if not (self.closer and self._look_closer(inputs[index], logits[index], look)):
                logits[index] = self._decided(logits[index])
        return logits

    def _look(self, inputs: torch.Tensor, network: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """Logits of pictures, or of sections, that fill the frame."""
        sides = inputs.shape[-2:]
        placement = place(sides, self.size)
        framed = _into_frame(inputs, placement, self.size)
        logits = network(framed)
        if self.flips:
            logits = _mean(logits, network(framed.flip(-2)).flip(-2), dim=1)
        (width, height), (left, top) = placement
        return F.interpolate(
            logits[..., left : left + width, top : top + height], sides, mode="bilinear", align_corners=False
        )

    def _look_closer(
        self, picture: torch.Tensor, logits: torch.Tensor, look: Callable[[torch.Tensor], torch.Tensor]
    ) -> bool:
        """Take a second look at the eyes of one picture (C, W, H) into the logits (5, W, H) of the first, if any."""
        eyes = find_eyes(logits.argmax(0).cpu().numpy())
        if not eyes:
            return False
        sections = [section(eye, logits.shape[-2:], self.size, self.margin) for eye in eyes]
        both = [_mean(logits[:, across, along], look(picture[None, :, across, along])[0]) for across, along in sections]
        logits[1:], logits[0] = -_CERTAIN, _CERTAIN
        for (across, along), mean in zip(sections, both, strict=True):
            logits[:, across, along] = self._decided(mean)
        return True

    def _decided(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits (5, W, H) of a last look, without a pupil that is too unsure."""
        return without_pupil(logits[None], self.least_presence)[0] if self.least_presence else logits
