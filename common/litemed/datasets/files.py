# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What all readers share: finding files and joining them into cases."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

from litemed.images.names import PICTURE_SUFFIXES, VOLUME_SUFFIXES, image_stem, image_suffix

Case = dict[str, str]
"""One image with its annotation: ``case``, ``image``, ``label`` and, where the set has one, ``region``."""

SUFFIXES = (*VOLUME_SUFFIXES, *PICTURE_SUFFIXES)
_SHOWN = 10


def stem(path: Path) -> str | None:
    """File name without its image suffix (any case), or None for hidden files and files of other kinds."""
    is_other = path.name.startswith(".") or image_suffix(path).lower() not in SUFFIXES
    return None if is_other else image_stem(path)


def dataset_root(root: str | os.PathLike[str]) -> Path:
    """Absolute path of a data set's folder, so that cases stay valid when the current directory changes.

    Raises:
        FileNotFoundError: when there is no such folder.
    """
    path = Path(root).expanduser().absolute()
    if not path.is_dir():
        raise FileNotFoundError(f"data set folder {path} doesn't exist")
    return path


def check_option(name: str, value: object, allowed: Collection[object]) -> None:
    """Raises ValueError when an argument isn't one of the allowed values."""
    if value not in allowed:
        raise ValueError(f"expected {name} to be one of {', '.join(map(repr, allowed))}, got {value!r}")


def wrong_layout(root: Path, expected: str) -> FileNotFoundError:
    """Error for a folder that isn't laid out as its reader expects; names what is there instead."""
    names = sorted(path.name + "/" * path.is_dir() for path in root.iterdir() if not path.name.startswith("."))
    return FileNotFoundError(f"expected {expected} in {root}, found {_shortened(names, ', ') or 'an empty folder'}")


def listing(problems: list[str]) -> str:
    """The first problems, one a line, and how many more there are."""
    return "\n  " + _shortened(problems, "\n  ")


def index(folder: Path, pattern: str = "(.+)") -> dict[str, Path]:
    """Finds the image files of one folder.

    Args:
        folder: the folder; its subfolders aren't read.
        pattern: regular expression for a whole file stem, in any case. Its first group is the file's key, which the
            image, label and region of one case have in common.

    Returns:
        Files by key, in the order of their names.

    Raises:
        FileNotFoundError: when the folder is missing or holds no such file.
        ValueError: when two files have the same key.
    """
    if not folder.is_dir():
        raise wrong_layout(folder.parent, f"a folder {folder.name}/")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(pattern, stem(path) or "", re.IGNORECASE)
        if match is None:
            continue
        if match[1] in files:
            raise ValueError(f"two files for one case {match[1]!r}: {files[match[1]]} and {path}")
        files[match[1]] = path
    if not files:
        named = "" if pattern == "(.+)" else f" with names like {pattern}"
        raise wrong_layout(folder, f"image files{named} ({' '.join(SUFFIXES)})")
    return files


def pair(images: dict[str, Path], **partners: dict[str, Path]) -> list[Case]:
    """Joins the files of each case by key.

    Args:
        images: image files by key.
        partners: further files by key, for example ``label=...``, ``region=...``; all keys must agree.

    Returns:
        Cases in the order of their keys, each named by the stem of its image.

    Raises:
        ValueError: names the files that have no partner.
    """
    alone = []
    for kind, files in partners.items():
        alone += [f"{images[key]} has no {kind}" for key in sorted(images.keys() - files.keys())]
        alone += [f"{kind} {files[key]} has no image" for key in sorted(files.keys() - images.keys())]
    if alone:
        raise ValueError(f"{len(alone)} missing partner file(s):{listing(alone)}")
    return [
        {"case": stem(images[key]) or key, "image": str(images[key])}
        | {kind: str(files[key]) for kind, files in partners.items()}
        for key in sorted(images)
    ]


def _shortened(entries: list[str], separator: str) -> str:
    more = len(entries) - _SHOWN
    return separator.join(entries[:_SHOWN] + ([f"and {more} more"] if more > 0 else []))
