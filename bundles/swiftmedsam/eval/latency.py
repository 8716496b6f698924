# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""How long a session takes to answer a click, in pictures of several sizes and in a volume.

    python bundles/swiftmedsam/eval/latency.py [--ckpt_path WEIGHTS] [--clicks 20]

Times are those that someone waits on the page of ``litemed app``: from a click to the object's mask and its picture on
the slice. Encoding is timed for itself; so is reopening an image whose embedding is kept. What is drawn on is noise and
bright discs: times don't depend on what is seen. Run it on free cores.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from litemed.app.opened import Opened
from litemed.command_line import run_command
from litemed.prompting import Place, Session
from litemed.tools.doctor import processor_name
from litemed.tools.prompted import session_network
from PIL import Image
from swiftmedsam import BUNDLE_ROOT

__all__ = ["measure"]

SIDES = (512, 1024, 2048, 3000)
VOLUME = (512, 512, 96)


def measure(clicks: int = 20, json_file: str | None = None, **options: Any) -> None:
    """Print a table of seconds.

    Args:
        clicks: on each image, of which the median counts.
        json_file: to write the rows to as well.
        options: of the network, such as ``--ckpt_path`` and ``--variant``.
    """
    network = session_network(BUNDLE_ROOT, options)
    rng = np.random.default_rng(0)
    print(f"{processor_name()}, {torch.get_num_threads()} of them used, median of {clicks} clicks, seconds")
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for side in SIDES:
            file = folder / f"picture_{side}.png"
            Image.fromarray(_noise(rng, (side, side)).astype(np.uint8)).save(file, compress_level=1)
            rows.append(_timed(network, file, Place("picture", 0), clicks))
        voxels = np.stack([_noise(rng, VOLUME[:2]) for _ in range(VOLUME[2])], axis=2).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([-0.8, -0.8, 2.5, 1])), folder / "volume.nii.gz")
        rows.append(_timed(network, folder / "volume.nii.gz", Place("axial", VOLUME[2] // 2), clicks))
    print(f"{'image':<20}" + "".join(f"{name:>12}" for name in list(rows[0])[1:]))
    for row in rows:
        print(f"{row['image']:<20}" + "".join(f"{value:>12.3f}" for value in list(row.values())[1:]))
    if json_file:
        Path(json_file).write_text(json.dumps(rows, indent=4) + "\n", encoding="utf-8")


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    y, x = np.ogrid[: shape[0], : shape[1]]
    inside = ((x - shape[1] / 2) ** 2 + (y - shape[0] / 2) ** 2) < (min(shape) / 5) ** 2
    return np.clip(rng.normal(60, 12, shape) + 120 * inside, 0, 255)


def _seconds(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _timed(network: Any, file: Path, place: Place, clicks: int) -> dict[str, Any]:
    """Seconds of opening, encoding, the median click with its picture, and of opening and clicking again."""
    kept = file.with_suffix(".kept")
    start = time.perf_counter()
    with Session(network, file, folder=kept) as session:
        opening = time.perf_counter() - start
        encoding = _seconds(lambda: session.encode(place).result())
        opened = Opened("1", file.name, session)
        session.add_object("disc")
        height, width = session.planes[place.plane].shape[1:3]
        rng = np.random.default_rng(1)
        answers = []
        for number in range(clicks):
            x, y = (rng.uniform(0.35, 0.65, 2) * (width, height)).round().tolist()

            def click(x: float = x, y: float = y, number: int = number) -> None:
                session.click("disc", x, y, number % 4 != 3, place.plane, place.index)
                opened.labels_png(place)

            answers.append(_seconds(click))
            session.cancel()  # following would take the cores that the next click is timed on
    start = time.perf_counter()
    with Session(network, file, folder=kept) as session:
        session.add_object("disc")
        session.click("disc", width // 2, height // 2, True, place.plane, place.index)
        again = time.perf_counter() - start
    return {
        "image": file.name.split(".")[0],
        "opening": opening,
        "encoding": encoding,
        "click": statistics.median(answers),
        "worst click": max(answers),
        "reopening": again,
    }


if __name__ == "__main__":
    run_command(measure, "latency")
