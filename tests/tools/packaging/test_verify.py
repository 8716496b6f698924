# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Verification: what passes, and that each check can fail."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from litemed.tools.packaging.checks import CHECKS, check_packages, check_weights
from litemed.tools.packaging.verify import verify

MININET = Path(__file__).resolve().parents[3] / "bundles/mininet"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(MININET, tmp_path / "mininet", ignore=shutil.ignore_patterns("runs", "__pycache__"))


def _edit(file: Path, **changes: object) -> None:
    content = json.loads(file.read_text())
    content.update(changes)
    file.write_text(json.dumps(content))


def test_each_check_finds_what_it_is_for(copy: Path) -> None:
    metadata = copy / "configs/metadata.json"
    described = json.loads(metadata.read_text())["network_data_format"]
    described["outputs"]["pred"]["num_channels"] = 3
    pins = json.loads(metadata.read_text())["required_packages_version"]
    pins = {name: version for name, version in pins.items() if name != "scikit-image"}
    _edit(metadata, version="0.2.0", network_data_format=described, required_packages_version=pins)
    (copy / "mininet/extra.py").write_text("import skimage\n")
    _edit(copy / "configs/nuclei.json", **{"train#trainer#max_epochs": None})
    torch.save({"other": torch.zeros(1)}, copy / "models/model_skin.pt")
    (copy / "docs/README.md").unlink()
    failed = {check.name: check.error for check in verify(copy, export=False)}
    assert failed["files"] == "FileNotFoundError: missing docs/README.md"
    assert failed["metadata"] == "ValueError: version 0.2.0 isn't in the changelog"
    assert "scikit-image (imported by mininet/" in (failed["packages"] or "")
    assert "Missing key" in (failed["weights"] or "")
    assert failed["network"] is not None


def test_every_check_is_made(copy: Path) -> None:
    checks = list(verify(copy, export=False))
    assert [check.name for check in checks] == [name for name in CHECKS if name != "export"]
    assert [check.error for check in checks] == [None] * len(checks)


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
