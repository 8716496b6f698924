#!/usr/bin/env python3
# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Hold packed bundles against the code format that the MONAI Model Zoo asks of a pull request.

    python ci/zoo_style.py [FOLDER ...]

Packs the bundles in the folders, by default all of this repository and a new one of the template, and runs the zoo's
formatters (isort, black, flake8) and hooks (the form of JSON and YAML, docstrings, line ends, size) with its settings.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from litemed.bundles import bundle_folders, metadata_of
from litemed.tools.packaging.new import new_bundle
from litemed.tools.packaging.pack import packed_files

_FLAKE8 = "--isolated --max-line-length=120 --select=B,C,E,F,N,P,T4,W,B9 --per-file-ignores=__init__.py:F401"
_IGNORED = "E203,E501,E741,W503,W504,C408,N812,B023,B905,B028,B907,C419"
CHECKS: dict[str, tuple[str, list[str]]] = {
    "isort": (".py", "isort --check-only --profile=black --line-length=120 --project=models".split()),
    "black": (
        ".py",
        "black --check --quiet --skip-magic-trailing-comma --line-length=120 "
        "--target-version=py37 --target-version=py38 --target-version=py39".split(),
    ),
    "flake8": (".py", ["flake8", *_FLAKE8.split(), f"--ignore={_IGNORED}"]),
    "check-docstring-first": (".py", ["check-docstring-first"]),
    "pretty-format-json": (".json", "pretty-format-json --no-sort-keys --indent=4".split()),
    "check-yaml": (".yml", ["check-yaml"]),
    "end-of-file-fixer": (".py .json .yml .md .txt .conf", ["end-of-file-fixer"]),
    "trailing-whitespace-fixer": (".py .json .yml .md .txt .conf", ["trailing-whitespace-fixer"]),
    "mixed-line-ending": (".py .json .yml .md .txt .conf", ["mixed-line-ending"]),
}
"""Which files each tool is given, and its command."""


def problems(folder: Path) -> dict[str, str]:
    """What the zoo's tools say of a bundle in its folder of models, by tool; nothing of those that are content."""
    said = {}
    for name, (suffixes, (script, *options)) in CHECKS.items():
        files = [str(file) for file in sorted(folder.rglob("*")) if file.suffix in suffixes.split() and file.is_file()]
        command = [str(Path(sys.executable).with_name(script)), *options, *files]
        done = subprocess.run(command, cwd=folder.parents[1], capture_output=True, text=True, check=False)
        if done.returncode and files:
            said[name] = (done.stdout + done.stderr).strip() or "would change files"
    return said


def main(folders: Sequence[str] = ()) -> int:
    """Pack, check, and print what each tool says; the number of bundles that the zoo would refuse."""
    refused = 0
    with tempfile.TemporaryDirectory() as temporary:
        sources = [Path(folder) for folder in folders]
        sources = sources or [*bundle_folders().values(), new_bundle("sixth_bundle", Path(temporary) / "new")]
        for source in sources:
            place = Path(temporary) / "models" / source.name
            for name, content in packed_files(source, metadata_of(source)["version"]).items():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).write_bytes(content)
            found = problems(place)
            refused += bool(found)
            print(f"{source.name:<14}{'refused' if found else 'passes'}", flush=True)
            for tool, said in found.items():
                print(f"  {tool}:\n{said}")
    return refused


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
