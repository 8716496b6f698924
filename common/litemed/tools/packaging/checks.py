# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The checks that the MONAI Model Zoo makes of a bundle, as functions of its folder.

Run as a file, ``python checks.py FOLDER``, it prints one JSON line a check. It imports nothing of litemed, so that a
packed bundle is checked with the copy of the library that it carries.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import logging
import os
import re
import socket
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser, ConfigWorkflow, ckpt_export, onnx_export, verify_net_in_out

FILES = ("LICENSE", "configs/metadata.json", "configs/inference.json", "configs/train.json", "configs/evaluate.json")
DOCUMENTS = ("docs/README.md", "docs/data_license.txt", "models/model.pt")
LARGEST = 25 * 1024 * 1024

# the required keys of schema 20240725, and what the zoo's own check asks for besides
METADATA = """
    schema version monai_version pytorch_version numpy_version required_packages_version task description authors
    copyright network_data_format changelog name data_source data_type image_classes label_classes pred_classes
    eval_metrics intended_use references
""".split()
TENSOR = ["type", "format", "num_channels", "spatial_shape", "dtype", "value_range"]


def check_files(bundle: Path) -> None:
    """The zoo's files are there, and none is too large for it."""
    missing = [name for name in FILES + DOCUMENTS if not (bundle / name).is_file()]
    if missing:
        raise FileNotFoundError(f"missing {', '.join(missing)}")
    large = [file.name for file in (bundle / "models").iterdir() if file.stat().st_size > LARGEST]
    if large:
        raise ValueError(f"over 25 MB: {', '.join(large)}")


def check_metadata(bundle: Path) -> None:
    """Required keys, version in the changelog, exact pins, and tensors described in full."""
    metadata = json.loads((bundle / "configs/metadata.json").read_text())
    missing = [key for key in METADATA if key not in metadata]
    if missing:
        raise KeyError(f"metadata lacks {', '.join(missing)}")
    if "20240725" not in metadata["schema"]:
        raise ValueError(f"unexpected schema {metadata['schema']}")
    if metadata["version"] not in metadata["changelog"]:
        raise ValueError(f"version {metadata['version']} isn't in the changelog")
    pins = {**metadata["required_packages_version"], **{k: v for k, v in metadata.items() if k.endswith("_version")}}
    loose = [f"{k} {v}" for k, v in pins.items() if isinstance(v, str) and not re.fullmatch(r"\d+(\.\w+)+", v)]
    if loose:
        raise ValueError(f"not exact versions: {', '.join(loose)}")
    described = metadata["network_data_format"]
    for name, tensor in {**described["inputs"], **described["outputs"]}.items():
        absent = [key for key in TENSOR if key not in tensor]
        if absent:
            raise KeyError(f"tensor {name} lacks {', '.join(absent)}")
    if "image" not in described["inputs"] or "pred" not in described["outputs"]:
        raise KeyError("the first input must be named image and the first output pred")


def configurations(bundle: Path) -> Iterator[tuple[list[str], str | None]]:
    """Every configuration of a bundle as the files that are read together, with its workflow type.

    A file with a ``bundle_root`` stands alone; one that neither trains nor evaluates has no type, and only its metadata
    are checked. Any other is read over ``train.json``: ``multi_gpu_evaluate.json`` with ``evaluate.json`` between them,
    and ``evaluate_<model>.json`` over ``train_<model>.json`` where there is one.
    """
    files = {file.name: json.loads(file.read_text()) for file in sorted((bundle / "configs").glob("*.json"))}
    files.pop("metadata.json", None)
    for name, content in files.items():
        own_training = name.replace("evaluate_", "train_")
        if "bundle_root" in content:
            yield [name], "train" if "train" in content else "inference" if "evaluator" in content else None
        elif name == "multi_gpu_evaluate.json":
            yield ["train.json", "evaluate.json", name], "train"
        else:
            yield [own_training if own_training != name and own_training in files else "train.json", name], "train"


def check_properties(bundle: Path) -> None:
    """``check_properties()`` of every configuration returns nothing."""
    os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(_free_port()))
    problems = []
    for names, kind in configurations(bundle):
        workflow = ConfigWorkflow([str(bundle / "configs" / name) for name in names], workflow_type=kind)
        if names[-1].startswith("multi_gpu"):
            torch.distributed.init_process_group("gloo")  # of one process; the configuration makes its own in ``run``
        workflow.initialize()
        failed = workflow.check_properties()
        workflow.finalize()
        if failed:
            problems.append(f"{names[-1]}: {failed}")
    if problems:
        raise ValueError("; ".join(problems))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def check_weights(bundle: Path) -> None:
    """Every shipped file of weights loads strictly into its network.

    That is the network of ``train_<name>.json`` for ``model_<name>.pt`` where there is such a configuration, and of
    ``inference.json`` for any other file, with ``<name>`` as its ``variant`` where it has one, and the ``application``
    of the record beside the file.
    """
    for weights in sorted((bundle / "models").glob("*.pt")):
        _, _, name = weights.stem.partition("_")
        config = bundle / "configs" / f"train_{name}.json"
        parser = ConfigParser()
        parser.read_config(str(config if config.is_file() else bundle / "configs/inference.json"))
        record = weights.with_suffix(".json")
        stated = json.loads(record.read_text()).get("architecture") or {} if record.is_file() else {}
        if name and not config.is_file() and "variant" in parser:
            parser["variant"] = name
        if "application" in parser and "application" in stated:
            parser["application"] = stated["application"]
        state = torch.load(weights, map_location="cpu", weights_only=True)
        parser.get_parsed_content("network_def").load_state_dict(state, strict=True)


def check_network(bundle: Path) -> None:
    """The network takes and gives what the metadata says."""
    verify_net_in_out(
        "network_def",
        config_file=str(bundle / "configs/inference.json"),
        meta_file=str(bundle / "configs/metadata.json"),
        n=16,
        device="cpu",
    )


def check_export(bundle: Path) -> None:
    """The weights export as TorchScript and ONNX, at the metadata's size, or 64 where that is open."""
    files: dict[str, Any] = {
        "net_id": "network_def",
        "config_file": str(bundle / "configs/inference.json"),
        "meta_file": str(bundle / "configs/metadata.json"),
        "ckpt_file": str(bundle / "models/model.pt"),
    }
    metadata = json.loads((bundle / "configs/metadata.json").read_text())
    image = metadata["network_data_format"]["inputs"]["image"]
    sides = [side if isinstance(side, int) else 64 for side in image["spatial_shape"]]
    with tempfile.TemporaryDirectory() as folder:
        ckpt_export(filepath=f"{folder}/model.ts", **files)
        onnx_export(filepath=f"{folder}/model.onnx", input_shape=[1, image["num_channels"], *sides], **files)
        empty = [name for name in ("model.ts", "model.onnx") if not Path(folder, name).stat().st_size]
        if empty:
            raise ValueError(f"empty export: {', '.join(empty)}")


DISTRIBUTIONS = {"PIL": "pillow", "ignite": "pytorch-ignite", "skimage": "scikit-image", "yaml": "pyyaml"}
"""Packages whose name on PyPI isn't the name they are imported by."""

_ALWAYS_THERE = {"monai", "torch", "numpy", "litemed", *sys.stdlib_module_names}


def check_packages(bundle: Path) -> None:
    """Every package that the bundle's code imports on loading is declared in the metadata."""
    metadata = json.loads((bundle / "configs/metadata.json").read_text())
    own = {path.name for path in bundle.iterdir() if path.is_dir()}
    imported: dict[str, str] = {}
    for file in sorted(set(bundle.rglob("*.py")) - set(bundle.glob("eval/**/*.py"))):  # benchmarks are never packed
        for node in ast.parse(file.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            for name in names:
                imported.setdefault(name.split(".")[0], str(file.relative_to(bundle)))
    undeclared = [
        f"{DISTRIBUTIONS.get(name, name)} (imported by {file})"
        for name, file in imported.items()
        if name not in own | _ALWAYS_THERE
        and DISTRIBUTIONS.get(name, name) not in metadata["required_packages_version"]
    ]
    if undeclared:
        raise ValueError(f"not in required_packages_version: {', '.join(undeclared)}")


CHECKS: dict[str, Callable[[Path], None]] = {
    "files": check_files,
    "metadata": check_metadata,
    "packages": check_packages,
    "properties": check_properties,
    "weights": check_weights,
    "network": check_network,
    "export": check_export,
}
"""What is checked, in order."""


def run(bundle: Path, skip: tuple[str, ...] = ()) -> Iterator[dict[str, str]]:
    """Make the checks of a bundle. Its code is imported, so do it in a process of its own.

    Args:
        bundle: its folder.
        skip: names of checks to leave out.

    Yields:
        for each check its ``check`` name, and if it failed the ``error`` in a line and the ``details``.
    """
    for name, check in CHECKS.items():
        if name in skip:
            continue
        said = io.StringIO()
        try:
            with (
                contextlib.redirect_stdout(said),
                contextlib.redirect_stderr(said),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")
                check(bundle)
        except Exception as error:
            traceback.print_exc(file=said)
            yield {"check": name, "error": f"{type(error).__name__}: {error}", "details": said.getvalue()}
        else:
            yield {"check": name}


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    folder = Path(sys.argv[1]).absolute()
    os.chdir(tempfile.gettempdir())
    for result in run(folder, tuple(sys.argv[2:])):
        print(json.dumps(result), flush=True)
