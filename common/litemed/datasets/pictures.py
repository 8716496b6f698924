# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures without labels: one, or a folder of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from litemed.files import typed_path
from litemed.images.names import PICTURE_SUFFIXES, check_result_names, is_archive, is_image, is_picture
from litemed.images.pictures import count_pages

__all__ = ["list_pictures"]


def list_pictures(path: str | os.PathLike[str], page: int | str | None = None) -> list[dict[str, Any]]:
    """List one picture, or the pictures that lie directly in a folder, as items with the key ``image``.

    Volumes of a single slice, DICOM too, are pictures; other volumes are listed and refused when they are read.

    Args:
        path: a picture or a folder.
        page: of pictures of several pages: the number of one, from 1, or ``"all"``; a picture's page is in its item
            under ``page``. With None such a picture is refused when it is read.

    Raises:
        FileNotFoundError: when there is no such path, or no picture in the folder.
        ValueError: for another page, two pictures whose results would have one name, or a path that a command line has
            changed, see `litemed.files.typed_path`.
    """
    path = typed_path(path)
    if isinstance(page, str) and page.isdecimal():
        page = int(page)
    if not (page is None or page == "all" or (isinstance(page, int) and not isinstance(page, bool) and page > 0)):
        raise ValueError(f"expected the number of a page from 1, or all, got {page!r}")
    if path.is_file():
        return _pages(path, page)
    if not path.is_dir():
        raise FileNotFoundError(f"no picture or folder at {path}")
    pictures = sorted(file for file in path.iterdir() if file.is_file() and is_image(file) and not is_archive(file))
    if not pictures:
        raise FileNotFoundError(f"no picture ({', '.join(PICTURE_SUFFIXES)}) in {path}")
    items = [item for picture in pictures for item in _pages(picture, page)]
    check_result_names(items)
    return items


def _pages(picture: Path, page: int | str | None) -> list[dict[str, Any]]:
    item = {"image": str(picture)}
    if page is None or not is_picture(picture):
        return [item]
    try:
        count = count_pages(picture)
    except (OSError, ValueError):  # told when it is read
        return [item]
    if count == 1:
        return [item]
    return [{**item, "page": number} for number in (range(1, count + 1) if page == "all" else [page])]
