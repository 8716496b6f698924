# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How often films with rings get an answer, and how often films of something else do.

    python bundles/tfnet/eval/refusals.py --dataset_dir DATA [--part validation] [--others_dir PICTURES]

Frames with rings are the clear and broken ones of a data set in the layout of TFM. Those without are of simulated eyes
of other devices whose rings are switched off, once with all else that shines (cross hairs, a cone's edge, the camera's
hole, lamps) and once without; and pictures of a folder, whatever they show. As in the pipeline, a film gets an answer
when half of its open, sharp frames show rings beyond doubt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from litemed.command_line import run_command
from tfnet import BUNDLE_ROOT, CLASSES, load_cases
from tfnet.collab import Networks
from tfnet.collab.trust import LEAST_PERIODICITY, LEAST_SCORE, LEAST_SURE
from tfnet.collab.video import read_grey
from tfnet.simulation.device import draw_device
from tfnet.simulation.video import TearFilmVideo

__all__ = ["answered", "run"]

_BARE_SEED = 77
_BARE_FRAMES = 6
_THRESHOLDS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55)
_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".bmp")
_RINGS_OFF: dict[str, Any] = {"gain": (0.0, 0.0)}
_ALL_OFF: dict[str, Any] = {**_RINGS_OFF, "cross": 0.0, "cone": 0.0, "hole": 0.0, "lamps": (0, 0.0)}

Frames = Iterator[tuple[str, np.ndarray]]
"""Frames, each after the name of its film, those of a film in a row."""


def _with_rings(dataset_dir: str, part: str, most: int) -> Frames:
    shown = {CLASSES.index(name) for name in ("clear", "broken")}
    cases = [case for case in load_cases(dataset_dir, "classification", part) if int(case["label"]) in shown]
    for case in cases[:: max(1, len(cases) // most)]:
        yield Path(case["image"]).stem.rpartition("_")[0], read_grey(Path(case["image"]))


def _bare(films: int, off: dict[str, Any]) -> Frames:
    """Open frames of eyes before devices whose rings are off."""
    for number in range(films):
        device = draw_device((_BARE_SEED, number))
        height, width = (2 * round(side * min(1, 720 / max(device.size)) / 2) for side in device.size)
        own = replace(device, **off, size=(height, width))
        video = TearFilmVideo((_BARE_SEED, number), seconds=4.0, frame_rate=4.0, device=own)
        is_open = np.flatnonzero(np.array(video.labels) != CLASSES.index("closed"))
        for index in is_open[np.linspace(0, len(is_open) - 1, _BARE_FRAMES).round().astype(int)].tolist():
            yield str(number), video[index].image


def _pictures(folder: str, most: int) -> Frames:
    files = sorted(
        path for path in Path(folder).rglob("*") if path.suffix.lower() in _SUFFIXES and "mask" not in str(path)
    )
    for path in files[:: max(1, len(files) // most)]:
        yield path.name, read_grey(path)


def answered(films: list[str], values: np.ndarray, threshold: float) -> tuple[float, float]:
    """Share of frames with rings beyond doubt, and of films that would get an answer.

    Args:
        films: name of each frame's film; those of a film in a row.
        values: float ``(N, 2)``, score and periodicity of each frame.
        threshold: of the periodicity.
    """
    sure = (values[:, 0] >= LEAST_SCORE) & (values[:, 1] >= threshold)
    own = [[is_sure for _, is_sure in rows] for _, rows in groupby(zip(films, sure, strict=True), lambda row: row[0])]
    return float(sure.mean()), float(np.mean([np.mean(film) >= LEAST_SURE for film in own]))


def run(
    dataset_dir: str,
    part: str = "validation",
    others_dir: str | None = None,
    models_dir: str = f"{BUNDLE_ROOT}/models",
    most: int = 150,
    films: int = 24,
) -> None:
    """Print shares of frames and of films by threshold of the periodicity.

    Args:
        dataset_dir: data set in the layout of TFM.
        part: of it: training, validation or test.
        others_dir: folder of pictures without rings, each a film of its own.
        models_dir: folder of the weights.
        most: frames of the data set and of the folder, about.
        films: without rings, of six frames each.
    """
    models = Networks(models_dir, runtime="torch", threads=1)
    kinds: dict[str, Frames] = {
        "rings": _with_rings(dataset_dir, part, most),
        "rings off": _bare(films, _RINGS_OFF),
        "all off": _bare(films, _ALL_OFF),
    }
    if others_dir:
        kinds["other pictures"] = _pictures(others_dir, most)
    print(f"{'':<24}{'number':>8}" + "".join(f"{f'>= {each:g}':>10}" for each in _THRESHOLDS))
    for kind, frames in kinds.items():
        names, values = [], []
        for film, frame in frames:
            rings = models.detect(frame)
            names.append(film)
            values.append((0.0, 0.0) if rings is None else (rings.score, rings.periodicity))
        shares = [answered(names, np.array(values), each) for each in _THRESHOLDS]
        for number, unit, own in ((len(names), "frames", 0), (len(set(names)), "films", 1)):
            print(f"{f'{kind}, {unit}':<24}{number:>8}" + "".join(f"{each[own]:>10.3f}" for each in shares), flush=True)
    print(f"used: {LEAST_PERIODICITY:g}")


if __name__ == "__main__":
    run_command(run, "refusals")
