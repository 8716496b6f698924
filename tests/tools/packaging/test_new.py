# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A new bundle: it trains, infers, verifies and packs as the template has it."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from litemed.tools.packaging.new import TEMPLATE, new_bundle
from litemed.tools.packaging.pack import pack
from litemed.tools.packaging.verify import verify


def test_names_and_versions_are_filled_in(tmp_path: Path) -> None:
    bundle = new_bundle("thyroid_us", tmp_path)
    assert bundle == tmp_path / "thyroid_us"
    assert [entry.name for entry in tmp_path.iterdir()] == ["thyroid_us"]
    files = {str(file.relative_to(bundle)) for file in bundle.rglob("*") if file.is_file()}
    assert {"thyroid_us/__init__.py", "configs/train.json", "docs/README.md", "LICENSE"} <= files
    assert not [name for name in files if "mybundle" in name or "mybundle" in (bundle / name).read_text()]
    metadata = json.loads((bundle / "configs/metadata.json").read_text())
    assert metadata["monai_version"] == importlib.metadata.version("monai")
    assert all(metadata["required_packages_version"].values())
    assert "mybundle" in (TEMPLATE / "configs/train.json").read_text()


@pytest.mark.parametrize("name", ["Thyroid", "thyroid-us", "2d", "", "schilddrüse"])
def test_names_that_no_package_can_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a name in small letters"):
        new_bundle(name, tmp_path)


def test_names_that_are_taken(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is a Python package json already"):
        new_bundle("json", tmp_path)
    (tmp_path / "thyroid_us").mkdir()
    with pytest.raises(FileExistsError, match="thyroid_us exists already"):
        new_bundle("thyroid_us", tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thyroid_us"]


def test_it_passes_the_checks_after_one_quick_training(run_python: Callable[..., str], tmp_path: Path) -> None:
    bundle = new_bundle("thyroid_us", tmp_path / "mine")
    configs = f"{bundle}/configs"
    run_python("-m", "monai.bundle", "run", "--config_file", f"{configs}/train.json", "--max_epochs", 2)
    shutil.copy(bundle / "runs/train/model.pt", bundle / "models/model.pt")
    both = f"['{configs}/train.json','{configs}/evaluate.json']"
    run_python("-m", "monai.bundle", "run", "--config_file", both)
    scores = json.loads((bundle / "runs/evaluation/scores.json").read_text())["scores"]
    assert 0 < scores["dice"]["mean"] < 1
    run_python("-m", "monai.bundle", "run", "--config_file", f"{configs}/inference.json")
    assert len(list((bundle / "runs/inference").glob("*_mask.png"))) == 4
    failed = {check.name: check.error for check in verify(pack(bundle, tmp_path)) if check.error}
    assert failed == {}
