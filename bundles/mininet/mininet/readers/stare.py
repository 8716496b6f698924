# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""STARE: Structured Analysis of the Retina, the vessel part."""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from pathlib import Path

from litemed.datasets.files import Case, check_option, dataset_root, index, pair, wrong_layout
from litemed.datasets.validation import check_cases
from litemed.files import replacing


def stare(root: str | os.PathLike[str], observer: str = "ah", validate: bool = True) -> list[Case]:
    """Reads the vessel part of STARE (Hoover et al., IEEE TMI 19(3), 2000): 20 fundus photographs of 700x605.

    The layout is ``stare-images/im0001.ppm`` (or ``images/``), ``labels-ah/im0001.ah.ppm`` and
    ``labels-vk/im0001.vk.ppm``, or ``masks/`` (``labels/``) for the labels that are handed round without the observer's
    name; any picture format, ``.pgm`` and ``.ppm`` too. Files that are still packed, as the archives hold them
    (``.ppm.gz``), are unpacked beside themselves, once. The set has neither sections nor field-of-view masks.

    Args:
        root: the data set's folder.
        observer: whose annotation is the label, ``"ah"`` (Hoover, the reference) or ``"vk"`` (Kouznetsova).
        validate: check sizes and values of all files.

    Raises:
        FileNotFoundError: when the folder has another layout.
        ValueError: for another observer, or naming the files that are wrong.
    """
    check_option("observer", observer, ("ah", "vk"))
    base = dataset_root(root)
    images = _folder(base, ("stare-images", "images"))
    labels = _folder(base, (f"labels-{observer}", "labels", "masks"))
    if images is None or labels is None:
        raise wrong_layout(base, f"stare-images/ and labels-{observer}/")
    _unpack(images)
    _unpack(labels)
    # a folder with both observers' labels has their names in the files
    both = any(f".{observer}." in path.name.lower() for path in labels.iterdir())
    cases = pair(index(images, r"(im\d+)"), label=index(labels, rf"(im\d+)\.{observer}" if both else r"(im\d+)"))
    if validate:
        check_cases(cases, "binary")
    return cases


def _folder(base: Path, names: tuple[str, ...]) -> Path | None:
    return next((base / name for name in names if (base / name).is_dir()), None)


def _unpack(folder: Path) -> None:
    for packed in sorted(path for kind in ("ppm", "pgm") for path in folder.glob(f"*.{kind}.gz")):
        plain = packed.with_suffix("")
        if plain.exists():
            continue
        try:
            with gzip.open(packed) as source, replacing(plain) as temporary, temporary.open("wb") as target:
                shutil.copyfileobj(source, target)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{packed} can't be unpacked: {error}") from error
