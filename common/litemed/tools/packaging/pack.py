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
from typing import Any

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


def pack(
    bundle: str | os.PathLike[str], output_dir: str | os.PathLike[str] = ".", application: str | None = None
) -> Path:
    """Write ``<name>_v<version>.zip``: the bundle's folder with the parts of litemed that it needs.

    With an application, such as nuclei, the zip holds a bundle ``<name>_<application>`` that does this alone. MONAI
    Label, which reads ``inference.json`` and ``model.pt`` and no more, serves it so.

    The zip depends on the bundle's and the library's files alone: the same input gives the same bytes, on any machine.
    Files are stored uncompressed, as compressors differ; weights, its bulk, would not shrink.

    Args:
        bundle: the bundle's folder.
        output_dir: folder for the zip.
        application: one of the bundle's applications; its first one needs no name.

    Returns:
        path of the zip.

    Raises:
        FileNotFoundError: when there is no bundle in the folder.
        ValueError: when its code can't be read, or imports the library in a way that can't be rewritten; when its name
            or version can't be that of a file; for a link that leads out of the folder; for an application that it
            doesn't have.
    """
    folder = Path(bundle).expanduser().resolve()
    if not (folder / "configs/metadata.json").is_file():
        raise FileNotFoundError(f"no bundle in {folder}: it lacks configs/metadata.json")
    if not folder.name.isidentifier():
        raise ValueError(f"{folder} isn't named like a package: expected letters, digits and underscores")
    version = metadata_of(folder)["version"]
    files, name = packed_files(folder, version), folder.name
    if application:
        files, name = _of_application(files, application, name), f"{name}_{application}"
    target = Path(output_dir).expanduser() / f"{name}_v{version}.zip"
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(files):
            entry = zipfile.ZipInfo(f"{name}/{file}", _EPOCH)
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            archive.writestr(entry, files[file])
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


def _of_application(files: dict[str, bytes], application: str, bundle: str) -> dict[str, bytes]:
    """A packed bundle turned to one of its applications, with the weights of this one as its only ones."""
    override, weights = f"configs/{application}.json", f"models/model_{application}.pt"
    metadata = json.loads(files["configs/metadata.json"])
    applications = metadata["litemed"].get("applications", {})
    turned = [name for name in applications if f"configs/{name}.json" in files and f"models/model_{name}.pt" in files]
    if application not in turned:
        raise ValueError(f"{bundle} has no application {application} to pack: expected {' or '.join(turned) or 'none'}")
    changes = {key: value for key, value in json.loads(files[override]).items() if key != "ckpt_path"}
    kept = {
        path: content
        for path, content in files.items()
        if not path.startswith("models/")
        and path not in {f"configs/{name}.json" for name in turned}
        and not _overrides_another(path, content, application)
    }
    for path in ("configs/inference.json", "configs/train.json"):
        content = json.loads(files[path])
        known = {key: value for key, value in changes.items() if key in content}
        kept[path] = formatted_json(json.dumps({**content, **known})).encode()
    record = {**json.loads(files[weights.replace(".pt", ".json")]), "weights": "model.pt"}
    _describe(metadata, application, record)
    kept["configs/metadata.json"] = formatted_json(json.dumps(metadata)).encode()
    kept["models/model.pt"] = files[weights]
    kept["models/model.json"] = formatted_json(json.dumps(record)).encode()
    return kept


def _overrides_another(path: str, content: bytes, application: str) -> bool:
    """Whether a file is a configuration that goes over another application's alone, which it names."""
    if not path.startswith("configs/") or not path.endswith(".json"):
        return False
    override = json.loads(content)
    return "bundle_root" not in override and override.get("application", application) != application


def _describe(metadata: dict[str, Any], application: str, record: dict[str, Any]) -> None:
    """Make a bundle's metadata those of one of its applications: its words, and the record of its weights.

    Args:
        metadata: changed in place; its first reference is the method's, the others are of the data.
        application: what it does, a line of ``litemed.applications``: "cell nuclei in fluorescence microscopy, ...".
        record: of the weights; the first score of each metric stands for all.
    """
    offered = metadata["litemed"]
    does = offered["applications"][application].partition(",")[0]
    label = offered["labels"].pop(application)
    offered["labels"] = {}
    offered["applications"] = {application: does}
    offered["takes"] = {name: text for name, text in offered.get("takes", {}).items() if name == application}
    metadata["description"] = f"{metadata['name']}: {does}"
    metadata["task"] = f"Segmentation of {does}"
    described = metadata["network_data_format"]
    described["inputs"]["image"]["modality"] = does.rpartition(" in ")[2]
    channels = described["outputs"]["pred"]["channel_def"]
    for name in ("label_classes", "pred_classes"):
        metadata[name] = re.sub(rf"\b{re.escape(channels['1'])}\b", label, metadata[name])
    channels["1"] = label
    if record.get("preprocessing", {}).get("region") == "whole":
        metadata["image_classes"] = metadata["image_classes"].replace("field of view", "whole picture")
    metadata["data_source"] = "; ".join(entry["name"] for entry in record["data"])
    metadata["references"] = metadata["references"][:1] + [entry["source"] for entry in record["data"]]
    metadata["eval_metrics"] = {}
    for score in record["scores"]:
        metadata["eval_metrics"].setdefault(score["metric"], score["mean"])


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
