# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Masks, label maps and their boxes over the image, for people to look at."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

__all__ = [
    "colour_code",
    "label_overlay",
    "mask_overlay",
    "object_colour",
    "paint_labels",
    "parse_colour",
    "volume_overlay",
]

# a colour-blind-safe set (Okabe and Ito), then hues a golden angle apart
_COLOURS = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66), (213, 94, 0), (204, 121, 167), (0, 114, 178))
# prediction, then what was missed and what is too much
_PREDICTED, _MISSED, _EXTRA = _COLOURS[2], _COLOURS[4], _COLOURS[0]
_GOLDEN = 0.381966
_OPACITY = 0.4
_PANEL = 320
_MOST_PANELS = 8


def paint_labels(
    picture: np.ndarray,
    labels: np.ndarray,
    colours: Sequence[tuple[int, int, int]],
    opacity: float = _OPACITY,
    outline: int = 1,
) -> np.ndarray:
    """Colour the labels of a map over a picture, each with a solid outline on its inner side.

    Args:
        picture: ``(H, W, 3)``, values from 0 to 255.
        labels: whole numbers ``(H, W)``; 0 is background.
        colours: RGB of the labels from 1.
        opacity: of the colour, 0 to 1.
        outline: its width in pixels; 0 draws none.

    Returns:
        uint8 ``(H, W, 3)``.
    """
    drawn = picture.astype(np.float32)
    palette = np.array([(0, 0, 0), *colours], np.float32)
    inside = labels > 0
    drawn[inside] = (1 - opacity) * drawn[inside] + opacity * palette[labels[inside]]
    if outline:
        lowest, highest = (
            extreme(labels, 2 * outline + 1, mode="nearest")
            for extreme in (ndimage.minimum_filter, ndimage.maximum_filter)
        )
        edge = inside & (lowest != highest)
        drawn[edge] = palette[labels[edge]]
    return np.rint(drawn).astype(np.uint8)


def mask_overlay(
    image: np.ndarray, mask: np.ndarray, truth: np.ndarray | None = None, opacity: float = 0.6
) -> np.ndarray:
    """Colour a mask over a picture.

    Without ``truth`` the mask is green, with a solid outline. With it, hits are green, misses orange and false alarms
    blue.

    Args:
        image: uint8 ``(H, W, 3)``.
        mask: bool ``(H, W)``.
        truth: bool ``(H, W)``, or None.
        opacity: of the colour, 0 to 1.

    Returns:
        uint8 ``(H, W, 3)``.
    """
    if truth is None:
        return paint_labels(image, mask.astype(np.uint8), [_PREDICTED], opacity)
    labels = np.select([mask & truth, truth, mask], [np.uint8(1), np.uint8(2), np.uint8(3)], np.uint8(0))
    return paint_labels(image, labels, [_PREDICTED, _MISSED, _EXTRA], opacity, outline=0)


def object_colour(label: int) -> tuple[int, int, int]:
    """RGB colour of an object, from 1."""
    if label <= len(_COLOURS):
        return _COLOURS[label - 1]
    red, green, blue = colorsys.hsv_to_rgb((label * _GOLDEN) % 1, 0.75, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def colour_code(colour: tuple[int, int, int]) -> str:
    """An RGB colour as text, such as ``"#56b4e9"``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def parse_colour(code: str) -> tuple[int, int, int]:
    """The RGB colour that `colour_code` tells.

    Raises:
        ValueError: for other text.
    """
    if len(code) != 7 or code[0] != "#" or set(code[1:].lower()) - set("0123456789abcdef"):
        raise ValueError(f"expected a colour such as #56b4e9, got {code!r}")
    red, green, blue = bytes.fromhex(code[1:])
    return red, green, blue


def label_overlay(image: np.ndarray, labels: np.ndarray, boxes: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Colour each object over a picture, with a solid outline, its box and, where there is room, its number.

    Args:
        image: ``(H, W)`` or ``(H, W, 3)``; stretched from its minimum to its maximum unless it is 8-bit colour.
        labels: ``(H, W)``; 0 is background.
        boxes: ``(N, 4)`` x0, y0, x1, y1 to draw.
        numbers: ``(N,)`` the label that each box belongs to.

    Returns:
        uint8 ``(H, W, 3)``.
    """
    colours = [object_colour(label) for label in range(1, int(labels.max()) + 1)]
    width = max(1, round(max(labels.shape) / 500))
    canvas = Image.fromarray(paint_labels(_rgb(image), labels, colours, outline=width))
    draw = ImageDraw.Draw(canvas)
    text_size = max(10, round(max(labels.shape) / 45))
    for box, label in zip(boxes, numbers.tolist(), strict=True):
        colour = object_colour(label)
        draw.rectangle([float(value) for value in box], outline=colour, width=width)
        if min(box[2] - box[0], box[3] - box[1]) > 2 * text_size:
            corner = (float(box[0]) + 2 * width, float(box[1]) + width)
            draw.text(corner, str(label), colour, font_size=text_size, stroke_width=1, stroke_fill=(0, 0, 0))
    return np.asarray(canvas)


def volume_overlay(slices: dict[int, np.ndarray], labels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The middle slices of a volume's objects beside each other, with all objects that lie in them.

    Args:
        slices: the slices to show, from `shown_slices`.
        labels: ``(D, H, W)``.
        boxes: ``(N, 6)`` x0, y0, z0, x1, y1, z1.

    Returns:
        uint8 ``(h, w, 3)``, four panels a row.
    """
    panels = []
    for place, image in sorted(slices.items()):
        here = np.flatnonzero((np.rint(boxes[:, 2]) <= place) & (place <= np.rint(boxes[:, 5])))
        scale = max(1, _PANEL // max(labels.shape[1:]))
        rows = np.repeat(np.repeat(_rgb(image), scale, axis=0), scale, axis=1)
        large = np.repeat(np.repeat(labels[place], scale, axis=0), scale, axis=1)
        panel = Image.fromarray(label_overlay(rows, large, boxes[here][:, [0, 1, 3, 4]] * scale, here + 1))
        ImageDraw.Draw(panel).text((4, panel.height - 18), f"slice {place}", (255, 255, 255), font_size=14)
        panels.append(np.asarray(panel))
    columns = min(4, len(panels))
    panels += [np.zeros_like(panels[0])] * (-len(panels) % columns)
    return np.concatenate([np.concatenate(panels[k : k + columns], axis=1) for k in range(0, len(panels), columns)])


def shown_slices(boxes: np.ndarray) -> list[int]:
    """The middle slices of the objects, at most eight, evenly chosen."""
    middles = np.unique(np.rint(boxes[:, 2]).astype(int) + np.rint(boxes[:, 5] - boxes[:, 2]).astype(int) // 2)
    chosen = np.linspace(0, len(middles) - 1, min(_MOST_PANELS, len(middles))).round().astype(int)
    return middles[chosen].tolist()


def _rgb(image: np.ndarray) -> np.ndarray:
    array = np.asarray(image, dtype=np.float32)
    grey = array.ndim == 2 or bool((array == array[..., :1]).all())
    if grey or array.min() < 0 or array.max() > 255:
        array = (array - array.min()) * (255 / max(float(array.max() - array.min()), 1e-6))
    return np.repeat(array[..., None], 3, axis=2) if array.ndim == 2 else array.copy()
