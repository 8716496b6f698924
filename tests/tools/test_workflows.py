# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Values that are put into a bundle's configuration: data, whatever they look like."""

from __future__ import annotations

import json
import pydoc
from pathlib import Path
from typing import Any

import pytest
from litemed.tools.workflows import open_workflow, user_errors

CODE = "$__import__('pathlib').Path('RAN').touch()"
HOSTILE = [
    CODE,
    "@mark",
    "%configs/other.json#mark",
    "visit#1",
    "a::b",
    "2024_01_15",
    [CODE, ["@mark", "visit#1"]],
    {"a#1.png": [CODE]},
    {"_target_": "pathlib.Path", "path": "@mark"},
]


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle of configurations alone, which hands its values on in each of the ways that configurations know."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bundle/configs").mkdir(parents=True)
    config = {
        "mark": "touched",
        "value": None,
        "folder": {"below": None},
        "plain": "@value",
        "within": {"list": ["@value"]},
        "expression": "$@value",
        "component": {"_target_": "types.SimpleNamespace", "value": "@value", "listed": ["@value"]},
        "run": ["$[@plain, @within['list'][0], @expression, @component.value, @component.listed[0], @folder::below]"],
    }
    (tmp_path / "bundle/configs/metadata.json").write_text('{"version": "0.1.0"}')
    (tmp_path / "bundle/configs/inference.json").write_text(json.dumps(config))
    return tmp_path / "bundle"


@pytest.mark.parametrize("value", HOSTILE, ids=str)
def test_values_arrive_as_they_are(bundle: Path, value: Any) -> None:
    workflow = open_workflow(bundle, "inference", {"value": value, "folder#below": value})
    workflow.initialize()
    (found,) = workflow.run()
    assert found == [value] * 6
    assert not Path("RAN").exists()


def test_values_stay_when_a_configuration_is_parsed_again(bundle: Path) -> None:
    parser = open_workflow(bundle, "inference", {"value": CODE}).parser
    for _ in range(2):
        parser.parse(reset=True)
        assert parser.get_parsed_content("plain") == CODE
    assert not Path("RAN").exists()


def _looks_up_a_class() -> None:
    inner = pydoc.ErrorDuringImport("module.py", (KeyboardInterrupt, KeyboardInterrupt(), None))
    raise RuntimeError("Component with id ...") from inner


def test_an_interruption_within_an_import_is_one() -> None:
    """MONAI looks classes up by pydoc, which makes an error of whatever their modules raise."""
    with pytest.raises(KeyboardInterrupt), user_errors():
        _looks_up_a_class()
