# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A release of a copy of the checkout with one bundle: versions, wheel, zoo, hashes, and the same bytes again."""

from __future__ import annotations

import hashlib
import json
import re
import runpy
import shutil
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
release = runpy.run_path(str(ROOT / "ci/release.py"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    left_out = shutil.ignore_patterns("__pycache__", "runs", "*.egg-info")
    for name in ("common", "bundles/mininet"):
        shutil.copytree(ROOT / name, root / name, ignore=left_out)
    for name in ("pyproject.toml", "LICENSE", "README.md", "CITATION.cff", "constraints.txt"):
        shutil.copy(ROOT / name, root)
    (root / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- New.\n\n## 0.1.0 (2026-11-21)\n\nFirst.\n")
    return root


def test_a_release_is_complete_and_the_same_again(checkout: Path, tmp_path: Path) -> None:
    release["set_version"](checkout, "0.2.0", "2026-12-01")
    assert (checkout / "CHANGELOG.md").read_text() == (
        "# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-12-01)\n\n- New.\n\n## 0.1.0 (2026-11-21)\n\nFirst.\n"
    )
    citation = (checkout / "CITATION.cff").read_text()
    assert "\nversion: 0.2.0\ndate-released: 2026-12-01\n" in citation
    sums = [release["build"](checkout, tmp_path / to, "", "2026-12-01").read_text() for to in ("a", "b")]
    assert sums[0] == sums[1]
    listed = dict(reversed(line.split("  ")) for line in sums[0].splitlines())
    expected = {"litemed-0.2.0-py3-none-any.whl", "constraints.txt", "zoo/mininet_v0.3.0.zip", "zoo/model_info.json"}
    assert expected <= listed.keys()
    for name, digest in listed.items():
        assert hashlib.sha256((tmp_path / "a" / name).read_bytes()).hexdigest() == digest
    with zipfile.ZipFile(tmp_path / "a/litemed-0.2.0-py3-none-any.whl") as wheel:
        assert '__version__ = "0.2.0"' in wheel.read("litemed/__init__.py").decode()
        assert "litemed/template/sample/input.png" in wheel.namelist()
    info = json.loads((tmp_path / "a/zoo/model_info.json").read_text())
    assert info["mininet_v0.3.0"]["source"] == "mininet_v0.3.0.zip"


@pytest.mark.parametrize(
    ("version", "changelog", "said"),
    [
        ("0.2", "## Unreleased\n\n- New.\n", "expected a version such as 0.2.0, got '0.2'"),
        ("0.1.0", "## Unreleased\n\n- New.\n\n## 0.1.0 (2026-11-21)\n", "has version 0.1.0 already"),
        ("0.2.0", "## Unreleased\n\n## 0.1.0 (2026-11-21)\n\nFirst.\n", "has nothing under Unreleased"),
        ("0.2.0", "## 0.1.0 (2026-11-21)\n\nFirst.\n", "has nothing under Unreleased"),
    ],
)
def test_what_is_no_release(version: str, changelog: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(changelog)
    with pytest.raises(ValueError, match=re.escape(said)):
        release["set_version"](tmp_path, version, "2026-12-01")
    assert [file.name for file in tmp_path.iterdir()] == ["CHANGELOG.md"]
    assert (tmp_path / "CHANGELOG.md").read_text() == changelog
