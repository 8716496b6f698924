# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Which files are images, what each is called without its suffix, and how the results on it are called."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = [
    "ARCHIVE_SUFFIXES",
    "PICTURE_SUFFIXES",
    "SUFFIXES",
    "VIDEO_SUFFIXES",
    "VOLUME_SUFFIXES",
    "check_result_names",
    "image_part",
    "image_stem",
    "is_archive",
    "is_dicom",
    "is_image",
    "is_picture",
    "is_volume",
    "result_name",
    "result_suffix",
    "stem_of",
]

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".pbm", ".pnm")
VOLUME_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm")
ARCHIVE_SUFFIXES = (".npz",)
VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".3gp")
"""Archives of the MedSAM challenge, of pictures or volumes."""
SUFFIXES = (*PICTURE_SUFFIXES, *VOLUME_SUFFIXES, *ARCHIVE_SUFFIXES)

_PREAMBLE, _MAGIC = 128, b"DICM"
_RESULT_SUFFIXES = {
    ".tif": ".tif",
    ".tiff": ".tiff",
    ".nii": ".nii",
    ".nrrd": ".nrrd",
    ".nhdr": ".nrrd",
    ".mha": ".mha",
    ".mhd": ".mha",
    ".npz": ".npz",
}

AnyPath = str | os.PathLike[str]


def image_suffix(path: AnyPath) -> str:
    """The suffix of an image as it is written, ``.nii.gz`` as one; empty for every other name."""
    name = Path(path).name
    own = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix) and len(name) > len(suffix)), "")
    return name[len(name) - len(own) :]


def is_picture(path: AnyPath) -> bool:
    """Whether a path is named like a picture."""
    return image_suffix(path).lower() in PICTURE_SUFFIXES


def is_archive(path: AnyPath) -> bool:
    """Whether a path is named like an archive of the challenge."""
    return image_suffix(path).lower() in ARCHIVE_SUFFIXES


def is_volume(path: AnyPath) -> bool:
    """Whether a path is a volume: named like one, a DICOM file of any name, or a folder that holds DICOM files."""
    path = Path(path)
    if path.is_dir():
        return any(is_dicom(file) for file in path.rglob("*"))
    return image_suffix(path).lower() in VOLUME_SUFFIXES or is_dicom(path)


def is_dicom(path: AnyPath) -> bool:
    """Whether a path is a DICOM file, by its suffix or by its first bytes. DICOMDIR, which lists others, is none."""
    path = Path(path)
    if not path.is_file() or path.name.upper() == "DICOMDIR" or path.name.startswith("."):
        return False
    if path.suffix.lower() == ".dcm":
        return True
    with path.open("rb") as file:
        return file.read(_PREAMBLE + len(_MAGIC))[_PREAMBLE:] == _MAGIC


def is_image(path: AnyPath) -> bool:
    """Whether a path is an image of any kind; hidden ones aren't."""
    return not Path(path).name.startswith(".") and (bool(image_suffix(path)) or is_volume(path))


def image_stem(path: AnyPath, part: str = "") -> str:
    """What an image is called: its name without the suffix of its format.

    Folders of DICOM series keep their whole name, dots too, and so do files of DICOM that have no suffix.

    Args:
        path: the image.
        part: see `image_part`; it goes into the name.
    """
    path = Path(path)
    suffix = "" if path.is_dir() else image_suffix(path)
    stem = path.name[: len(path.name) - len(suffix)]
    return f"{stem}_{part}" if part else stem


def image_part(item: Mapping[Any, Any]) -> str:
    """What tells an image from the others of its file or folder; empty when it is the only one.

    Args:
        item: the image's item in a list, or its metadata: ``page`` of a picture of several gives ``page3``, ``series``
            of a DICOM study of several ``series2``.
    """
    return next((f"{kind}{item[kind]}" for kind in ("page", "series") if item.get(kind) is not None), "")


def stem_of(meta: Mapping[Any, Any]) -> str:
    """What an image that has been read is called, by its metadata; part of the name of every result."""
    return image_stem(meta["filename_or_obj"], image_part(meta))


def result_suffix(path: AnyPath) -> str:
    """Suffix of the format that an image's label maps are written in.

    TIFF for TIFF and PNG for every other picture, NRRD for NRRD, MetaImage in one file for MetaImage, an archive for an
    archive, and NIfTI for NIfTI and DICOM.
    """
    suffix = "" if Path(path).is_dir() else image_suffix(path).lower()
    return _RESULT_SUFFIXES.get(suffix, ".png" if suffix in PICTURE_SUFFIXES else ".nii.gz")


def result_name(path: AnyPath, kind: str = "mask", suffix: str | None = None, part: str = "") -> str:
    """Name of a result: ``<stem>_<kind><suffix>``.

    Args:
        path: the image.
        kind: what the result is: ``mask``, ``overlay``, ``objects`` ...
        suffix: of the result; None takes that of label maps, see `result_suffix`.
        part: see `image_part`.
    """
    return f"{image_stem(path, part)}_{kind}{result_suffix(path) if suffix is None else suffix}"


def check_result_names(items: Iterable[Mapping[Any, Any]]) -> None:
    """Check that no two images give results of one name.

    Args:
        items: each with a path under ``image``; see `image_part`.

    Raises:
        ValueError: names two that do.
    """
    seen: dict[str, AnyPath] = {}
    for item in items:
        path, stem = item["image"], image_stem(item["image"], image_part(item))
        if stem in seen:
            raise ValueError(f"{seen[stem]} and {path} would give results of one name, {stem}_...: rename one")
        seen[stem] = path
