#!/usr/bin/env python3
# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Check every bundle as the MONAI Model Zoo does, and print what fails.

For each folder of ``bundles/``: the files the zoo asks for, the metadata's required keys, ``check_properties()`` of
every configuration, ``verify_net_in_out``, that the weights load strictly, ``ckpt_export`` and ``onnx_export``. All of
it runs from an unrelated folder, as a user may.

    python ci/verify_bundles.py [--bundle NAME] [--export False]
"""

from __future__ import annotations

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

import fire
import torch
from monai.bundle import ConfigParser, ConfigWorkflow, ckpt_export, onnx_export, verify_net_in_out

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"

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


def configurations(bundle: Path) -> Iterator[tuple[list[str], str]]:
    """Every configuration of a bundle as the files that are read together, with its workflow type."""
    configs = bundle / "configs"
    yield ["inference.json"], "inference"
    yield ["train.json"], "train"
    for name in sorted(file.name for file in configs.glob("*.json")):
        if name == "multi_gpu_evaluate.json":
            yield ["train.json", "evaluate.json", name], "train"
        elif name not in ("train.json", "inference.json", "metadata.json"):
            yield ["train.json", name], "train"


def check_properties(bundle: Path) -> None:
    """``check_properties()`` of every configuration returns nothing."""
    os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(_free_port()))
    problems = []
    for names, kind in configurations(bundle):
        workflow = ConfigWorkflow([str(bundle / "configs" / name) for name in names], workflow_type=kind)
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
    """Every shipped file of weights loads strictly into the network of its inference configuration."""
    for weights in sorted((bundle / "models").glob("*.pt")):
        parser = ConfigParser()
        parser.read_config(str(bundle / "configs/inference.json"))
        state = torch.load(weights, map_location="cpu", weights_only=True)
        parser.get_parsed_content("network_def").load_state_dict(state.get("model", state), strict=True)


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
    """The weights export as TorchScript and ONNX."""
    shared = {
        "net_id": "network_def",
        "config_file": str(bundle / "configs/inference.json"),
        "meta_file": str(bundle / "configs/metadata.json"),
        "ckpt_file": str(bundle / "models/model.pt"),
    }
    with tempfile.TemporaryDirectory() as folder:
        ckpt_export(filepath=f"{folder}/model.ts", **shared)
        onnx_export(filepath=f"{folder}/model.onnx", input_shape=[1, 3, 64, 64], **shared)
        empty = [name for name in ("model.ts", "model.onnx") if not Path(folder, name).stat().st_size]
        if empty:
            raise ValueError(f"empty export: {', '.join(empty)}")


CHECKS: dict[str, Callable[[Path], None]] = {
    "files": check_files,
    "metadata": check_metadata,
    "properties": check_properties,
    "weights": check_weights,
    "network": check_network,
    "export": check_export,
}


def verify(bundle: str = "", export: bool = True) -> None:
    """Check the bundles and exit with 1 if anything fails.

    Args:
        bundle: name of the only one to check; all by default.
        export: also export the network, which takes most of the time.
    """
    folders = sorted(file.parents[1] for file in BUNDLES.glob(f"{bundle or '*'}/configs/metadata.json"))
    if not folders:
        sys.exit(f"no bundle {bundle or ''} in {BUNDLES}")
    failures = 0
    os.chdir(tempfile.gettempdir())
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for folder in folders:
            for name, check in CHECKS.items():
                if name == "export" and not export:
                    continue
                said = io.StringIO()
                try:
                    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                        check(folder)
                except Exception as error:
                    failures += 1
                    traceback.print_exc(file=said)
                    print(f"{folder.name:<14}{name:<12}FAILED  {type(error).__name__}: {error}", flush=True)
                    print(said.getvalue(), file=sys.stderr)
                else:
                    print(f"{folder.name:<14}{name:<12}passed", flush=True)
    if failures:
        sys.exit(f"{failures} checks failed")


if __name__ == "__main__":
    fire.Fire(verify)
