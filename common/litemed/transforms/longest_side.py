# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Into the square that a MedSAM-lite network sees, and back: longest side resized, min-max scaled, padded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy import sparse

__all__ = ["LongestSide", "resize_area"]

Region = tuple[slice, slice]


@dataclass(frozen=True)
class LongestSide:
    """How a picture lies in the network's square: its longest side fills it, the rest is padding right and below.

    This is the preprocessing of the MedSAM on Laptop challenge (CVPR 2024). Small pictures are enlarged.

    Attributes:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        size: side of the square.
    """

    height: int
    width: int
    size: int = 256

    @property
    def scale(self) -> float:
        """Pixels of the square per pixel of the picture."""
        return self.size / max(self.height, self.width)

    @property
    def resized(self) -> tuple[int, int]:
        """Height and width of the picture inside the square, at least 1."""
        return max(1, int(self.height * self.scale + 0.5)), max(1, int(self.width * self.scale + 0.5))

    def resize(self, image: np.ndarray) -> np.ndarray:
        """Resize a picture ``(H, W)`` or ``(H, W, C)`` by area interpolation; float32 of its own range."""
        return resize_area(image, self.resized)

    def prepare(self, image: np.ndarray, rounded: bool = False) -> torch.Tensor:
        """Make the network's input: resized, scaled to [0, 1] by its minimum and maximum, padded with 0.

        Args:
            image: ``(H, W)``, ``(H, W, 1)`` or ``(H, W, 3)``; a grey picture gets three equal channels.
            rounded: round resized values, as an 8-bit picture's are in the published protocol.

        Returns:
            float32 ``(3, size, size)``.

        Raises:
            ValueError: when the picture has another size or number of channels.
        """
        if image.shape[:2] != (self.height, self.width) or image.shape[2:] not in ((), (1,), (3,)):
            raise ValueError(
                f"expected a picture ({self.height}, {self.width}), grey or with 3 channels, got {image.shape}"
            )
        small = self.resize(image.reshape(image.shape[:2]) if image.shape[2:] == (1,) else image)
        if rounded:
            small = np.floor(small + 0.5)
        low, high = float(small.min()), float(small.max())
        small = (small - low) / max(high - low, 1e-8)
        square = np.zeros((3, self.size, self.size), dtype=np.float32)
        square[:, : small.shape[0], : small.shape[1]] = small if small.ndim == 2 else small.transpose(2, 0, 1)
        return torch.from_numpy(square)

    def to_square(self, boxes: np.ndarray, truncated: bool = False) -> np.ndarray:
        """Boxes ``(N, 4)`` in pixels of the square.

        Args:
            boxes: x0, y0, x1, y1 in pixels of the picture.
            truncated: cut off fractions, as the published protocol does.

        Returns:
            float32 ``(N, 4)``.
        """
        scaled = np.asarray(boxes, dtype=np.float64) * self.scale
        return (np.trunc(scaled) if truncated else scaled).astype(np.float32)

    def restore(self, logits: torch.Tensor) -> tuple[torch.Tensor, Region]:
        """Bring a map of the square back to the picture's size, where it may be positive.

        Padding is cropped and the rest enlarged bilinearly (``align_corners=False``). Only the part that can hold a
        positive value is computed, so a small object in a large picture costs little.

        Args:
            logits: ``(size, size)``.

        Returns:
            Values, and the rows and columns of the picture that they cover; empty where no logit is positive.
        """
        height, width = self.resized
        cropped = logits[:height, :width]
        positive = cropped > 0
        spans, taps = [], []
        for dim, (large, small) in enumerate(((self.height, height), (self.width, width))):
            held = torch.nonzero(positive.any(dim=1 - dim)).flatten()
            if not len(held):
                return cropped[:0, :0], (slice(0, 0), slice(0, 0))
            near, far, share = _bilinear_taps(large, small)
            # a value is positive only where one of its taps is
            first = int(np.searchsorted(far, int(held[0]), side="left"))
            last = int(np.searchsorted(near, int(held[-1]), side="right"))
            spans.append(slice(first, last))
            taps.append([torch.from_numpy(part[first:last]).to(logits.device) for part in (near, far, share)])
        (top, below, down), (left, right, across) = taps
        rows = torch.lerp(cropped[top].float(), cropped[below].float(), down[:, None])
        return torch.lerp(rows[:, left], rows[:, right], across), (spans[0], spans[1])


def resize_area(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize by area: each new pixel is the mean of what it covers; an enlarged one is interpolated linearly.

    Values equal those of OpenCV's ``INTER_AREA``, before it rounds them for 8-bit pictures.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``.
        size: new height and width.

    Returns:
        float32 of the new size.
    """
    height, width = image.shape[:2]
    enlarged = size[0] > height or size[1] > width
    rows, columns = _weights(height, size[0], enlarged), _weights(width, size[1], enlarged)
    channels = image.reshape(height, -1)
    tall = (rows @ channels.astype(np.float32, copy=False)).reshape(size[0], width, -1)
    wide = columns @ tall.transpose(1, 0, 2).reshape(width, -1)
    result = wide.reshape(size[1], size[0], -1).transpose(1, 0, 2)
    return np.ascontiguousarray(result.reshape(*size, *image.shape[2:]), dtype=np.float32)


@lru_cache(maxsize=32)
def _weights(old: int, new: int, enlarged: bool) -> sparse.csr_matrix:
    step = old / new
    starts = np.arange(new) * step
    if enlarged:
        first = np.floor(starts).astype(int)
        share = np.arange(1, new + 1) - (first + 1) / step
        share = np.where(share <= 0, 0.0, share - np.floor(share))
        pairs = np.stack([first, np.minimum(first + 1, old - 1)], axis=1)
        values = np.stack([1 - share, share], axis=1)
        numbers = np.repeat(np.arange(new), 2)
        return sparse.csr_matrix((values.ravel().astype(np.float32), (numbers, pairs.ravel())), shape=(new, old))
    ends = starts + step
    reach = int(np.ceil(step)) + 1
    pixels = np.floor(starts).astype(int)[:, None] + np.arange(reach)
    covered = np.clip(np.minimum(pixels + 1, ends[:, None]) - np.maximum(pixels, starts[:, None]), 0, None)
    covered[pixels >= old] = 0
    covered /= covered.sum(axis=1, keepdims=True)
    numbers, places = np.nonzero(covered)
    values = covered[numbers, places].astype(np.float32)
    return sparse.csr_matrix((values, (numbers, pixels[numbers, places])), shape=(new, old))


@lru_cache(maxsize=32)
def _bilinear_taps(large: int, small: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two pixels of the small side that each one of the large side lies between, and the second one's share."""
    places = np.maximum((np.arange(large) + 0.5) * (small / large) - 0.5, 0)
    near = np.minimum(places.astype(np.int64), small - 1)
    return near, np.minimum(near + 1, small - 1), (places - near).astype(np.float32)
