# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Findings drawn on frames: the annotated video, and pictures for the report."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from litemed.images.overlay import mask_overlay
from PIL import Image, ImageDraw, ImageFont

from tfnet.collab.frames import Finding, Patch

__all__ = ["CLASS_COLOURS", "annotated_frame", "annotated_size", "break_up_picture"]

CLASS_COLOURS = {
    "clear": "#009E73",
    "closed": "#8A8F98",
    "broken": "#D55E00",
    "blur": "#56B4E9",
    "unreadable": "#111111",
}
"""A colour-blind-safe set (Okabe and Ito)."""

_LONGEST_SIDE = 1024
_MOSTLY = 100
"""Of 255: how much of a pixel a mask covers at least."""
_RING, _MASK, _BAR, _TEXT, _CLASS = 1, 2, 3, 4, 5
_COLUMNS = {"class": 1.6, "time": 9.0, "open": 15.5, "area": 27.0}
"""Where the words of the caption begin, in heights of its letters."""
_MARGIN = 0.06
_PICTURE_SIDE = 420


def annotated_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of an annotated frame: a whole fraction of the frame, at most 1024 pixels; even, for codecs."""
    factor = _reduction(height, width)
    return tuple(2 * -(-side // (2 * factor)) for side in (height, width))  # type: ignore[return-value]


def annotated_frame(
    image: np.ndarray | None, finding: Finding, patch: Patch | None, size: tuple[int, int]
) -> np.ndarray:
    """A frame with its class, the time since the blink, the rings and the outline of the break-up.

    Drawn in the colour space of video, which leaves the grey picture as it is and costs little.

    Args:
        image: uint8 ``(H, W)``, or None for an unreadable frame, which is drawn black.
        finding: what is known of it.
        patch: its mask, or None.
        size: height and width of the result, see :func:`annotated_size`.

    Returns:
        uint8 ``(height * 3 / 2, width)``: the planes of YUV 4:2:0, limited range.
    """
    height, width = size
    grey, marks = (Image.new("L", (width, height)) for _ in range(2))
    draw = ImageDraw.Draw(marks)
    if image is not None:
        factor = _reduction(*image.shape)
        grey = _reduced(image, size, factor)
        for box in finding.boxes:
            draw.ellipse(list(np.asarray(box) / factor), outline=_RING, width=1)
        if patch is not None:
            _draw_outline(marks, patch, factor)
    _draw_caption(draw, finding, width)
    return _planes(grey, np.asarray(marks), CLASS_COLOURS[finding.name])


def break_up_picture(image: np.ndarray, finding: Finding, patch: Patch) -> Image.Image:
    """The rings of a frame as they are and, beside, with the break-up coloured in.

    Args:
        image: uint8 ``(H, W)``.
        finding: of a frame with rings.
        patch: its mask.

    Returns:
        An RGB picture.
    """
    x0, y0, x1, y1 = finding.boxes[2]
    margin = _MARGIN * max(x1 - x0, y1 - y0)
    left, top = max(0, int(x0 - margin)), max(0, int(y0 - margin))
    right, bottom = min(image.shape[1], int(x1 + margin) + 1), min(image.shape[0], int(y1 + margin) + 1)
    crop = image[top:bottom, left:right]
    factor = _PICTURE_SIDE / max(crop.shape)
    side = (max(1, round(crop.shape[1] * factor)), max(1, round(crop.shape[0] * factor)))
    mask = patch.mapped_back(*image.shape)[top:bottom, left:right]
    shown = np.asarray(Image.fromarray(crop).resize(side, Image.Resampling.BICUBIC).convert("RGB"))
    marked = np.asarray(Image.fromarray(np.uint8(mask) * 255).resize(side, Image.Resampling.BILINEAR)) > 127
    pair = np.concatenate([shown, np.full_like(shown[:, :6], 255), mask_overlay(shown, marked, opacity=0.25)], axis=1)
    return Image.fromarray(pair)


def _reduction(height: int, width: int) -> int:
    """Pixels of a frame along each side of one of its annotated picture's."""
    return -(-max(height, width) // _LONGEST_SIDE)


def _reduced(image: np.ndarray, size: tuple[int, int], factor: int) -> Image.Image:
    """Means over squares of pixels; where a side doesn't divide, its last pixels are repeated."""
    reduced = np.asarray(Image.fromarray(image).reduce(factor)) if factor > 1 else image
    missing = [(0, wanted - found) for wanted, found in zip(size, reduced.shape, strict=True)]
    return Image.fromarray(np.pad(reduced, missing, mode="edge") if np.any(missing) else reduced)


def _draw_outline(marks: Image.Image, patch: Patch, factor: int) -> None:
    x, y = (round(place / factor) for place in patch.corner)
    mask = np.asarray(Image.fromarray(np.uint8(patch.mask) * 255).reduce(factor)) > _MOSTLY
    marks.paste(_MASK, (x, y), Image.fromarray(np.uint8(_outline(mask)) * 255))


def _outline(mask: np.ndarray) -> np.ndarray:
    """Pixels at the border of a bool mask: of it or beside it, over the four edges of a pixel."""
    padded = np.pad(mask, 1)
    beside = [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
    grown, shrunk = mask.copy(), mask.copy()
    for neighbour in beside:
        grown |= neighbour
        shrunk &= neighbour
    return grown & ~shrunk


def _draw_caption(draw: ImageDraw.ImageDraw, finding: Finding, width: int) -> None:
    size = max(11, width // 44)
    words = {"class": finding.name.capitalize()}
    words["time"] = f"frame {finding.frame}" if finding.time is None else f"{finding.time:.2f} s"
    if finding.since is not None and finding.name != "closed":
        span = f"{finding.since} frames" if finding.seconds_since is None else f"{finding.seconds_since:.2f} s"
        words["open"] = f"open for {span}"
    if finding.fraction is not None:
        words["area"] = f"break-up {100 * finding.fraction:.1f} %"
    elif finding.searched:
        words["area"] = "no rings found"
    draw.rectangle([0, 0, width, 2 * size], fill=_BAR)
    draw.rectangle([0, 0, size, 2 * size], fill=_CLASS)
    for name, word in words.items():
        draw.text((_COLUMNS[name] * size, 0.35 * size), word, fill=_TEXT, font=_font(size))


def _planes(grey: Image.Image, marks: np.ndarray, colour: str) -> np.ndarray:
    palette = _palette(colour)
    luma = np.array(grey.point(_LIMITED))
    _colour_in(luma, marks, palette[0])
    rows = np.maximum(marks[::2], marks[1::2])
    coarse = np.maximum(rows[:, ::2], rows[:, 1::2])
    chroma = np.full((2, *coarse.shape), _NEUTRAL, dtype=np.uint8)
    for plane, values in zip(chroma, palette[1:], strict=True):
        _colour_in(plane, coarse, values)
    return np.concatenate([luma, chroma.reshape(-1, luma.shape[1])])


def _colour_in(plane: np.ndarray, marks: np.ndarray, values: np.ndarray) -> None:
    """Give the marked pixels of a plane the value of their mark; they are few."""
    places = np.flatnonzero(marks != 0)
    plane.reshape(-1)[places] = values[marks.reshape(-1)[places]]


_NEUTRAL = 128
_LIMITED = np.round(16 + np.arange(256) * 219 / 255).astype(int).tolist()


@lru_cache(maxsize=16)
def _palette(colour: str) -> np.ndarray:
    """Y, U and V of every kind of mark."""
    colours = {_RING: "#4FC3F7", _MASK: "#FFB000", _BAR: "#101418", _TEXT: "#FFFFFF", _CLASS: colour}
    planes = np.full((3, 8), _NEUTRAL, dtype=np.uint8)
    for mark, name in colours.items():
        red, green, blue = (int(name[i : i + 2], 16) for i in (1, 3, 5))
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        planes[:, mark] = (
            round(16 + luma * 219 / 255),
            round(128 + (blue - luma) * 0.564 * 224 / 255),
            round(128 + (red - luma) * 0.713 * 224 / 255),
        )
    return planes


@lru_cache(maxsize=4)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
