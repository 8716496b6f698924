# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Verification: what passes, and that each check can fail."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from litemed.tools.packaging.checks import CHECKS, LARGEST, METADATA, MODES, RECORD, check_packages, check_weights
from litemed.tools.packaging.pack import packed_files
from litemed.tools.packaging.verify import verify
from PIL import Image

MININET = Path(__file__).resolve().parents[3] / "bundles/mininet"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(MININET, tmp_path / "mininet", ignore=shutil.ignore_patterns("runs", "__pycache__"))


def _edit(file: Path, **changes: object) -> None:
    content = json.loads(file.read_text())
    content.update(changes)
    file.write_text(json.dumps(content))


def _wrapped_weights(copy: Path) -> None:
    weights = torch.load(copy / "models/model.pt", weights_only=True)
    torch.save({"model": dict(weights), "architecture": "MiniNet"}, copy / "models/model.pt")


def _damaged_weights(copy: Path) -> None:
    (copy / "models/model.pt").write_bytes((copy / "models/model.pt").read_bytes()[:5000])


def _three_outputs(copy: Path) -> None:
    described = json.loads((copy / "configs/metadata.json").read_text())["network_data_format"]
    described["outputs"]["pred"]["num_channels"] = 3
    _edit(copy / "configs/metadata.json", network_data_format=described)


def _undeclared(copy: Path) -> None:
    pins = json.loads((copy / "configs/metadata.json").read_text())["required_packages_version"]
    pins.pop("scikit-image")
    _edit(copy / "configs/metadata.json", required_packages_version=pins)
    (copy / "mininet/extra.py").write_text("import skimage\n")


def _tensor_without_dtype(copy: Path) -> None:
    described = json.loads((copy / "configs/metadata.json").read_text())["network_data_format"]
    del described["inputs"]["image"]["dtype"]
    _edit(copy / "configs/metadata.json", network_data_format=described)


def _no_evaluator(copy: Path) -> None:
    content = json.loads((copy / "configs/inference.json").read_text())
    content["evaluators"] = content.pop("evaluator")
    (copy / "configs/inference.json").write_text(json.dumps(content).replace("@evaluator", "@evaluators"))


def _another_result(copy: Path) -> None:
    Image.fromarray(np.zeros((584, 584), np.uint8)).save(copy / "sample/input_mask.png")


def _record_of_other_weights(copy: Path) -> None:
    shutil.copy(copy / "models/model_drive.json", copy / "models/model.json")


REFUSED = {
    "files": (lambda copy: (copy / "LICENSE").unlink(), "missing LICENSE"),
    "version": (lambda copy: _edit(copy / "configs/metadata.json", version="9.9.9"), "9.9.9 isn't in the changelog"),
    "metadata": (_tensor_without_dtype, "tensor image lacks dtype"),
    "packages": (_undeclared, r"scikit-image \(imported by mininet/"),
    "record": (_record_of_other_weights, r"model\.json is of another file than model\.pt"),
    "properties": (_no_evaluator, "Property 'evaluator'"),
    "weights": (_wrapped_weights, "Missing key"),
    "load": (_wrapped_weights, "expected weights of MiniNet for vessels, found none for 216 of its 216 tensors"),
    "network": (_three_outputs, "output channel number `1` doesn't match"),
    "sample": (_another_result, r"the kept input gives another result: Dice 0\.000"),
    "export": (_damaged_weights, "Invalid argument|PytorchStreamReader"),
    "onnx": (_damaged_weights, "Invalid argument|PytorchStreamReader"),
}
"""For each check what the zoo would refuse, and what is said of it."""


def test_every_check_is_tried() -> None:
    assert REFUSED.keys() == CHECKS.keys()


@pytest.mark.parametrize("check", REFUSED)
def test_each_check_refuses(check: str, copy: Path) -> None:
    break_it, said = REFUSED[check]
    break_it(copy)
    with pytest.raises(Exception, match=said):
        CHECKS[check](copy)


def test_the_checks_of_the_zoo_pass_in_a_process_of_their_own(copy: Path) -> None:
    for mode in ("min", "regular"):
        assert [(check.name, check.error) for check in verify(copy, mode)] == [(name, None) for name in MODES[mode]]
    _edit(copy / "configs/metadata.json", version="9.9.9")
    (copy / "docs/README.md").unlink()
    failed = {check.name: check.error for check in verify(copy, "min") if check.error}
    assert failed == {
        "files": "FileNotFoundError: missing docs/README.md",
        "version": "ValueError: version 9.9.9 isn't in the changelog",
    }
    with pytest.raises(ValueError, match="expected a mode of min, regular, full, got 'most'"):
        list(verify(copy, "most"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (None, r"model\.pt has no record model\.json beside it"),
        *(({key: None}, f"expected {key} to be") for key in RECORD if key != "architecture"),
        ({"licence": {"code": "Apache-2.0"}}, "licence lacks weights"),
        ({"data": []}, "expected data to be a list of objects"),
        ({"data": [{"name": "eyes"}]}, "data lacks licence"),
        ({"scores": [{"data": "eyes", "metric": "dice", "mean": "high"}]}, "expected mean to be a number, got 'high'"),
        ({"architecture": {"channels": 8}}, "architecture lacks application"),
        ({"bundle": "tfnet"}, "is of bundle tfnet, which this isn't"),
    ],
)
def test_records_that_are_not_complete(changes: dict[str, object] | None, said: str, copy: Path) -> None:
    CHECKS["record"](copy)
    if changes is None:
        (copy / "models/model.json").unlink()
    else:
        _edit(copy / "models/model.json", **changes)
    with pytest.raises((OSError, TypeError, KeyError, ValueError), match=said):
        CHECKS["record"](copy)


def _metadata_with(**changes: object) -> dict[str, object]:
    content = json.loads((MININET / "configs/metadata.json").read_text())
    for place, value in changes.items():
        *parents, key = place.split("__")
        inner = content
        for parent in parents:
            inner = inner[parent]
        inner[key] = value
    return content


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": 1}, "expected task to be a text, got 1"),
        ({"changelog": "first"}, "expected changelog to be an object, got 'first'"),
        ({"eval_metrics": []}, "expected eval_metrics to be an object"),
        ({"supported_apps": []}, "expected supported_apps to be an object"),
        ({"references": "a paper"}, "expected references to be a list of texts"),
        ({"references": [1]}, "expected references to be a list of texts"),
        ({"schema": "https://example.org/meta_schema_20220729.json"}, "unexpected schema"),
        ({"numpy_version": ">=2"}, "not exact versions: numpy_version >=2"),
        ({"required_packages_version__scipy": 1.5}, None),
        ({"required_packages_version__scipy": "latest"}, "not exact versions: scipy latest"),
        ({"network_data_format__inputs": []}, "expected inputs to be an object"),
        ({"network_data_format__inputs__image": [3]}, r"tensor image is no object: \[3\]"),
        ({"network_data_format__inputs__image__num_channels": "3"}, "num_channels to be a whole number, got '3'"),
        ({"network_data_format__inputs__image__num_channels": True}, "num_channels to be a whole number"),
        ({"network_data_format__inputs__image__spatial_shape": ["*", 1.5]}, "list of whole numbers and texts"),
        ({"network_data_format__outputs__pred__value_range": ["low"]}, "value_range to be a list of numbers"),
        ({"network_data_format__outputs__pred__is_patch_data": 0}, "is_patch_data to be true or false"),
        ({"network_data_format__outputs__pred__channel_def": ["vessel"]}, "channel_def to be an object"),
        ({"network_data_format__post_processed_outputs": 1}, "post_processed_outputs to be an object"),
        ({"network_data_format__inputs__threshold": 0.5}, None),
        ({"other_data_format": {"inputs": {}}}, "other_data_format lacks outputs"),
        ({"other_data_format": {"inputs": {}, "outputs": {"a": {}}}}, "tensor a lacks type"),
        ({"network_data_format__inputs": {"picture": "any"}}, "the first input must be named image"),
    ],
)
def test_metadata_that_the_schema_refuses(changes: dict[str, object], said: str | None, copy: Path) -> None:
    (copy / "configs/metadata.json").write_text(json.dumps(_metadata_with(**changes)))
    if said is None:
        CHECKS["metadata"](copy)
        return
    with pytest.raises((TypeError, KeyError, ValueError), match=said):
        CHECKS["metadata"](copy)


@pytest.mark.parametrize("key", [key for key in METADATA if key != "supported_apps"])
def test_metadata_that_lack_a_key(key: str, copy: Path) -> None:
    content = _metadata_with()
    del content[key]
    (copy / "configs/metadata.json").write_text(json.dumps(content))
    with pytest.raises(KeyError, match=f"metadata lacks {key}"):
        CHECKS["metadata"](copy)


def test_an_exported_network_that_ships_must_load(copy: Path) -> None:
    (copy / "models/model.ts").write_bytes(b"no TorchScript")
    with pytest.raises(RuntimeError):
        CHECKS["export"](copy)


def test_a_file_of_weights_that_is_too_large_for_the_zoo(copy: Path) -> None:
    with (copy / "models/model_large.pt").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(ValueError, match=r"over 25 MB: model_large\.pt"):
        CHECKS["files"](copy)


def test_a_packed_bundle_is_checked_as_if_nothing_of_litemed_were_installed(tmp_path: Path) -> None:
    bundle = tmp_path / "mininet"
    for name, content in packed_files(MININET, "0.3.0").items():
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).write_bytes(content)
    assert {check.name: check.error for check in verify(bundle) if check.name in ("packages", "load", "network")} == {
        "packages": None,
        "load": None,
        "network": None,
    }
    with (bundle / "mininet/network.py").open("a") as file:
        file.write("import litemed.files\n")
    failed = {check.name: check.error or "" for check in verify(bundle)}
    assert "litemed (imported by mininet/network.py)" in failed["packages"]
    assert all(failed[name] for name in ("load", "network", "export"))


def test_benchmarks_need_nothing_declared(copy: Path) -> None:
    """They are never packed."""
    (copy / "eval/peer.py").write_text("import timm\n")
    check_packages(copy)
    (copy / "mininet/peer.py").write_text("import timm\n")
    with pytest.raises(ValueError, match=r"timm \(imported by mininet/peer\.py\)"):
        check_packages(copy)


def test_what_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no bundle at"):
        list(verify(tmp_path))
    (tmp_path / "text.zip").write_text("text")
    with pytest.raises(ValueError, match=r"text\.zip is not a readable zip"):
        list(verify(tmp_path / "text.zip"))
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(ValueError, match=r"expected one bundle in .*empty\.zip, found 0"):
        list(verify(tmp_path / "empty.zip"))


def test_weights_named_for_a_variant_are_that_variants(tmp_path: Path) -> None:
    swiftmedsam = MININET.with_name("swiftmedsam")
    check_weights(swiftmedsam)
    for folder in ("configs", "swiftmedsam"):
        shutil.copytree(swiftmedsam / folder, tmp_path / folder)
    (tmp_path / "models").mkdir()
    shutil.copy(swiftmedsam / "models/model_v2.pt", tmp_path / "models/model_v1.pt")
    with pytest.raises(ValueError, match=r"expected weights of .* v1, found weights of .* v2"):
        check_weights(tmp_path)
