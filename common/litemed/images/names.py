# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Which files are images, what each is called without its suffix, and how the results on it are called."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "ARCHIVE_SUFFIXES",
    "PICTURE_SUFFIXES",
    "SUFFIXES",
    "VOLUME_SUFFIXES",
    "check_result_names",
    "image_stem",
    "is_archive",
    "is_dicom",
    "is_image",
    "is_picture",
    "is_volume",
    "result_name",
    "result_suffix",
]

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".pbm", ".pnm")
VOLUME_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm")
ARCHIVE_SUFFIXES = (".npz",)
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


def image_stem(path: AnyPath, page: int | None = None) -> str:
    """What an image is called: its name without the suffix of its format.

    Folders of DICOM series keep their whole name, dots too, and so do files of DICOM that have no suffix.

    Args:
        path: the image.
        page: of a picture of several, from 1; part of the name then.
    """
    path = Path(path)
    suffix = "" if path.is_dir() else image_suffix(path)
    stem = path.name[: len(path.name) - len(suffix)]
    return stem if page is None else f"{stem}_page{page}"


def result_suffix(path: AnyPath) -> str:
    """Suffix of the format that an image's label maps are written in.

    TIFF for TIFF and PNG for every other picture, NRRD for NRRD, MetaImage in one file for MetaImage, an archive for an
    archive, and NIfTI for NIfTI and DICOM.
    """
    suffix = "" if Path(path).is_dir() else image_suffix(path).lower()
    return _RESULT_SUFFIXES.get(suffix, ".png" if suffix in PICTURE_SUFFIXES else ".nii.gz")


def result_name(path: AnyPath, kind: str = "mask", suffix: str | None = None, page: int | None = None) -> str:
    """Name of a result: ``<stem>_<kind><suffix>``.

    Args:
        path: the image.
        kind: what the result is: ``mask``, ``overlay``, ``objects`` ...
        suffix: of the result; None takes that of label maps, see `result_suffix`.
        page: see `image_stem`.
    """
    return f"{image_stem(path, page)}_{kind}{result_suffix(path) if suffix is None else suffix}"


def check_result_names(images: Iterable[tuple[AnyPath, int | None]]) -> None:
    """Check that no two images give results of one name.

    Args:
        images: path and page (None for a picture of one page, and for volumes) of each.

    Raises:
        ValueError: names two that do.
    """
    seen: dict[str, AnyPath] = {}
    for path, page in images:
        stem = image_stem(path, page)
        if stem in seen:
            raise ValueError(f"{seen[stem]} and {path} would give results of one name, {stem}_...: rename one")
        seen[stem] = path
