# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Where bundles are, what each says of itself in its metadata, and how its package gets onto the path."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from litemed.files import litemed_home

__all__ = ["OFFERS", "Offer", "bundle_folders", "find_bundle", "importable", "metadata_of", "offers", "where_to_put"]

OFFERS = ("commands", "readers", "samples", "applications", "sessions", "takes")
"""Keys of ``"litemed"`` in a bundle's metadata: what it adds to the command line, by name, with a line on each.

A command ``measure`` is the function of that name in the module ``command`` of the bundle's package. A bundle with
``sessions`` has a network whose masks are refined by clicks. ``takes`` says of commands and applications what they are
offered for on the page of ``litemed app``: ``picture``, ``video`` or both, with a comma.
"""

_FILE_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]*")


class Offer(NamedTuple):
    """Something that a bundle adds to the command line."""

    bundle: Path
    """Folder of the bundle."""
    text: str
    """A line on it."""


def metadata_of(bundle_root: str | os.PathLike[str]) -> dict[str, Any]:
    """What a bundle says of itself in ``configs/metadata.json``; its version can be part of a file's name.

    Raises:
        FileNotFoundError: when the file is missing.
        ValueError: for what is no JSON object, no version or one that no file can be named for, and for a ``"litemed"``
            (see `OFFERS`; ``segments``, see `litemed.images.segments`; and ``labels``, what applications other than the
            first segment, by application) that isn't names with a line of text each.
    """
    file = Path(bundle_root) / "configs/metadata.json"
    try:
        metadata = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is no JSON: {error}") from error
    if not isinstance(metadata, dict):
        raise ValueError(f"{file}: expected an object with a version, got {type(metadata).__name__}")
    version = metadata.get("version")
    if not isinstance(version, str) or not _FILE_NAME.fullmatch(version):
        raise ValueError(f"{file}: expected a version such as 0.1.0, got {version!r}")
    offered = metadata.setdefault("litemed", {})
    if not isinstance(offered, dict):
        raise ValueError(f"{file}: expected litemed to be an object, got {offered!r}")
    for kind, named in offered.items():
        if kind not in (*OFFERS, "segments", "labels"):
            raise ValueError(f"{file}: expected litemed to have {', '.join(OFFERS)} or segments, got {kind!r}")
        texts = isinstance(named, dict) and all(isinstance(text, str) for text in named.values())
        called = named if texts and kind in OFFERS else ()
        if not texts or any(not name.isidentifier() or name.startswith("_") for name in called):
            raise ValueError(f"{file}: expected litemed {kind} to be names with a line of text each, got {named!r}")
    return metadata


def bundle_folders() -> dict[str, Path]:
    """Folders of the bundles that can be called by name.

    Looked for, the first find of a name counting: in the folders that ``$LITEMED_BUNDLES`` lists, in ``bundles/`` of
    the checkout that litemed is installed from, and in ``~/.cache/litemed/bundles`` (``$LITEMED_HOME/bundles``), which
    is where to unpack downloaded ones.
    """
    listed = [Path(each) for each in os.environ.get("LITEMED_BUNDLES", "").split(os.pathsep) if each]
    checkout = Path(__file__).resolve().parents[2]
    own = [checkout / "bundles"] if (checkout / "pyproject.toml").is_file() else []
    found: dict[str, Path] = {}
    for folder in (*listed, *own, litemed_home() / "bundles"):
        for metadata in sorted(folder.expanduser().glob("*/configs/metadata.json")):
            found.setdefault(metadata.parents[1].name, metadata.parents[1])
    return found


def find_bundle(bundle: str | os.PathLike[str]) -> Path:
    """Folder of a bundle, from its name or from a path to it.

    Raises:
        FileNotFoundError: when there is none; says which there are, or where to put one.
    """
    folders = bundle_folders()
    if str(bundle) in folders:
        return folders[str(bundle)]
    folder = Path(bundle).expanduser()
    if (folder / "configs/metadata.json").is_file():
        return folder.resolve()
    if folders:
        raise FileNotFoundError(
            f"no bundle {bundle}: expected a bundle's folder, or one of {', '.join(sorted(folders))}"
        )
    raise FileNotFoundError(f"no bundle {bundle}: none is installed; {where_to_put()}")


def where_to_put() -> str:
    """A sentence on how a bundle is found by its name."""
    own = litemed_home() / "bundles"
    return (
        f"take it from a zoo (litemed get NAME --zoo ADDRESS), unpack its zip into {own}, or name the folder around it "
        "in LITEMED_BUNDLES"
    )


def importable(bundle: str | os.PathLike[str]) -> Path:
    """Folder of a bundle, from its name or a path, with its package ready to be imported.

    The folder is put where ``monai.bundle`` puts it, right behind the current one, but for what comes before ``run``
    too.

    Raises:
        FileNotFoundError: as `find_bundle` does.
    """
    folder = find_bundle(bundle)
    if str(folder) not in sys.path:
        sys.path.insert(1, str(folder))
    return folder


def offers(kind: str) -> dict[str, Offer]:
    """What the bundles that are found add to the command line, by name; of equal names the first bundle's counts.

    Nothing of a bundle is imported. One whose metadata can't be read is passed over; ``litemed doctor`` names it.

    Args:
        kind: one of `OFFERS`.
    """
    found: dict[str, Offer] = {}
    for folder in bundle_folders().values():
        try:
            named = metadata_of(folder)["litemed"].get(kind, {})
        except (OSError, ValueError):
            continue
        for name, text in named.items():
            found.setdefault(name, Offer(folder, text))
    return found
