# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A new bundle, from a template that trains, infers and verifies as it is."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
from keyword import iskeyword
from pathlib import Path

from litemed.files import scratch

__all__ = ["new_bundle"]

TEMPLATE = Path(__file__).resolve().parents[2] / "template"
_NAME = "mybundle"
_TEXT = (".py", ".json", ".md", ".txt")


def new_bundle(name: str, to: str | os.PathLike[str] = ".") -> Path:
    """Write a bundle that segments pictures with a small network: everything works, and everything is to be replaced.

    Its package has the bundle's name; its metadata ask for the versions that are installed here. It has no weights
    until it is trained.

    Args:
        name: of the bundle and of its package.
        to: folder that it is made in.

    Returns:
        the bundle's folder.

    Raises:
        ValueError: when the name isn't one of a Python package in small letters, or is another package's.
        FileExistsError: when there is a folder of that name.
    """
    if not (name.isidentifier() and name.isascii() and name == name.lower()) or iskeyword(name):
        raise ValueError(f"expected a name in small letters, digits and underscores, such as thyroid_us; got {name!r}")
    target = Path(to).expanduser().absolute() / name
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    if importlib.util.find_spec(name) is not None:
        raise ValueError(f"there is a Python package {name} already: choose another name")
    with scratch(target.parent) as temporary:
        folder = temporary / name
        shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / _NAME).rename(folder / name)
        (folder / "models").mkdir()
        for file in folder.rglob("*"):
            if file.suffix in _TEXT:
                file.write_text(file.read_text().replace(_NAME, name))
        _pin(folder / "configs/metadata.json")
        folder.rename(target)
    return target


def _pin(file: Path) -> None:
    """Fill in the versions that are installed."""
    metadata = json.loads(file.read_text())
    for key, package in (("monai_version", "monai"), ("pytorch_version", "torch"), ("numpy_version", "numpy")):
        metadata[key] = _installed(package)
    metadata["required_packages_version"] = {
        package: _installed(package) for package in metadata["required_packages_version"]
    }
    file.write_text(json.dumps(metadata, indent=4) + "\n")


def _installed(package: str) -> str:
    """The version without the name of a build, such as ``+cpu``."""
    return importlib.metadata.version(package).partition("+")[0]
