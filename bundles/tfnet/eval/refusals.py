# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How often frames with rings are seen as such beyond doubt, and how often others are taken for them.

    python bundles/tfnet/eval/refusals.py --dataset_dir DATA [--part validation] [--others_dir PICTURES]

Frames with rings are the clear and broken ones of a data set in the layout of TFM. Frames without are simulated eyes of
other devices whose rings are switched off, and pictures of a folder, whatever they show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from litemed.command_line import run_command
from PIL import Image
from tfnet import BUNDLE_ROOT, CLASSES, load_cases
from tfnet.collab import Networks
from tfnet.collab.trust import LEAST_PERIODICITY, LEAST_SCORE
from tfnet.simulation.device import draw_device
from tfnet.simulation.video import TearFilmVideo

_BARE_SEED = 77
_THRESHOLDS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55)
_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".bmp")


def _with_rings(dataset_dir: str, part: str, most: int) -> Iterator[np.ndarray]:
    shown = {CLASSES.index(name) for name in ("clear", "broken")}
    cases = [case for case in load_cases(dataset_dir, "classification", part) if int(case["label"]) in shown]
    for case in cases[:: max(1, len(cases) // most)]:
        with Image.open(case["image"]) as picture:
            yield np.asarray(picture.convert("L"))


def _bare(count: int) -> Iterator[np.ndarray]:
    """Open eyes of devices whose target is off, and that have nothing else that shines."""
    for number in range(count):
        device = draw_device((_BARE_SEED, number))
        size = tuple(2 * round(side * min(1, 720 / max(device.size)) / 2) for side in device.size)
        off: dict[str, Any] = {
            "gain": (0.0, 0.0),
            "cross": 0.0,
            "cone": 0.0,
            "hole": 0.0,
            "lamps": (0, 0.0),
            "size": size,
        }
        video = TearFilmVideo((_BARE_SEED, number), seconds=1.0, frame_rate=8.0, device=replace(device, **off))
        yield next(frame.image for frame in video if frame.label != CLASSES.index("closed"))


def _pictures(folder: str, most: int) -> Iterator[np.ndarray]:
    files = sorted(
        path for path in Path(folder).rglob("*") if path.suffix.lower() in _SUFFIXES and "mask" not in str(path)
    )
    for path in files[:: max(1, len(files) // most)]:
        with Image.open(path) as picture:
            yield np.asarray(picture.convert("L"))


def _measured(models: Networks, frames: Iterator[np.ndarray]) -> np.ndarray:
    """Score and periodicity of each frame; 0 and 0 where no rings are found."""
    found = [models.detect(frame) for frame in frames]
    return np.array([(0.0, 0.0) if each is None else (each.score, each.periodicity) for each in found])


def run(
    dataset_dir: str,
    part: str = "validation",
    others_dir: str | None = None,
    models_dir: str = f"{BUNDLE_ROOT}/models",
    most: int = 150,
) -> None:
    """Print shares of frames by threshold of the periodicity.

    Args:
        dataset_dir: data set in the layout of TFM.
        part: of it: training, validation or test.
        others_dir: folder of pictures without rings.
        models_dir: folder of the weights.
        most: frames of each kind.
    """
    models = Networks(models_dir, runtime="torch", threads=1)
    kinds: dict[str, Iterator[np.ndarray]] = {
        "rings": _with_rings(dataset_dir, part, most),
        "rings off": _bare(most // 4),
    }
    if others_dir:
        kinds["other pictures"] = _pictures(others_dir, most)
    print(f"{'':<16}{'frames':>8}{'score':>8}" + "".join(f"{f'>= {each:g}':>10}" for each in _THRESHOLDS))
    for kind, frames in kinds.items():
        values = _measured(models, frames)
        found = values[:, 0] >= LEAST_SCORE
        shares: Sequence[float] = [float((found & (values[:, 1] >= each)).mean()) for each in _THRESHOLDS]
        print(f"{kind:<16}{len(values):>8}{found.mean():>8.3f}" + "".join(f"{each:>10.3f}" for each in shares))
    print(f"used: {LEAST_PERIODICITY:g}")


if __name__ == "__main__":
    run_command(run, "refusals")
