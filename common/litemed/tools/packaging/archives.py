# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What of a bundle's folder or zip is taken: nothing through links, nothing outside, nothing without bounds."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

__all__ = ["MOST_BYTES", "MOST_FILES", "bundle_in", "files_within", "unpack"]

MOST_FILES = 10_000
"""More entries than any bundle has."""
MOST_BYTES = 4 << 30
"""More than any bundle weighs, unpacked."""


def files_within(folder: Path) -> Iterator[Path]:
    """The files of a bundle's folder, sorted.

    Raises:
        ValueError: for a link that leads out of the folder.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{path} is a link to {os.readlink(path)}, outside the bundle: put the file itself there")
        if path.is_file():
            yield path


def unpack(path: str | os.PathLike[str], folder: Path) -> Path:
    """Unpack the zip of a bundle, and return the bundle's folder. Nothing of it is executed.

    Args:
        path: the zip.
        folder: an empty one.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no readable zip of one bundle; or has entries that lie outside of it, are links or
            encrypted; or is larger than `MOST_FILES` and `MOST_BYTES` allow.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check(path, entries)
            for entry in entries:  # never more than the bytes that an entry claims
                archive.extract(entry, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(f"{path} is not a readable zip: {error}") from error
    return bundle_in(folder, path)


def bundle_in(folder: Path, source: str | os.PathLike[str]) -> Path:
    """The one bundle right below a folder.

    Raises:
        ValueError: when there is none, or more; names the source.
    """
    bundles = [found.parents[1] for found in folder.glob("*/configs/metadata.json")]
    if len(bundles) != 1:
        raise ValueError(f"expected one bundle in {source}, found {len(bundles)}")
    return bundles[0]


def _check(path: str | os.PathLike[str], entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MOST_FILES:
        raise ValueError(f"{path} has {len(entries)} entries: expected at most {MOST_FILES}")
    total = sum(entry.file_size for entry in entries)
    if total > MOST_BYTES:
        raise ValueError(f"{path} would unpack to {total} bytes: expected at most {MOST_BYTES}")
    for entry in entries:
        name = PurePosixPath(entry.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in name.parts[0]:
            raise ValueError(f"{path} has an entry outside its folder: {entry.filename!r}")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ValueError(f"{path} has a link: {entry.filename!r}")
        if entry.flag_bits & 1:
            raise ValueError(f"{path} has an encrypted entry: {entry.filename!r}")
