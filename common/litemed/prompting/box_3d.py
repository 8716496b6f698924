# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Volumes: from a box an object, slice by slice from its middle outwards."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Literal, Protocol

import numpy as np
import torch

from litemed.images.boxes import check_boxes
from litemed.prompting.box_2d import Painter
from litemed.prompting.box_network import BoxInferer, BoxNetwork, BoxResult, decode, encode, label_dtype
from litemed.prompting.embedding_cache import EmbeddingCache
from litemed.prompting.zoom import PlacedSquare, Window, Zoom, check_zoom, segment_windows, zoom_windows
from litemed.transforms.longest_side import LongestSide, resize_area

__all__ = ["Box3DInferer", "SliceSource"]

WhenEmpty = Literal["stop", "box", "last"]


class SliceSource(Protocol):
    """Slices by index, such as an array ``(D, H, W)`` or ``(D, H, W, 3)``."""

    @property
    def shape(self) -> tuple[int, ...]:
        """D, H, W and, for colour, 3."""

    def __getitem__(self, index: int) -> np.ndarray:
        """A slice ``(H, W)`` or ``(H, W, 3)``."""


class Box3DInferer(BoxInferer):
    """Segment the objects of a volume that boxes are drawn around, with a network of the MedSAM-lite family.

    An object begins in the middle slice of its box with the box's own rectangle, and goes up to the last slice and down
    to the first. The next slice's rectangle is that of the mask in the slice before, grown by ``margin``.

    All objects go through the volume together, once up and once down, so a slice is embedded once for all of them. An
    embedding is dropped as soon as no object needs it again; only where more than ``cache_size`` slices lie between
    the objects' middles may one be embedded a second time. Beside the label map, and half-precision logits of slices
    that both passes visit, memory depends neither on the depth nor on the number of objects.

    By default boxes keep their fractions and overlaps go to the more probable object. ``challenge_compat`` gives what
    the MedSAM on Laptop challenge (CVPR 2024) published:

    - box coordinates are cut to whole pixels of the 256x256 square, resized 8-bit values are rounded;
    - the mask before is measured after resizing its label number, not itself, so the rectangle of object 2 and above
      is a little larger than that of object 1;
    - after an empty slice the rectangle of the 3D box is taken again;
    - later boxes overwrite earlier ones.

    Not reproduced are its crashes: boxes of one slice, and a mask so small that resizing loses it.

    Called as a MONAI inferer, it is best given axes in LPS, so that slices are axial and seen as by radiologists.

    Args:
        challenge_compat: reproduce the published protocol; sets ``when_empty`` to ``"box"`` and ``margin`` to 3.
        when_empty: what to do in the slices after one where the object wasn't found: ``"stop"`` there, take the
            ``"box"`` given, or the ``"last"`` rectangle that found something.
        margin: pixels of the 256x256 square by which the next rectangle is larger than the mask.
        cache_size: embeddings held at a time, of 4 MiB each.
        boxes_per_call: boxes decoded together; None for 4 on a CPU and 64 elsewhere.
        zoom: "auto" sees a small object of a slice in a window of its own, which goes with it from slice to slice and
            which neighbours share, see `litemed.prompting.zoom.zoom_windows`; each window costs an embedding. An
            object is four times as large there at least, and so is the margin.

    Raises:
        ValueError: for another ``when_empty`` or zoom, a negative margin, or windows that the published protocol
            doesn't have.
    """

    dims = 3

    def __init__(
        self,
        challenge_compat: bool = False,
        when_empty: WhenEmpty = "stop",
        margin: int = 3,
        cache_size: int = 32,
        boxes_per_call: int | None = None,
        zoom: Zoom = "off",
    ) -> None:
        check_zoom(zoom, challenge_compat)
        if when_empty not in ("stop", "box", "last") or margin < 0:
            raise ValueError(
                f"expected when_empty 'stop', 'box' or 'last' and a margin from 0, got {when_empty!r} and {margin}"
            )
        self.challenge_compat = challenge_compat
        self.when_empty = "box" if challenge_compat else when_empty
        self.margin = 3 if challenge_compat else margin
        self.cache_size = cache_size
        self.boxes_per_call = boxes_per_call
        self.zoom = zoom

    @torch.inference_mode()
    def segment(self, volume: SliceSource, boxes: np.ndarray, network: BoxNetwork) -> BoxResult:
        """Segment a volume.

        Args:
            volume: its slices, any range; each is scaled by its own minimum and maximum.
            boxes: ``(N, 6)`` x0, y0, z0, x1, y1, z1: columns, rows and slices, first and last.
            network: the network, in evaluation mode.

        Returns:
            labels ``(D, H, W)`` and the mean predicted IoU of each box.

        Raises:
            ValueError: for a bad volume or box.
        """
        depth, height, width = volume.shape[:3]
        checked, _ = check_boxes(boxes, (width, height, depth))
        return _Propagation(self, volume, checked, network).run()


class _Propagation:
    """One volume on its way through the network."""

    def __init__(self, inferer: Box3DInferer, volume: SliceSource, boxes: np.ndarray, network: BoxNetwork) -> None:
        depth, height, width = volume.shape[:3]
        self._rules = inferer
        self._network = network
        self._boxes = boxes
        self._volume = volume
        self._zoomed = 0
        self._geometry = geometry = LongestSide(height, width)
        self._whole = PlacedSquare.whole(geometry)
        compat = inferer.challenge_compat
        self._first, self._last = (_slice_numbers(boxes[:, axis], compat) for axis in (2, 5))
        self._middle = self._first + (self._last - self._first) // 2
        self._given = geometry.to_square(boxes[:, [0, 1, 3, 4]], truncated=compat)
        self._labels = np.zeros((depth, height, width), dtype=label_dtype(len(boxes)))
        self._best: dict[int, np.ndarray] = {}
        self._iou_sum, self._iou_count = np.zeros(len(boxes)), np.zeros(len(boxes))

        def embed(index: Hashable) -> torch.Tensor:
            assert isinstance(index, int)
            return encode(network, geometry, np.asarray(volume[index]), compat)

        self._cache = EmbeddingCache(embed, inferer.cache_size)

    def run(self) -> BoxResult:
        """Up from the lowest middle, then down from the highest."""
        upwards = dict(enumerate(self._given))
        downwards: dict[int, np.ndarray] = {}
        for place in range(int(self._middle.min()), int(self._last.max()) + 1):
            active = np.flatnonzero((self._middle <= place) & (place <= self._last)).tolist()
            self._step(place, active, upwards)
            for index in active:
                if place == self._middle[index] and index in upwards:
                    downwards[index] = upwards[index]
            if not ((self._first <= place) & (place < self._middle)).any():
                self._forget(place)
        for place in range(int(self._middle.max()) - 1, int(self._first.min()) - 1, -1):
            self._step(place, np.flatnonzero((self._first <= place) & (place < self._middle)).tolist(), downwards)
            self._forget(place)
        with np.errstate(invalid="ignore"):
            iou = self._iou_sum / self._iou_count
        return BoxResult(self._labels, iou, self._cache.encoded + self._zoomed, self._boxes)

    def _step(self, place: int, active: list[int], rectangles: dict[int, np.ndarray]) -> None:
        """Segment one slice for some objects, and set the rectangle that each has in the next slice."""
        active = [index for index in active if index in rectangles]
        if not active:
            return
        painter = Painter(self._labels[place], self._rules.challenge_compat, self._best.get(place))
        prompts = np.stack([rectangles[index] for index in active])
        for number, placed, logits, iou in self._decoded(place, prompts):
            index = active[number]
            painter.paint(placed, logits, index + 1)
            following = placed.next_box(self._mask(placed, logits, index + 1), self._geometry, self._rules.margin)
            if following is not None:
                self._iou_sum[index] += iou
                self._iou_count[index] += 1
                rectangles[index] = following
            elif self._rules.when_empty == "box":
                rectangles[index] = self._given[index]
            elif self._rules.when_empty == "stop":
                del rectangles[index]
        if painter.best is not None:
            self._best[place] = painter.best

    def _decoded(self, place: int, prompts: np.ndarray) -> Iterator[tuple[int, PlacedSquare, torch.Tensor, float]]:
        """Number of the prompt, what its answer lies in, logits and predicted IoU; the whole slice first."""
        options = self._rules.boxes_per_call, self._rules.challenge_compat
        whole, windows = list(range(len(prompts))), list[Window]()
        boxes = prompts / self._geometry.scale
        if self._rules.zoom == "auto":
            windows = zoom_windows(boxes, self._geometry.height, self._geometry.width)
            whole = []
            if windows and PlacedSquare(windows[0]).is_whole(self._geometry):
                whole = list(windows.pop(0).boxes)
        if whole:
            answers = decode(self._network, self._cache[place], prompts[whole], *options)
            yield from ((number, self._whole, *answer) for number, answer in zip(whole, answers, strict=True))
        if windows:
            self._zoomed += len(windows)
            yield from segment_windows(np.asarray(self._volume[place]), boxes, self._network, windows, *options)

    def _forget(self, place: int) -> None:
        self._cache.discard(place)
        self._best.pop(place, None)

    def _mask(self, placed: PlacedSquare, logits: torch.Tensor, label: int) -> np.ndarray:
        """The window's part of the square, True on the object."""
        height, width = placed.resized
        if self._rules.challenge_compat:
            values, region = placed.restore(logits)
            whole = np.zeros((self._geometry.height, self._geometry.width), dtype=np.float32)
            whole[region] = (values.sigmoid() > 0.5).numpy() * label
            return resize_area(whole, (height, width)) >= 0.5
        return (logits[:height, :width] > 0).numpy()


def _slice_numbers(places: np.ndarray, truncated: bool) -> np.ndarray:
    return (np.trunc(places) if truncated else np.rint(places)).astype(int)
