# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The card's picture: frames of simulated devices with the box found, the crop, and the mask beside the truth.

python bundles/tfnet/eval/example.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from litemed.command_line import run_command
from litemed.files import replacing
from litemed.images.masks import read_labels
from litemed.images.overlay import mask_overlay
from PIL import Image, ImageDraw, ImageOps
from score_devices import drawn
from tfnet import BUNDLE_ROOT, load_cases
from tfnet.collab import Networks

__all__ = ["run"]

_HEIGHT, _WIDTH, _GAP = 300, 400, 8
_BLUE = (90, 170, 255)
_COLOURS = 256


def run(
    output_path: str = f"{BUNDLE_ROOT}/docs/example.png",
    videos: int = 24,
    rows: int = 3,
    models_dir: str = f"{BUNDLE_ROOT}/models",
    samples_dir: str | None = None,
    workers: int = 1,
) -> None:
    """Draw the middle broken frame of as many devices that training never saw as there are rows, evenly picked.

    Args:
        output_path: PNG file.
        videos: of ``score_devices.py``, each of another device.
        rows: of the picture.
        models_dir: folder of the weights.
        samples_dir: folder of the simulated videos; by default that of all samples.
        workers: processes that draw.
    """
    folder = drawn("unseen", videos, samples_dir=samples_dir, workers=workers)
    of_video: dict[str, list[dict[str, str]]] = {}
    for case in load_cases(folder, "segmentation", "test"):
        of_video.setdefault(case["video"], []).append(case)
    chosen = [cases[len(cases) // 2] for cases in list(of_video.values())[videos // (2 * rows) :: videos // rows]]
    models = Networks(models_dir)
    strips = [_strip(Path(case["image"]), Path(case["label"]), folder, models) for case in chosen[:rows]]
    canvas = Image.new("RGB", (strips[0].width, rows * (_HEIGHT + _GAP) - _GAP), "white")
    for number, strip in enumerate(strips):
        canvas.paste(strip, (0, number * (_HEIGHT + _GAP)))
    with replacing(Path(output_path)) as temporary:
        canvas.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE).save(temporary, format="PNG", optimize=True)
    print(output_path)


def _strip(crop_path: Path, label_path: Path, folder: Path, models: Networks) -> Image.Image:
    with Image.open(folder / "images" / "test" / crop_path.name) as picture:
        frame = picture.convert("RGB")
    rings = models.detect(np.asarray(frame.convert("L")))
    if rings is not None:
        line = max(1, frame.height // 150)
        ImageDraw.Draw(frame).rectangle(tuple(rings.boxes[-1].tolist()), outline=_BLUE, width=line)
    with Image.open(crop_path) as picture:
        crop = np.asarray(picture.convert("RGB"))
        mask = models.segment(np.asarray(picture.convert("L")))
    drawn = mask_overlay(crop, mask, read_labels(label_path) > 0)
    strip = Image.new("RGB", (_WIDTH + 2 * (_HEIGHT + _GAP), _HEIGHT), "white")
    strip.paste(ImageOps.pad(frame, (_WIDTH, _HEIGHT), color="white"), (0, 0))
    for place, panel in enumerate((crop, drawn)):
        shown = ImageOps.pad(Image.fromarray(panel), (_HEIGHT, _HEIGHT), color="white")
        strip.paste(shown, (_WIDTH + _GAP + place * (_HEIGHT + _GAP), 0))
    return strip


if __name__ == "__main__":
    run_command(run, "example")
