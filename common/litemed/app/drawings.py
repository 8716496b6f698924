# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What was drawn on the page, on disk, so that it is there when the same image is opened again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from litemed.files import clear_leftovers, read_json, replacing

__all__ = ["Drawings"]

_CHUNK = 1 << 22


class Drawings:
    """Drawings by the content of their image, wherever its file lies and whatever it is called.

    Args:
        folder: of the files, made when it isn't there.
        most: drawings kept; those not changed for longest go when the page is served anew.
    """

    def __init__(self, folder: Path, most: int = 1000) -> None:
        self.folder = folder
        clear_leftovers(folder)
        with suppress(FileNotFoundError):
            for file in sorted(folder.glob("*.json"), key=lambda file: -file.stat().st_mtime)[most:]:
                file.unlink(missing_ok=True)

    def key(self, path: Path, options: Mapping[str, Any]) -> str:
        """What an image is known by: the bytes of its file or, of a DICOM series, files; and its page or series."""
        digest = hashlib.blake2b(repr([options.get(name) for name in ("page", "series")]).encode(), digest_size=16)
        for file in sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]:
            with file.open("rb") as content:
                while part := content.read(_CHUNK):
                    digest.update(part)
        return digest.hexdigest()

    def load(self, key: str) -> dict[str, Any] | None:
        """What was drawn on an image, see `keep`; None where nothing was, or it can't be read."""
        try:
            content = read_json(self.folder / f"{key}.json")["content"]
            return {**content, "options": dict(content["options"])}
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def keep(self, key: str, content: Mapping[str, Any]) -> None:
        """Write what is drawn on an image, whole or not at all; without an object, forget what was.

        Args:
            key: of the image.
            content: as `litemed.prompting.Session.to_json` has it.

        Raises:
            OSError: where it can't be written.
        """
        file = self.folder / f"{key}.json"
        if not content["objects"]:
            file.unlink(missing_ok=True)
            return
        with replacing(file) as temporary:
            temporary.write_text(json.dumps({"content": content}) + "\n", encoding="utf-8")

    def put_aside(self, key: str) -> None:
        """Keep a drawing that can't be drawn on its image any more under a name by which it isn't found."""
        with suppress(FileNotFoundError):
            (self.folder / f"{key}.json").replace(self.folder / f"{key}.old")
