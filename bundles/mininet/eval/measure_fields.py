# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How well the field of view is found: on DRIVE's labels, and on frames simulated around real retinas.

A simulated frame takes a slightly smaller disc of a real photograph, so that its field of view is known exactly, and
gives it another exposure, falling off to the rim, and another surround; a part is cut by bars or by the frame,
squeezed, or put into a wider frame with lettering.

Run ``python bundles/mininet/eval/measure_fields.py --help`` for its use.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from litemed.command_line import run_command
from litemed.images.pictures import as_jpeg
from mininet.data import load_cases, pooled_sets
from mininet.field_of_view import field_of_view
from PIL import Image
from scipy import ndimage

__all__ = ["KINDS", "run", "simulate"]

KINDS = {
    "as taken": (),
    "dark": ("dark",),
    "surround not black": ("surround",),
    "dark, surround not black": ("dark", "surround"),
    "glare at the rim": ("glare",),
    "glow around the disc": ("glow",),
    "cut by the frame": ("frame",),
    "cut by the frame, dark, surround": ("frame", "dark", "surround"),
    "cut by bars": ("bars",),
    "cut by bars, dark": ("bars", "dark"),
    "wide frame, lettering": ("wide",),
    "wide frame, lettering, dark": ("wide", "dark"),
    "no surround": ("inner",),
    "squeezed": ("squeezed",),
}
"""Names of the simulated frames, and what is done to each."""

_RED = np.array([1.0, 0.6, 0.35])


def run(dataset_dir: str, every: int = 5) -> None:
    """Print, for DRIVE and each kind of simulated frame, how far the area found is from the true one, and the IoU.

    Args:
        dataset_dir: folder of the sets, see `mininet.data.pooled_sets`.
        every: simulate from each nth picture of a set.
    """
    folders = pooled_sets(dataset_dir)
    _print("DRIVE, all 40, as labelled", _labelled(load_cases("drive", folders["drive"], "all")))
    cases = [case for name, folder in folders.items() for case in load_cases(name, folder, "all")[::every]]
    for kind, (name, what) in enumerate(KINDS.items()):
        frames = (simulate(_read(case["image"], 700), what, kind * 1000 + i) for i, case in enumerate(cases))
        _print(f"simulated: {name}", frames)


def _labelled(cases: list[dict[str, str]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for case in cases:
        yield _read(case["image"]), np.asarray(Image.open(case["region"]).convert("L")) > 0


def _read(path: str | Path, side: int | None = None) -> np.ndarray:
    """``(H, W, 3)`` from 0 to 255, at most ``side`` pixels on the longer side."""
    picture = Image.open(path).convert("RGB")
    if side is not None:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(picture, dtype=np.float32)


def _print(name: str, frames: Iterator[tuple[np.ndarray, np.ndarray]]) -> None:
    areas, overlaps = [], []
    for picture, truth in frames:
        found = field_of_view(np.moveaxis(picture, -1, 0))
        areas.append(abs(found.sum() / truth.sum() - 1))
        overlaps.append((found & truth).sum() / (found | truth).sum())
    within = np.mean(np.array(areas) < 0.01)
    print(
        f"{name:<44} {len(areas):>3} pictures: area off by {np.mean(areas):7.2%}, at most {np.max(areas):7.2%}"
        f"; within 1 %: {within:4.0%}; IoU {np.mean(overlaps):.4f}, at least {np.min(overlaps):.4f}",
        flush=True,
    )


def simulate(picture: np.ndarray, what: tuple[str, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A frame around the retina of a photograph, and its field of view.

    Args:
        picture: ``(H, W, 3)``, 0 to 255, with a clean surround.
        what: of the words in `KINDS`.
        seed: of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    height, width = picture.shape[:2]
    own = field_of_view(np.moveaxis(picture, -1, 0))
    rows, columns = (np.flatnonzero(own.any(axis=axis)) for axis in (1, 0))
    row, column = (rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2
    radius = 0.985 * (np.ptp(columns) + 1) / 2
    down, across = np.mgrid[:height, :width] - np.array([row, column])[:, None, None]
    away = np.hypot(down, across)
    truth = (away <= radius) & own
    if "bars" in what:
        truth &= (down >= -rng.uniform(0.6, 0.95) * radius) & (down <= rng.uniform(0.6, 0.95) * radius)

    dark = "dark" in what
    light = 1 - rng.uniform(0.2, 0.75 if dark else 0.5) * (away / radius) ** rng.uniform(2, 5)
    tilt = rng.uniform(-0.3, 0.3, 2)
    light = light * (1 + (tilt[0] * down + tilt[1] * across) / radius).clip(0.3)
    light = light * (rng.uniform(0.15, 0.5) if dark else rng.uniform(0.5, 1.1))
    surround = rng.uniform(0, 22) * np.array([1, 0.8, 0.7]) if "surround" in what else rng.uniform(0, 6) * np.ones(3)
    soft = ndimage.gaussian_filter(truth.astype(np.float32), rng.uniform(0.5, 1.8) * height / 600)[..., None]
    frame = picture * light[..., None] * soft + surround * (1 - soft)
    if "glare" in what:
        angle = rng.uniform(0, 2 * np.pi)
        spot = (down - radius * np.sin(angle)) ** 2 + (across - radius * np.cos(angle)) ** 2
        frame += rng.uniform(8, 30) * np.exp(-spot / (rng.uniform(0.1, 0.35) * radius) ** 2)[..., None] * _RED
    if "glow" in what:
        glow = np.exp(-(away - radius).clip(0) / (rng.uniform(0.02, 0.12) * radius))[..., None]
        frame += rng.uniform(5, 25) * glow * _RED * (1 - soft)
    frame += ndimage.gaussian_filter(rng.normal(size=frame.shape), (0.5, 0.5, 0)) * rng.uniform(1, 7)
    return _as_jpeg(*_framed(frame, truth, what, rng, (row, column, radius), surround), rng)


def _framed(
    frame: np.ndarray,
    truth: np.ndarray,
    what: tuple[str, ...],
    rng: np.random.Generator,
    disc: tuple[float, float, float],
    surround: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the frame, or put it into a wider one, or squeeze it."""
    row, column, radius = disc
    if "inner" in what:
        half = 0.68 * radius
        return _cut(frame, truth, row - half, row + half, column - half, column + half)
    if "frame" in what:
        reach = rng.uniform(0.6, 0.95, 4) * radius
        reach[rng.permutation(4)[: rng.integers(0, 4)]] = np.inf
        return _cut(frame, truth, row - reach[0], row + reach[1], column - reach[2], column + reach[3])
    if "wide" in what:
        side = int(rng.uniform(0.3, 1.0) * frame.shape[1] / 2)
        edges = ((side // 4, side // 4), (side, side))
        wide = np.stack([np.pad(frame[..., c], edges, constant_values=surround[c]) for c in range(3)], axis=-1)
        wide += rng.normal(size=wide.shape) * 2
        for letter in range(8):
            wide[10:26, 8 + 14 * letter : 16 + 14 * letter] = 200
        return wide, np.pad(truth, edges)
    if "squeezed" in what:
        size = (frame.shape[1], round(frame.shape[0] * rng.uniform(0.75, 1.3)))
        channels = [Image.fromarray(frame[..., c].astype(np.float32)).resize(size) for c in range(3)]
        return np.stack([np.asarray(c) for c in channels], axis=-1), np.asarray(Image.fromarray(truth).resize(size))
    return frame, truth


def _cut(
    frame: np.ndarray, truth: np.ndarray, top: float, bottom: float, left: float, right: float
) -> tuple[np.ndarray, np.ndarray]:
    height, width = truth.shape
    rows = slice(int(max(top, 0)), int(min(bottom, height)))
    columns = slice(int(max(left, 0)), int(min(right, width)))
    return frame[rows, columns], truth[rows, columns]


def _as_jpeg(frame: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return as_jpeg(frame.clip(0, 255).astype(np.uint8), int(rng.integers(60, 96))).astype(np.float32), truth


if __name__ == "__main__":
    run_command(run, "measure_fields.py")
