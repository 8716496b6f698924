# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What the configurations of a packed bundle ask for their folder."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["root_of_version"]


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
    loaded = json.loads((Path(bundle_root) / "configs/metadata.json").read_text())["version"]
    if loaded != version:
        raise ImportError(
            f"this configuration is of version {version}, but version {loaded} of the same bundle is already imported "
            f"from {bundle_root}: use one version of a bundle in a process"
        )
    return bundle_root
