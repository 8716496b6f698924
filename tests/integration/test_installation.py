# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""An ordinary installation: the wheel holds the library alone, and a bundle is used from where it is put."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from litemed.tools.packaging.pack import pack
from litemed.tools.packaging.publish import publish

ROOT = Path(__file__).resolve().parents[2]
TRY = """
import sys
from litemed.tools.cli import main
import litemed
assert litemed.__file__.startswith({site!r}), litemed.__file__
sys.argv = ["litemed", *{arguments!r}]
main()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "hatchling",
        "build",
        "--target",
        "wheel",
        "--directory",
        str(folder),
    ]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "warning" not in (built.stdout + built.stderr).lower()
    (path,) = folder.glob("litemed-*-py3-none-any.whl")
    return path


def test_a_wheel_holds_the_library_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"litemed"}
    files = {str(path.relative_to(ROOT / "common")) for path in (ROOT / "common/litemed").rglob("*") if path.is_file()}
    assert {name for name in files if "__pycache__" not in name} <= set(names)


def test_without_a_checkout_bundles_are_asked_for_and_used_where_they_are_put(wheel: Path, tmp_path: Path) -> None:
    site, home = tmp_path / "site", tmp_path / "home"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)

    def litemed(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = TRY.format(site=str(site), arguments=arguments)
        environment = {**os.environ, "PYTHONPATH": str(site), "LITEMED_HOME": str(home), "LITEMED_BUNDLES": ""}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    said = litemed("segment", "eye.png", "--bundle", "tiu_ocular")
    assert said.returncode == 2
    (line,) = said.stderr.splitlines()
    assert "litemed get NAME --zoo ADDRESS" in line
    assert str(home / "bundles") in line
    publish([ROOT / "bundles/tiu_ocular"], tmp_path / "zoo")
    assert litemed("get", "tiu_ocular", "--zoo", "zoo").stdout == f"{home}/bundles/tiu_ocular\n"
    assert litemed("info").stdout.startswith("tiu_ocular ")
    told = litemed("measure", "gone.png")
    assert (told.returncode, told.stderr) == (2, f"litemed: no picture, volume or folder at {tmp_path}/gone.png\n")


def test_a_packed_bundle_runs_the_library_that_it_carries(tmp_path: Path) -> None:
    with zipfile.ZipFile(pack(ROOT / "bundles/tiu_ocular", tmp_path)) as archive:
        archive.extractall(tmp_path)
    code = "import sys, tiu_ocular.command as c; print(c.__file__, [m for m in sys.modules if m.startswith('litemed')])"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "tiu_ocular")}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert said.stdout == f"{tmp_path}/tiu_ocular/tiu_ocular/command.py []\n"
