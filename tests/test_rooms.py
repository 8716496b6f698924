# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The plan of the house: a room of the library knows the rooms below it, and no bundle."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "common/litemed"
FLOORS = (
    {"bundles", "causes", "command_line", "files", "lazy", "notices", "packed", "pages", "parallel"},
    {"metrics", "losses", "networks", "images"},
    {"slices", "transforms", "datasets", "samples"},
    {"training", "deploy"},
    {"prompting"},
    {"tools", "app"},
)
BUNDLES = {folder.name for folder in (ROOT / "bundles").iterdir() if (folder / "configs").is_dir()}
NAMED = re.compile(rf"\b({'|'.join(BUNDLES)})\b")


def imported(file: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{each.name}" for each in node.names}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return found


def floor_of(room: str) -> int:
    return next(height for height, rooms in enumerate(FLOORS) if room in rooms)


FILES = [file for file in sorted(LIBRARY.rglob("*.py")) if file.relative_to(LIBRARY).parts[0] != "template"]


def test_every_room_has_a_floor():
    rooms = {file.relative_to(LIBRARY).parts[0].removesuffix(".py") for file in FILES} - {"__init__"}
    assert rooms == set().union(*FLOORS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(LIBRARY)))
def test_arrows_go_up_only(file):
    room = file.relative_to(LIBRARY).parts[0].removesuffix(".py")
    used = {name.split(".")[1] for name in imported(file) if name.startswith("litemed.")} - {"__version__"}
    assert room == "__init__" or [other for other in sorted(used) if floor_of(other) > floor_of(room)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(LIBRARY)))
def test_the_library_imports_no_bundle(file):
    assert {name.split(".")[0] for name in imported(file)} & BUNDLES == set()


def test_the_library_names_no_bundle():
    """Neither in its code nor in any text: what a bundle offers stands in its metadata."""
    told = {
        f"{file.relative_to(LIBRARY)}, line {node.lineno}: {node.value!r}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAMED.search(node.value)
    }
    assert told == set()
    assert NAMED.search("from mininet.network import MiniNet")


@pytest.mark.parametrize("bundle", sorted(BUNDLES))
def test_bundles_import_no_other_bundle(bundle):
    for file in (ROOT / "bundles" / bundle / bundle).rglob("*.py"):
        assert {name.split(".")[0] for name in imported(file)} & (BUNDLES - {bundle}) == set(), file
