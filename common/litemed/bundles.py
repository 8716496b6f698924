# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Where bundles are, and which version is in use."""

from __future__ import annotations

import json
import os
from pathlib import Path

from litemed.files import litemed_home

__all__ = ["bundle_folders", "find_bundle", "root_of_version", "version_of"]


def version_of(bundle_root: str | Path) -> str:
    """Version of the bundle in a folder, as its metadata says.

    Raises:
        FileNotFoundError: when there is no ``configs/metadata.json`` in it.
    """
    return json.loads((Path(bundle_root) / "configs/metadata.json").read_text())["version"]


def root_of_version(bundle_root: str, version: str) -> str:
    """The bundle's folder, if it is the version that a configuration was packed with.

    A Python process holds one package of a name. A configuration of another version of the same bundle would run with
    the code that was imported first; this says so instead.

    Args:
        bundle_root: folder of the bundle whose package is imported.
        version: the version that the configuration belongs to.

    Raises:
        ImportError: when they differ.
    """
    loaded = version_of(bundle_root)
    if loaded != version:
        raise ImportError(
            f"this configuration is of version {version}, but version {loaded} of the same bundle is already imported "
            f"from {bundle_root}: use one version of a bundle in a process"
        )
    return bundle_root


def bundle_folders() -> dict[str, Path]:
    """Folders of the bundles that can be called by name.

    Looked for, the first find of a name counting: in the folders that ``$LITEMED_BUNDLES`` lists, in ``bundles/`` of
    the checkout that litemed is installed from, and in ``~/.cache/litemed/bundles`` (``$LITEMED_HOME/bundles``), which
    is where to unpack downloaded ones.
    """
    listed = [Path(each) for each in os.environ.get("LITEMED_BUNDLES", "").split(os.pathsep) if each]
    checkout = Path(__file__).resolve().parents[2] / "bundles"
    home = litemed_home() / "bundles"
    found: dict[str, Path] = {}
    for folder in (*listed, checkout, home):
        for metadata in sorted(folder.expanduser().glob("*/configs/metadata.json")):
            found.setdefault(metadata.parents[1].name, metadata.parents[1])
    return found


def find_bundle(bundle: str | os.PathLike[str]) -> Path:
    """Folder of a bundle, from its name or from a path to it.

    Raises:
        FileNotFoundError: when there is none; says which there are.
    """
    folders = bundle_folders()
    if str(bundle) in folders:
        return folders[str(bundle)]
    folder = Path(bundle).expanduser()
    if (folder / "configs/metadata.json").is_file():
        return folder.resolve()
    raise FileNotFoundError(f"no bundle {bundle}: expected a bundle's folder, or one of {', '.join(sorted(folders))}")
