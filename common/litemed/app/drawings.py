# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What was drawn on the page, on disk, so that it is there when the same image is opened again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from litemed.files import clear_leftovers, read_json, replacing

__all__ = ["Drawing", "Drawings"]

_CHUNK = 1 << 22


class Drawing(NamedTuple):
    """What was drawn on an image.

    Attributes:
        content: as `litemed.prompting.Session.to_json` has it.
        colours: of objects, by name.
    """

    content: dict[str, Any]
    colours: dict[str, str]


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

    def load(self, key: str) -> Drawing | None:
        """What was drawn on an image; None where nothing was, or it can't be read."""
        try:
            kept = read_json(self.folder / f"{key}.json")
            content = {**kept["content"], "options": dict(kept["content"]["options"])}
            return Drawing(content, {str(name): str(colour) for name, colour in kept["colours"].items()})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def keep(self, key: str, drawing: Drawing) -> None:
        """Write what is drawn on an image, whole or not at all; without an object, forget what was.

        Raises:
            OSError: where it can't be written.
        """
        file = self.folder / f"{key}.json"
        if not drawing.content["objects"]:
            file.unlink(missing_ok=True)
            return
        with replacing(file) as temporary:
            temporary.write_text(json.dumps(drawing._asdict()) + "\n", encoding="utf-8")

    def put_aside(self, key: str) -> None:
        """Keep a drawing that can't be drawn on its image any more under a name by which it isn't found."""
        with suppress(FileNotFoundError):
            (self.folder / f"{key}.json").replace(self.folder / f"{key}.old")
