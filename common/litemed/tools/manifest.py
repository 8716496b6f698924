# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What each result of a folder was made from and with: ``run.json`` beside the results."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from litemed.bundles import metadata_of
from litemed.files import read_json
from litemed.images.names import is_archive, is_dicom, is_picture
from litemed.images.pictures import picture_size
from litemed.images.volumes import open_volume
from litemed.training.record import record_run
from litemed.training.weight_record import sha256_of

__all__ = ["describe_input", "describe_run", "write_manifest"]


def describe_input(path: str | os.PathLike[str], page: int | None = None, series: Any = None) -> dict[str, Any]:
    """An image's file and geometry.

    Args:
        path: a picture, a volume, an archive, a video, or the folder of DICOM files or pictures.
        page: of a picture of several.
        series: of a DICOM study.

    Returns:
        ``path``; ``sha256`` of the file, of a folder that of its files' names and hashes; and ``size`` in pixels
        (x, y), or ``shape`` with ``spacing_mm`` (None where the file doesn't say) and ``affine`` (4x4, RAS).
    """
    source = Path(path)
    found: dict[str, Any] = {"path": str(source.absolute()), "sha256": _hash(source)}
    with suppress(OSError, ValueError, ImportError):  # a bundle may read what has no such geometry
        if source.is_file() and is_picture(source):
            found["size"] = list(picture_size(source, page))
        elif not is_archive(source):
            volume = open_volume(source, series=series)
            spacing = [round(value, 6) for value in volume.spacing] if volume.has_spacing else None
            found |= {"shape": list(volume.shape), "spacing_mm": spacing, "affine": volume.affine.tolist()}
    return found


def _hash(source: Path) -> str:
    if source.is_file():
        return sha256_of(source)
    digest = hashlib.sha256()
    files = [each for each in sorted(source.rglob("*")) if each.is_file() and not each.name.startswith(".")]
    for file in [each for each in files if is_dicom(each)] or files:
        digest.update(f"{file.relative_to(source).as_posix()} {sha256_of(file)}\n".encode())
    return digest.hexdigest()


def describe_run(bundle: Path, weights: str | os.PathLike[str] | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """What all results of a run were made with, for `write_manifest`.

    Args:
        bundle: the bundle's folder.
        weights: the file, or the name of published ones; None where there are none.
        options: as they were given.

    Returns:
        ``bundle`` and ``version``; ``weights``, their ``path`` and, of a file, ``sha256``; and ``options``.
    """
    told = {"path": str(weights or "")}
    if weights and Path(weights).expanduser().is_file():
        told["sha256"] = sha256_of(Path(weights).expanduser())
    return {"bundle": bundle.name, "version": metadata_of(bundle)["version"], "weights": told, "options": dict(options)}


def write_manifest(output_dir: str | os.PathLike[str], results: Mapping[str, Mapping[str, Any]], **run: Any) -> Path:
    """Write ``run.json``: what `litemed.training.record_run` records, and of each image what its results are.

    Results of earlier runs into the same folder stay listed as long as their files are there.

    Args:
        output_dir: folder of the results.
        results: by image; under ``files`` the names of the files.
        run: what all of them were made with; goes into each, as a later run may be another.

    Returns:
        the file.
    """
    folder = Path(output_dir)
    earlier: dict[str, Any] = {}
    if (folder / "run.json").is_file():
        known = read_json(folder / "run.json")
        listed = known.get("results", {}) if isinstance(known, dict) else {}
        new = {name for each in results.values() for name in each["files"]}
        for image, each in listed.items():
            files = [name for name in each.get("files", []) if (folder / name).is_file() and name not in new]
            if files and image not in results:
                earlier[image] = {**each, "files": files}
    record_run(folder, results={**earlier, **{image: {**each, **run} for image, each in results.items()}})
    return folder / "run.json"
