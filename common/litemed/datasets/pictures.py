# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures without labels: one, or a folder of them."""

from __future__ import annotations

import os
from pathlib import Path

from litemed.datasets.files import PICTURE_SUFFIXES

__all__ = ["list_pictures"]


def list_pictures(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """List one picture, or the pictures that lie directly in a folder, as items with the key ``image``.

    Args:
        path: a picture or a folder.

    Raises:
        FileNotFoundError: when there is no such path, or no picture in the folder.
    """
    path = Path(path).expanduser()
    if path.is_file():
        return [{"image": str(path)}]
    if not path.is_dir():
        raise FileNotFoundError(f"no picture or folder at {path}")
    pictures = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES)
    if not pictures:
        raise FileNotFoundError(f"no picture ({', '.join(PICTURE_SUFFIXES)}) in {path}")
    return [{"image": str(picture)} for picture in pictures]
