# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The checks that the MONAI Model Zoo makes of a bundle, by the same calls of MONAI, as functions of its folder.

Run as a file, ``python checks.py FOLDER``, it prints one JSON line a check. It imports nothing of litemed, so that a
packed bundle is checked with the copy of the library that it carries.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import json
import logging
import os
import re
import socket
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.apps.utils import download_url
from monai.bundle import ConfigParser, ConfigWorkflow, ckpt_export, load, onnx_export, verify_net_in_out
from PIL import Image

FILES = ("LICENSE", "configs/metadata.json", "configs/inference.json", "configs/train.json", "configs/evaluate.json")
DOCUMENTS = ("docs/README.md", "docs/data_license.txt", "models/model.pt")
LARGEST = 25 * 1024 * 1024

SCHEMA = "meta_schema_20240725.json"
TEXTS = "schema version monai_version pytorch_version numpy_version task description authors copyright".split()
MORE_TEXTS = "name data_source data_type image_classes label_classes pred_classes intended_use".split()
OBJECTS = ["required_packages_version", "changelog", "eval_metrics"]
KINDS: dict[str, Callable[[Any], bool]] = {
    "a text": lambda value: isinstance(value, str),
    "an object": lambda value: isinstance(value, dict),
    "a list of texts": lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
    "a whole number": lambda value: not isinstance(value, bool) and isinstance(value, int),
    "a list of whole numbers and texts": lambda value: (
        isinstance(value, list) and all(isinstance(each, int | str) and not isinstance(each, bool) for each in value)
    ),
    "a number": lambda value: not isinstance(value, bool) and isinstance(value, int | float),
    "a list of objects": lambda value: (
        isinstance(value, list) and value != [] and all(isinstance(each, dict) for each in value)
    ),
    "a list of numbers": lambda value: isinstance(value, list) and all(map(KINDS["a number"], value)),
    "true or false": lambda value: isinstance(value, bool),
}
METADATA = {
    **dict.fromkeys(TEXTS + MORE_TEXTS, "a text"),
    **dict.fromkeys([*OBJECTS, "network_data_format", "supported_apps"], "an object"),
    "references": "a list of texts",
}
"""The keys of the zoo's schema for metadata, and what each holds. It requires those of `TEXTS`, the packages and the
data format; the zoo's page shows the others, and a changelog is asked for besides. Applications may be left out."""
TENSOR = {
    **dict.fromkeys(["type", "format", "dtype"], "a text"),
    "num_channels": "a whole number",
    "spatial_shape": "a list of whole numbers and texts",
    "value_range": "a list of numbers",
}
MORE_OF_TENSOR = {"is_patch_data": "true or false", "channel_def": "an object"}
"""The keys of a described tensor, required and not."""
RECORD = {
    **dict.fromkeys(["bundle", "network", "sha256"], "a text"),
    **dict.fromkeys(["architecture", "licence"], "an object"),
    **dict.fromkeys(["data", "scores"], "a list of objects"),
    "parameters": "a whole number",
}
"""What the record of a file of weights says at least, ours and not the zoo's; and, below, of what in it."""
LICENCE = dict.fromkeys(["code", "weights"], "a text")
SOURCE = dict.fromkeys(["name", "licence"], "a text")
SCORE = {**dict.fromkeys(["data", "metric"], "a text"), "mean": "a number"}


def check_files(bundle: Path) -> None:
    """The zoo's files are there, with those that ``large_files.yml`` names, which are downloaded; none is too large."""
    listed: list[dict[str, str]] = []
    if (bundle / "large_files.yml").is_file():
        listed = ConfigParser.load_config_file(bundle / "large_files.yml")["large_files"]
    for file in listed:
        hashed = {key: file[key] for key in ("hash_val", "hash_type") if file.get(key)}
        download_url(file["url"], bundle / file["path"], progress=False, **hashed)
    missing = [name for name in FILES + DOCUMENTS if not (bundle / name).is_file()]
    if missing:
        raise FileNotFoundError(f"missing {', '.join(missing)}")
    named = {bundle / file["path"] for file in listed}
    large = [file.name for file in set(bundle.rglob("*")) - named if file.is_file() and file.stat().st_size > LARGEST]
    if large:
        raise ValueError(f"over 25 MB: {', '.join(sorted(large))}")


def check_version(bundle: Path) -> None:
    """The version has its line in the changelog."""
    metadata = json.loads((bundle / "configs/metadata.json").read_text())
    if metadata.get("version") not in metadata.get("changelog", {}):
        raise ValueError(f"version {metadata.get('version')} isn't in the changelog")


def check_metadata(bundle: Path) -> None:
    """Metadata as the zoo's schema has them, with exact pins, from ``image`` to ``pred``.

    The zoo downloads the schema and validates by jsonschema; this says the same without either.
    """
    metadata = json.loads((bundle / "configs/metadata.json").read_text())
    if not isinstance(metadata, dict):
        raise TypeError("metadata is no object")
    check_kinds("metadata", metadata, METADATA, optional=["supported_apps"])
    if not metadata["schema"].endswith(f"/{SCHEMA}"):
        raise ValueError(f"unexpected schema {metadata['schema']}: expected the address of {SCHEMA}")
    pins = {**metadata["required_packages_version"], **{k: v for k, v in metadata.items() if k.endswith("_version")}}
    pins.pop("required_packages_version")
    loose = [f"{k} {v}" for k, v in pins.items() if not re.fullmatch(r"\d+(\.\w+)+", str(v))]
    if loose:
        raise ValueError(f"not exact versions: {', '.join(loose)}")
    for name, described in metadata.items():
        if re.fullmatch(r"[_a-zA-Z0-9]+_data_format", name):
            check_kinds(
                name,
                described,
                dict.fromkeys(["inputs", "outputs", "post_processed_outputs"], "an object"),
                optional=["post_processed_outputs"],
            )
            for tensors in described.values():
                _check_tensors(tensors)
    described = metadata["network_data_format"]
    if next(iter(described["inputs"]), "") != "image" or next(iter(described["outputs"]), "") != "pred":
        raise KeyError("the first input must be named image and the first output pred")


def _check_tensors(described: dict[str, Any]) -> None:
    """Arguments of a network: numbers, texts, or tensors described in full."""
    for name, tensor in described.items():
        if not isinstance(tensor, int | float | str):
            check_kinds(f"tensor {name}", tensor, {**TENSOR, **MORE_OF_TENSOR}, optional=MORE_OF_TENSOR)


def check_kinds(where: str, values: Any, kinds: dict[str, str], optional: Iterable[str] = ()) -> None:
    """Keys are there, but for the optional ones, and hold what they must."""
    if not isinstance(values, dict):
        raise TypeError(f"{where} is no object: {values!r}")
    missing = [key for key in kinds if key not in values and key not in optional]
    if missing:
        raise KeyError(f"{where} lacks {', '.join(missing)}")
    for key, kind in kinds.items():
        if key in values and not KINDS[kind](values[key]):
            raise TypeError(f"{where}: expected {key} to be {kind}, got {values[key]!r}")


def check_record(bundle: Path) -> None:
    """Every file of weights has its record beside it, complete, and it is the very file that the record is of.

    Complete are bundle, network, variant and application where ``inference.json`` has them, parameters, licence, data
    and scores; see ``docs/weights.md``.
    """
    for weights in sorted((bundle / "models").glob("*.pt")):
        file = weights.with_suffix(".json")
        if not file.is_file():
            raise FileNotFoundError(f"{weights.name} has no record {file.name} beside it")
        record = json.loads(file.read_text(encoding="utf-8"))
        check_kinds(file.name, record, RECORD, optional=["architecture"])
        config = _configuration_of(bundle, weights)
        chosen = {key: "a text" for key in ("variant", "application") if key in json.loads(config.read_text())}
        check_kinds(f"{file.name}, architecture", record.get("architecture", {}), chosen)
        check_kinds(f"{file.name}, licence", record["licence"], LICENCE)
        for key, kinds in (("data", SOURCE), ("scores", SCORE)):
            for each in record[key]:
                check_kinds(f"{file.name}, {key}", each, kinds)
        if not (bundle / record["bundle"] / "__init__.py").is_file():
            raise ValueError(f"{file.name} is of bundle {record['bundle']}, which this isn't")
        if record["sha256"] != hashlib.sha256(weights.read_bytes()).hexdigest():
            raise ValueError(f"{file.name} is of another file than {weights.name}: take both from one place")


def _configuration_of(bundle: Path, weights: Path) -> Path:
    """The configuration whose network a file of weights is of, see `check_weights`."""
    own = bundle / f"configs/train_{weights.stem.partition('_')[2]}.json"
    return own if own.is_file() else bundle / "configs/inference.json"


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
            infers = "evaluator" in content or name == "inference.json"
            yield [name], "train" if "train" in content else "inference" if infers else None
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
        config = _configuration_of(bundle, weights)
        parser = ConfigParser()
        parser.read_config(str(config))
        record = weights.with_suffix(".json")
        stated = json.loads(record.read_text()).get("architecture") or {} if record.is_file() else {}
        if name and config.name == "inference.json" and "variant" in parser:
            parser["variant"] = name
        if "application" in parser and "application" in stated:
            parser["application"] = stated["application"]
        state = torch.load(weights, map_location="cpu", weights_only=True)
        parser.get_parsed_content("network_def").load_state_dict(state, strict=True)


def check_load(bundle: Path) -> None:
    """``monai.bundle.load`` gives a network that has every tensor of the weights."""
    network = load(name=bundle.name, bundle_dir=str(bundle.parent), device="cpu")
    if not isinstance(network, torch.nn.Module):
        raise TypeError(f"expected a network, got {type(network).__name__}")
    stored = torch.load(bundle / "models/model.pt", map_location="cpu", weights_only=True)
    loaded = network.state_dict()
    lost = [name for name in loaded if name not in stored or not torch.equal(loaded[name], stored[name])]
    if lost:
        raise ValueError(f"{len(lost)} of {len(loaded)} tensors aren't those of the weights, such as {lost[0]}")


def check_network(bundle: Path) -> None:
    """The network takes and gives what the metadata says."""
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(bundle / "configs/metadata.json"),
        config_file=str(bundle / "configs/inference.json"),
        bundle_root=str(bundle),
    )


def check_export(bundle: Path) -> None:
    """The weights export as TorchScript, as the zoo asks, with no key and no input shape; one that ships loads."""
    with tempfile.TemporaryDirectory() as folder:
        ckpt_export(filepath=f"{folder}/verify_model.ts", **_exported(bundle), bundle_root=str(bundle))
        torch.jit.load(f"{folder}/verify_model.ts")
    if (bundle / "models/model.ts").is_file():
        torch.jit.load(bundle / "models/model.ts")


def check_onnx(bundle: Path) -> None:
    """The weights export as ONNX, ``image`` to ``pred``, for any batch and, where the network allows, for any side.

    Sides are tried that the metadata leave open. Where onnxruntime is installed, other sizes than the exported one must
    give what the network gives.
    """
    image = json.loads((bundle / "configs/metadata.json").read_text())["network_data_format"]["inputs"]["image"]
    sides = image["spatial_shape"]
    open_sides = [axis for axis, side in enumerate(sides, 2) if not isinstance(side, int)]
    for axes in ([0, *open_sides], [0]) if open_sides else ([0],):
        try:
            _check_onnx(bundle, image["num_channels"], sides, axes)
        except Exception:
            if axes == [0]:
                raise
        else:
            return


def _check_onnx(bundle: Path, channels: int, sides: list[Any], axes: list[int]) -> None:
    """Export with some axes open, and compare at other lengths of these."""

    def shape(batch: int, side: int) -> list[int]:
        lengths = [length if isinstance(length, int) else side for length in sides]
        return [batch, channels, *lengths]

    dynamic = {axis: f"axis{axis}" for axis in axes}
    options = {"input_names": ["image"], "output_names": ["pred"], "dynamic_axes": {"image": dynamic, "pred": dynamic}}
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/model.onnx"
        onnx_export(filepath=file, input_shape=shape(2, 64), converter_kwargs=options, **_exported(bundle))
        try:
            import onnxruntime
        except ImportError:
            return
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        names = [each.name for each in (*session.get_inputs(), *session.get_outputs())]
        if names != ["image", "pred"]:
            raise ValueError(f"expected ONNX from image to pred, got {', '.join(names)}")
        network: Any = load(name=bundle.name, bundle_dir=str(bundle.parent), device="cpu")
        network.eval()
        size = shape(3, 96 if len(axes) > 1 else 64)
        given = torch.rand(size, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            expected = network(given).numpy()
        (found,) = session.run(None, {"image": given.numpy()})
    if found.shape != expected.shape or not np.allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max()):
        raise ValueError(f"ONNX gives another output for {tuple(size)} than the network")


def _exported(bundle: Path) -> dict[str, Any]:
    return {
        "net_id": "network_def",
        "ckpt_file": str(bundle / "models/model.pt"),
        "meta_file": str(bundle / "configs/metadata.json"),
        "config_file": str(bundle / "configs/inference.json"),
    }


KEPT = "sample/result.json"
"""What a bundle says of the result that it keeps: ``input``, ``output`` (files beside), ``weights`` (SHA-256 of
``models/model.pt``), ``seconds`` by runtime, and the ``processor`` that took them."""
AGREEMENT = 0.98
"""Least share of labelled pixels in which a result agrees with the kept one."""


def run_sample(
    bundle: Path, output_dir: Path, prepare: Callable[[ConfigParser], None] = lambda parser: None
) -> tuple[Path, float]:
    """Segment a bundle's kept input on the CPU by ``inference.json``, twice, as the first time loads and compiles.

    Args:
        bundle: its folder.
        output_dir: for the results.
        prepare: may change the configuration.

    Returns:
        the label map, and the seconds of the second time, from reading to writing.

    Raises:
        FileNotFoundError: when there is no kept input, or no result was written.
    """
    if not (bundle / KEPT).is_file():
        raise FileNotFoundError(f"{bundle.name} keeps no result in {KEPT}: litemed test {bundle.name} --write")
    kept = json.loads((bundle / KEPT).read_text())
    workflow = ConfigWorkflow(str(bundle / "configs/inference.json"), workflow_type="inference", logging_file=False)
    parser = workflow.parser
    parser.globals["sample_paths"] = (str(bundle / "sample" / kept["input"]), str(output_dir))
    parser["dataset_dir"], parser["output_dir"] = "$sample_paths[0]", "$sample_paths[1]"
    parser["device"] = "$torch.device('cpu')"
    prepare(parser)
    workflow.initialize()
    sys.path.insert(1, str(bundle))  # as ``run`` does
    evaluator = parser.get_parsed_content("evaluator")
    times: list[float] = []
    evaluator.add_event_handler("EPOCH_STARTED", lambda _: times.append(time.perf_counter()))
    evaluator.add_event_handler("EPOCH_COMPLETED", lambda _: times.append(time.perf_counter()))
    for _ in range(2):
        evaluator.run()
    sys.path.remove(str(bundle))
    workflow.finalize()
    output = output_dir / kept.get("output", f"{Path(kept['input']).stem}_mask.png")
    if not output.is_file():
        raise FileNotFoundError(f"{bundle.name} wrote no {output.name} of its kept input")
    return output, times[3] - times[2]


def agreement(found: Path, kept: Path) -> float:
    """Dice of two label maps over all labels: twice the pixels of equal labels over those that are labelled in each.

    Raises:
        ValueError: for pictures of different sizes.
    """
    first, second = (np.asarray(Image.open(path)) for path in (found, kept))
    if first.shape != second.shape:
        raise ValueError(f"expected a label map of {second.shape} as kept, got {first.shape}")
    labelled = int((first > 0).sum() + (second > 0).sum())
    return 2 * int(((first == second) & (first > 0)).sum()) / labelled if labelled else 1.0


def check_sample(bundle: Path) -> None:
    """The kept input gives the kept result, with the weights that it is of."""
    with tempfile.TemporaryDirectory() as folder:
        found, _ = run_sample(bundle, Path(folder))
        kept = json.loads((bundle / KEPT).read_text())
        same = agreement(found, bundle / "sample" / kept["output"])
    if kept["weights"] != hashlib.sha256((bundle / "models/model.pt").read_bytes()).hexdigest():
        raise ValueError(f"the kept result is of other weights: litemed test {bundle.name} --write")
    if same < AGREEMENT:
        raise ValueError(f"the kept input gives another result: Dice {same:.3f} with the kept one")


def is_packed(bundle: Path) -> bool:
    """Whether a bundle carries the parts of litemed that it needs."""
    return (bundle / bundle.name / "litemed").is_dir()


DISTRIBUTIONS = {"PIL": "pillow", "ignite": "pytorch-ignite", "skimage": "scikit-image", "yaml": "pyyaml"}
"""Packages whose name on PyPI isn't the name they are imported by."""

_ALWAYS_THERE = {"monai", "torch", "numpy", *sys.stdlib_module_names}


def check_packages(bundle: Path) -> None:
    """Every package that the bundle's code imports on loading is declared in the metadata."""
    metadata = json.loads((bundle / "configs/metadata.json").read_text())
    own = {path.name for path in bundle.iterdir() if path.is_dir()} | ({"litemed"} if not is_packed(bundle) else set())
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
    "version": check_version,
    "metadata": check_metadata,
    "packages": check_packages,
    "record": check_record,
    "properties": check_properties,
    "weights": check_weights,
    "load": check_load,
    "network": check_network,
    "sample": check_sample,
    "export": check_export,
    "onnx": check_onnx,
}
"""What is checked, in order."""

MODES: dict[str, tuple[str, ...]] = {
    "min": ("files", "version", "metadata"),
    "regular": ("files", "metadata"),
    "full": tuple(CHECKS),
}
"""The checks of the Model Zoo's three modes: of a changed bundle on servers without a GPU, of all bundles now and then,
and of one in full. That one has those of ours too: packages, records, weights of every application, the kept sample,
ONNX."""


def run(bundle: Path, mode: str = "full") -> Iterator[dict[str, str]]:
    """Make the checks of a bundle. Its code is imported, so do it in a process of its own.

    Args:
        bundle: its folder.
        mode: one of `MODES`.

    Yields:
        for each check its ``check`` name, and if it failed the ``error`` in a line and the ``details``.
    """
    for name in MODES[mode]:
        check = CHECKS[name]
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), warnings.catch_warnings():
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
    if is_packed(folder):
        sys.modules["litemed"] = None  # type: ignore[assignment]  # where a packed bundle is used there is none
    os.chdir(tempfile.gettempdir())
    for result in run(folder, *sys.argv[2:]):
        print(json.dumps(result), flush=True)
