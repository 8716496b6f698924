# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures: one embedding, any number of boxes."""

from __future__ import annotations

import numpy as np
import torch

from litemed.images.boxes import check_boxes
from litemed.prompting.box_network import BoxInferer, BoxNetwork, BoxResult, label_dtype
from litemed.prompting.zoom import PlacedSquare, Window, Zoom, check_zoom, segment_windows, zoom_windows

__all__ = ["Box2DInferer", "Painter"]


class Painter:
    """Paint the objects of one slice into its label map.

    Where objects overlap, the one of higher probability has the pixel, and the earlier one on a tie. As published, the
    later box has it.

    Args:
        labels: ``(H, W)`` label map to paint into, 0 where nothing is painted yet.
        challenge_compat: let later boxes overwrite earlier ones, whatever the order they are painted in.
        best: logits of what is painted, of an earlier `Painter` of the same slice.
    """

    def __init__(self, labels: np.ndarray, challenge_compat: bool, best: np.ndarray | None = None) -> None:
        self._labels = labels
        self._challenge_compat = challenge_compat
        if best is None and not challenge_compat:
            best = np.full(labels.shape, -np.inf, dtype=np.float16)
        self.best = best

    def paint(self, placed: PlacedSquare, logits: torch.Tensor, label: int) -> None:
        """Add an object.

        Args:
            placed: how the slice, or the window of it, lies in the network's square.
            logits: ``(size, size)``.
            label: the object's, from 1.
        """
        values, region = placed.restore(logits)
        part = self._labels[region]
        if self.best is None:
            part[(values.sigmoid() > 0.5).numpy() & (part < label)] = label
            return
        array = values.numpy().astype(np.float16)
        best = self.best[region]
        won = (values > 0).numpy() & (array > best)
        part[won] = label
        best[won] = array[won]


class Box2DInferer(BoxInferer):
    """Segment the objects of a picture that boxes are drawn around, with a network of the MedSAM-lite family.

    The picture is embedded once, whatever the number of boxes, and once a window with ``zoom``. By default boxes keep
    their fractions and overlaps go to the more probable object. ``challenge_compat`` gives what the MedSAM on Laptop
    challenge (CVPR 2024) published: box coordinates are cut to whole pixels of the 256x256 square, resized 8-bit values
    are rounded, and later boxes overwrite earlier ones.

    Args:
        challenge_compat: reproduce the published protocol.
        boxes_per_call: boxes decoded together; None for 4 on a CPU and 64 elsewhere.
        zoom: "auto" sees small objects in windows of their own, which neighbours share, see
            `litemed.prompting.zoom.zoom_windows`; each window costs an embedding.

    Raises:
        ValueError: for another zoom, or windows that the published protocol doesn't have.
    """

    dims = 2

    def __init__(self, challenge_compat: bool = False, boxes_per_call: int | None = None, zoom: Zoom = "off") -> None:
        check_zoom(zoom, challenge_compat)
        self.challenge_compat = challenge_compat
        self.boxes_per_call = boxes_per_call
        self.zoom = zoom

    @torch.inference_mode()
    def segment(self, image: np.ndarray, boxes: np.ndarray, network: BoxNetwork) -> BoxResult:
        """Segment a picture.

        Args:
            image: ``(H, W)`` or ``(H, W, 1 or 3)``, any range.
            boxes: ``(N, 4)`` x0, y0, x1, y1 in pixels.
            network: the network, in evaluation mode.

        Returns:
            labels ``(H, W)`` and the predicted IoU of each box.

        Raises:
            ValueError: for a bad picture or box.
        """
        height, width = image.shape[:2]
        checked, _ = check_boxes(boxes, (width, height))
        labels = np.zeros((height, width), dtype=label_dtype(len(checked)))
        painter = Painter(labels, self.challenge_compat)
        iou = np.empty(len(checked))
        windows = [Window(0, 0, width, height, tuple(range(len(checked))))]
        if self.zoom == "auto":
            windows = zoom_windows(checked, height, width)
        options = self.boxes_per_call, self.challenge_compat
        for index, placed, logits, value in segment_windows(image, checked, network, windows, *options):
            painter.paint(placed, logits, index + 1)
            iou[index] = value
        return BoxResult(labels, iou, len(windows), checked)
