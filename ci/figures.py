# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Size and start-up of a checkout: lines, what the packed bundles carry of the library, imports, commands.

Run it on two checkouts to compare them:

    python ci/figures.py [CHECKOUT] [--repeats 3]

Seconds are of the processor (user and system), the least of the repeats, so that other work on the machine counts
little. Modules are those that an import loads beyond an empty interpreter's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMPORTS = (
    "numpy, scipy.ndimage",
    "litemed.bundles",
    "litemed.metrics",
    "from litemed.metrics import surface_scores",
    "torch",
    "monai",
)
COMMANDS = ((), ("segment",), ("evaluate",), ("collab",), ("measure",))
_CHILD = """
import resource, sys
{work}
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, len(sys.modules), file=sys.__stdout__)
"""
_HELP = """
import contextlib, io
from {module} import {function}
sys.argv = ["litemed", *{arguments!r}, "--help"]
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    try:
        {function}()
    except SystemExit:
        pass
"""
_PACKED = """
import sys
from pathlib import Path
from {module} import packed_files
for folder in sys.argv[1:]:
    own, library, size = 0, 0, 0
    for name, content in packed_files(Path(folder), "0").items():
        size += len(content)
        if name.endswith(".py"):
            lines = len(content.splitlines())
            own, library = (own, library + lines) if "/litemed/" in name else (own + lines, library)
    print(Path(folder).name, own, library, size)
"""


def lines(files: Iterable[Path]) -> int:
    """Lines of Python, with empty ones and comments."""
    return sum(len(file.read_bytes().splitlines()) for file in files)


def run(checkout: Path, code: str, *arguments: str) -> str:
    """What a piece of Python prints that sees the checkout's library and bundles."""
    folders = [checkout / "common", *sorted((checkout / "bundles").iterdir())]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), "PAGER": "cat"}
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def cost(checkout: Path, work: str, repeats: int) -> tuple[float, int]:
    """Processor seconds and number of modules of a piece of work."""
    measured = [run(checkout, _CHILD.format(work=work)).split() for _ in range(repeats)]
    return min(float(seconds) for seconds, _ in measured), int(measured[0][1])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", nargs="?", type=Path, default=ROOT)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    checkout, repeats = options.checkout.resolve(), options.repeats

    for name, folders in {"library": ["common"], "product": ["common", "bundles", "ci"], "tests": ["tests"]}.items():
        print(f"{name:<42}{lines(file for each in folders for file in (checkout / each).rglob('*.py')):>8,} lines")

    (packer,) = (checkout / "common").rglob("packaging/pack.py")
    module = ".".join(packer.relative_to(checkout / "common").with_suffix("").parts)
    bundles = sorted(str(file.parents[1]) for file in checkout.glob("bundles/*/configs/metadata.json"))
    for row in run(checkout, _PACKED.format(module=module), *bundles).splitlines():
        bundle, own, library, size = row.split()
        sizes = f"{int(own):,} own, {int(size) / 1e6:.1f} MB"
        print(f"{'packed ' + bundle:<42}{int(library):>8,} lines of the library, {sizes}")

    _, empty = cost(checkout, "", 1)
    for each in IMPORTS:
        seconds, loaded = cost(checkout, each if each.startswith("from") else f"import {each}", repeats)
        print(
            f"{each if each.startswith('from') else 'import ' + each:<42}{seconds:>8.2f} s, {loaded - empty:,} modules"
        )

    entry = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["scripts"]["litemed"].split(":")
    for arguments in COMMANDS:
        work = _HELP.format(module=entry[0], function=entry[1], arguments=list(arguments))
        seconds, loaded = cost(checkout, work, repeats)
        print(f"{' '.join(['litemed', *arguments, '--help']):<42}{seconds:>8.2f} s, {loaded - empty:,} modules")


if __name__ == "__main__":
    main()
