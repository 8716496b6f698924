# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What each bundle's metadata says that it offers is what its package holds."""

from __future__ import annotations

import inspect
import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from litemed.bundles import bundle_folders, metadata_of

FOLDERS = sorted((Path(__file__).parents[2] / "bundles").glob("*/"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_is_offered_is_there_and_nothing_else(folder: Path) -> None:
    assert bundle_folders()[folder.name] == folder
    offered = metadata_of(folder)["litemed"]
    commands = {name: (inspect.getdoc(each) or "").splitlines()[0] for name, each in _giving(folder, "command", "None")}
    assert offered.get("commands", {}) == commands
    readers = {name for name, _ in _giving(folder, "readers", "list[")}
    assert offered.get("readers", {}).keys() == readers - {"paired"}
    assert offered.get("samples", {}).keys() == {name for name, _ in _giving(folder, "simulation", "Path")}
    contents = [json.loads(file.read_text()) for file in folder.glob("configs/*.json")]
    applications = {content["application"] for content in contents if "application" in content}
    assert offered.get("applications", {}).keys() == applications
    assert offered.get("takes", {}).keys() <= {*commands, *applications}
    assert {kind for kinds in offered.get("takes", {}).values() for kind in kinds.split(", ")} <= {"picture", "video"}


def _giving(folder: Path, name: str, result: str) -> list[tuple[str, Any]]:
    """Functions that a module of the bundle's package exports, by what they return; none without such a module."""
    if find_spec(f"{folder.name}.{name}") is None:
        return []
    module = import_module(f"{folder.name}.{name}")
    functions = [(each, getattr(module, each)) for each in module.__all__ if inspect.isfunction(getattr(module, each))]
    return [(each, function) for each, function in functions if function.__annotations__["return"].startswith(result)]
