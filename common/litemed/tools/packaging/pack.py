# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Packing a bundle into a zip that runs where nothing of litemed is installed.

The parts of the library that a bundle uses go into its own package, as ``<bundle>.litemed``, and its imports and
configurations are rewritten to name them there. So each bundle keeps the library it was made with: bundles packed with
different versions of it run in one process, and none hides another's.
"""

from __future__ import annotations

import ast
import json
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from litemed.bundles import metadata_of
from litemed.files import replacing
from litemed.tools.packaging.archives import files_within
from litemed.tools.packaging.formats import formatted_code, formatted_json
from litemed.tools.packaging.reach import LIBRARY, reached

__all__ = ["pack", "packed_files"]

_LEFT_OUT = {"__pycache__", "runs", "mlruns", "tests", "eval", "build"}
_SUFFIXES_LEFT_OUT = {".pyc", ".db", ".egg-info", ".onnx", ".ts"}
_EPOCH = (1980, 1, 1, 0, 0, 0)
_IMPORT = re.compile(r"^(\s*)(from|import) litemed\b", re.MULTILINE)
_STRING = re.compile(r"""(["'])litemed((?:\.[A-Za-z_]\w*)+)\1""")
_NAME = re.compile(r"\blitemed\.(?=[A-Za-z_])")


def pack(bundle: str | os.PathLike[str], output_dir: str | os.PathLike[str] = ".") -> Path:
    """Write ``<name>_v<version>.zip``: the bundle's folder with the parts of litemed that it needs.

    The zip depends on the bundle's and the library's files alone: the same input gives the same bytes, on any machine.
    Files are stored uncompressed, as compressors differ; weights, its bulk, would not shrink.

    Args:
        bundle: the bundle's folder.
        output_dir: folder for the zip.

    Returns:
        path of the zip.

    Raises:
        FileNotFoundError: when there is no bundle in the folder.
        ValueError: when its code can't be read, or imports the library in a way that can't be rewritten; when its name
            or version can't be that of a file; for a link that leads out of the folder.
    """
    folder = Path(bundle).expanduser().resolve()
    if not (folder / "configs/metadata.json").is_file():
        raise FileNotFoundError(f"no bundle in {folder}: it lacks configs/metadata.json")
    if not folder.name.isidentifier():
        raise ValueError(f"{folder} isn't named like a package: expected letters, digits and underscores")
    version = metadata_of(folder)["version"]
    files = packed_files(folder, version)
    target = Path(output_dir).expanduser() / f"{folder.name}_v{version}.zip"
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{folder.name}/{name}", _EPOCH)
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            archive.writestr(entry, files[name])
    return target


def packed_files(folder: Path, version: str) -> dict[str, bytes]:
    """Contents of a packed bundle by path.

    Args:
        folder: the bundle's folder.
        version: its version, which the packed configurations ask for.
    """
    name = folder.name
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _own_files(folder)}
    for path in reached(files):
        files[f"{name}/litemed/{path.relative_to(LIBRARY).as_posix()}"] = path.read_bytes()
    return {path: _rewritten(path, content, name, version) for path, content in files.items()}


def _own_files(folder: Path) -> Iterator[Path]:
    for path in files_within(folder):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part in _LEFT_OUT or part.endswith(".egg-info") for part in parts)
        if not hidden and path.suffix not in _SUFFIXES_LEFT_OUT:
            yield path


def _rewritten(path: str, content: bytes, name: str, version: str) -> bytes:
    """A file of the pack, with the library named where it lies there, formatted as the Model Zoo asks."""
    if path.endswith(".json") and path.startswith("configs/"):
        text = re.sub(r"\bfrom litemed import\b", f"from {name}.litemed import", content.decode())
        text = _NAME.sub(f"{name}.litemed.", text)
        text = text.replace(f'"$import {name}"', f'"$import {name}", "$import {name}.litemed.packed as {name}_packed"')
        asked = f"${name}_packed.root_of_version({name}.BUNDLE_ROOT, '{version}')"
        return formatted_json(text.replace(f'"${name}.BUNDLE_ROOT"', json.dumps(asked))).encode()
    if path.endswith(".json"):
        return formatted_json(content.decode()).encode()
    if not path.endswith(".py"):
        return content
    text = _STRING.sub(rf"\1{name}.litemed\2\1", _IMPORT.sub(rf"\1\2 {name}.litemed", content.decode()))
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Import):
            bare = [alias.name for alias in node.names if alias.name.split(".")[0] == "litemed" and not alias.asname]
            if bare:
                raise ValueError(f"{path}, line {node.lineno}: write 'import {bare[0]} as ...', which can be packed")
    return formatted_code(text, name).encode()
