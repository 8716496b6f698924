# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The ``litemed`` command: what it prints, and its exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from litemed.bundles import bundle_folders, find_bundle
from litemed.cli import main
from PIL import Image


def _call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of the command."""
    monkeypatch.setattr(sys, "argv", ["litemed", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_doctor_finds_bundles_and_versions(monkeypatch, capsys) -> None:
    assert _call(monkeypatch, "doctor", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["packages"]["torch"] is not None
    assert "model.pt" in found["bundles"]["mininet"]["weights"]
    assert _call(monkeypatch, "doctor") == 0
    assert "mininet 0.1.0" in capsys.readouterr().out


def test_datasets_are_described(monkeypatch, capsys) -> None:
    assert _call(monkeypatch, "datasets", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"drive", "paired"} <= set(listed["readers"])
    assert {"fundus", "nuclei"} <= set(listed["samples"])
    assert all(listed["readers"].values())


def test_evaluate_prints_scores_and_fails_on_a_bad_file(monkeypatch, capsys, tmp_path: Path) -> None:
    for folder in ("pred", "truth"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / folder / "a.png")
    arguments = ["evaluate", str(tmp_path / "pred"), str(tmp_path / "truth"), "--workers", "1"]
    assert _call(monkeypatch, *arguments, "--json") == 0
    assert json.loads(capsys.readouterr().out)["means"]["all"]["dice"]["mean"] == 1.0
    (tmp_path / "pred/a.png").write_bytes(b"")
    assert _call(monkeypatch, *arguments) == 1
    assert "not scored: a" in capsys.readouterr().out


def test_an_error_of_the_user_is_one_line(monkeypatch, capsys) -> None:
    assert _call(monkeypatch, "pack", "megasam") == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert said[0].startswith("litemed: no bundle megasam: expected a bundle's folder, or one of ")


def test_bundles_are_found_by_name_and_path(monkeypatch, tmp_path: Path) -> None:
    assert find_bundle("mininet") == find_bundle(bundle_folders()["mininet"])
    mine = tmp_path / "mine/mininet/configs"
    mine.mkdir(parents=True)
    (mine / "metadata.json").write_text("{}")
    monkeypatch.setenv("LITEMED_BUNDLES", str(tmp_path / "mine"))
    assert find_bundle("mininet") == mine.parent
