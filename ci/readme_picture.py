# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The picture of the README: each bundle's shipped weights at work on an image, above the image and below its result.

Run: python ci/readme_picture.py [--out docs/five.jpg]

Images are what installed packages carry and what the bundles simulate; the picture says which are simulated. The masks
are what ``litemed segment`` gives with its defaults, and ``--window bone`` for the CT.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from litemed.bundles import importable
from litemed.files import replacing
from litemed.images.names import is_picture
from litemed.images.pictures import read_picture
from litemed.images.volumes import open_volume
from litemed.tools.segment import segment
from PIL import Image, ImageDraw, ImageOps

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT, GAP, TEXT, FOOT = 360, 300, 12, 64, 38
CT_BOXES = [[41, 5, 0, 79, 43, 0], [75, 0, 0, 107, 32, 0]]
"""The body of a vertebra, and the aorta."""


class Panel(NamedTuple):
    """A bundle, what is shown, the image, and options of the inference."""

    bundle: str
    title: str
    kind: str
    image: Callable[[Path], tuple[Path, Any]]
    options: Mapping[str, Any] = MappingProxyType({})


def fundus(folder: Path) -> tuple[Path, Any]:
    """The photograph that scikit-image carries (CC0)."""
    from skimage import data

    path = folder / "fundus.png"
    Image.fromarray(data.retina()).save(path)
    return path, None


def eye(folder: Path) -> tuple[Path, Any]:
    """The first of the bundle's simulated healthy eyes."""
    sample = import_module("tiu_ocular.simulation").eyes(domain="clinical", subjects=3, images_per_subject=4)
    return sorted((sample / "healthy").glob("*.jpg"))[0], None


def tear_film(folder: Path) -> tuple[Path, Any]:
    """The first simulated test crop with break-up."""
    sample = import_module("tfnet.simulation").tearfilm()
    return sorted((sample / "crop_broken_only/images/test").iterdir())[0], None


def ct(folder: Path) -> tuple[Path, Any]:
    """The slice that pydicom carries."""
    from pydicom.data import get_testdata_file

    return Path(shutil.copy(str(get_testdata_file("CT_small.dcm")), folder / "ct.dcm")), CT_BOXES


def nuclei(folder: Path) -> tuple[Path, Any]:
    """The first tile of the built-in sample, with its boxes beside it."""
    from litemed.samples.prompted import sample_pictures

    return sorted(sample_pictures().glob("*.png"))[0], None


PANELS = (
    Panel("mininet", "vessels, skin lesions, nuclei", "a real photograph", fundus),
    Panel("tiu_ocular", "regions of the eye, measured", "a simulated photograph", eye),
    Panel("tfnet", "break-up of the tear film", "a simulated picture", tear_film),
    Panel("swiftmedsam", "what is in boxes, 2D and 3D", "a real CT slice, DICOM", ct, {"window": "bone"}),
    Panel("classprompt", "the same, told the modality", "a real microscopy picture", nuclei),
)


def shown(path: Path) -> Image.Image:
    """An image file as people look at it."""
    if is_picture(path):
        return Image.fromarray(np.asarray(read_picture(path))).convert("RGB")
    pixels = open_volume(path).read_slice(2, 0).T.astype(np.float64)
    scaled = 255 * (pixels - pixels.min()) / (pixels.max() - pixels.min())
    return Image.fromarray(scaled.astype(np.uint8)).convert("RGB")


def column(panel: Panel, folder: Path) -> Image.Image:
    """One bundle: its name, the image, the result, and what the image is."""
    importable(panel.bundle)
    source, boxes = panel.image(folder)
    out = folder / panel.bundle
    done = segment(source, panel.bundle, out, boxes=boxes, workers=1, overrides=panel.options, progress=False)
    if done.failed:
        raise ValueError(f"{panel.bundle}: {done.failed}")
    (overlay,) = (name for names in done.results.values() for name in names if name.endswith("_overlay.png"))
    canvas = Image.new("RGB", (WIDTH, 2 * HEIGHT + GAP + TEXT + FOOT), "white")
    draw = ImageDraw.Draw(canvas)
    draw.text((WIDTH / 2, 4), panel.bundle, "black", anchor="mt", font_size=28)
    draw.text((WIDTH / 2, 38), panel.title, (70, 70, 70), anchor="mt", font_size=20)
    for top, picture in ((TEXT, shown(source)), (TEXT + HEIGHT + GAP, shown(out / overlay))):
        canvas.paste(ImageOps.fit(picture, (WIDTH, HEIGHT), Image.Resampling.BICUBIC), (0, top))
    draw.text((WIDTH / 2, canvas.height - FOOT + 10), panel.kind, (70, 70, 70), anchor="mt", font_size=20)
    return canvas


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/five.jpg")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        columns = [column(panel, Path(folder)) for panel in PANELS]
    canvas = Image.new("RGB", (len(columns) * (WIDTH + GAP) - GAP, columns[0].height), "white")
    for number, each in enumerate(columns):
        canvas.paste(each, (number * (WIDTH + GAP), 0))
    with replacing(out) as temporary:
        canvas.save(temporary, quality=88)
    print(out)


if __name__ == "__main__":
    main()
