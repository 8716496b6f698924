# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The files that the page may open: those of the opened folder, and what was dragged in."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from litemed.images.names import VIDEO_SUFFIXES, image_suffix, is_dicom, is_picture

__all__ = ["Folders", "inside"]

_MOST = 2000
_UNFIT = set('<>:"/\\|?*')
"""What names of folders can't hold somewhere."""


def inside(root: Path, name: str) -> Path:
    """The path of a name below a folder.

    Raises:
        FileNotFoundError: when there is nothing, or it lies elsewhere, be it by a link.
    """
    try:
        path = (root / name).resolve()
        is_there = path.is_relative_to(root.resolve()) and path.exists()
    except (OSError, ValueError, RuntimeError):
        is_there = False
    if not is_there:
        raise FileNotFoundError(f"there is no {name} in the opened folder")
    return path


class Folders:
    """What can be opened. A file's name begins with the part that it is of: ``opened/scan.nii.gz``.

    Args:
        opened: a folder, or a single file, of whose folder nothing else is offered.
        dropped: folder for what is dragged in.
    """

    def __init__(self, opened: Path, dropped: Path) -> None:
        self._only = None if opened.is_dir() else opened
        is_series = opened.is_dir() and any(is_dicom(file) for file in opened.iterdir())
        self._roots = {"opened": opened.parent if self._only or is_series else opened, "dropped": dropped}
        if is_series:
            self._only = opened

    def path(self, name: str) -> Path:
        """The path of something that is offered.

        Raises:
            FileNotFoundError: for anything else.
        """
        part, _, rest = name.partition("/")
        if part not in self._roots:
            raise FileNotFoundError(f"there is no {name} in the opened folder")
        path = inside(self._roots[part], rest)
        if part == "opened" and self._only is not None and path != self._only.resolve():
            raise FileNotFoundError(f"only {self._only.name} was opened, not {rest}")
        return path

    def group(self, name: str) -> str:
        """Make a folder for what is dragged in together; a number follows a name that is taken."""
        fit = "".join("_" if each in _UNFIT or not each.isprintable() else each for each in name[:80]).strip(". ")
        for number in itertools.count(1):
            group = (fit or "files") + (f" ({number})" if number > 1 else "")
            with suppress(FileExistsError):
                (self._roots["dropped"] / group).mkdir(parents=True)
                break
        return group

    def drop(self, name: str) -> Path:
        """Where to put a file that is dragged in: its group, see `group`, and its name.

        Raises:
            ValueError: for a name that leads elsewhere.
        """
        parts = name.split("/")
        if len(parts) != 2 or any(not part or part.startswith(".") or set(part) & set("\\:\0") for part in parts):
            raise ValueError(f"expected the name of a file, got {name!r}")
        return self._roots["dropped"] / parts[0] / parts[1]

    def listed(self) -> list[dict[str, Any]]:
        """All that can be opened, at most 2,000: ``name``, and ``kind``: picture, volume or video."""
        found: list[dict[str, Any]] = []
        for part, root in self._roots.items():
            entries: Any = self._entries(root, 0) if part == "dropped" or self._only is None else [self._only]
            for path in entries:
                kind = _kind(path)
                if kind and len(found) < _MOST:
                    found.append({"name": f"{part}/{path.relative_to(root).as_posix()}", "kind": kind})
        return found

    def _entries(self, folder: Path, depth: int) -> Iterator[Path]:
        try:
            entries = sorted(each for each in folder.iterdir() if not each.name.startswith("."))
        except OSError:
            return
        for path in entries:
            try:
                if not path.is_dir() or _is_series(path):
                    yield path
                elif depth < 3 and not path.is_symlink():
                    yield from self._entries(path, depth + 1)
            except OSError:
                continue


def _is_series(folder: Path) -> bool:
    """Whether a folder holds files of DICOM, by the first few of them."""
    with os.scandir(folder) as entries:
        files = [Path(entry) for entry, _ in zip(entries, range(8), strict=False) if entry.is_file()]
    return any(is_dicom(file) for file in files)


def _kind(path: Path) -> str | None:
    if path.is_dir():
        return "volume"
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return "video"
    if is_picture(path):
        return "picture"
    return "volume" if image_suffix(path) or is_dicom(path) else None
