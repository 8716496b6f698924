# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A release, offline: version and changelog, a zip of each bundle with the zoo around them, the wheel with the
constraints to install it with, and all hashes.

Run: python ci/release.py VERSION --to FOLDER [--url https://...] [--date 2026-12-01]

It writes the version into ``common/litemed/__init__.py``, ``CITATION.cff`` and, over what was unreleased, the
changelog; then fills the folder. Nothing is committed, tagged or uploaded. Bundles have versions of their own: raise
before those whose files changed, since a zoo takes no other zip of a version that it has. The same checkout gives the
same bytes.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from litemed.files import replacing
from litemed.tools.packaging.publish import publish
from litemed.training.weight_record import sha256_of

ROOT = Path(__file__).resolve().parents[1]
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def set_version(root: Path, version: str, date: str) -> None:
    """Write a version into a checkout.

    Raises:
        ValueError: for what isn't one, one that was released, or a changelog that tells nothing new.
    """
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    if not _VERSION.fullmatch(version):
        raise ValueError(f"expected a version such as 0.2.0, got {version!r}")
    if f"## {version} " in text:
        raise ValueError(f"{changelog} has version {version} already")
    new = re.search(r"## Unreleased\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    if new is None or not new.group(1).strip():
        raise ValueError(f"{changelog} has nothing under Unreleased: say what changed")
    _substitute(changelog, r"## Unreleased\n", f"## Unreleased\n\n## {version} ({date})\n")
    _substitute(root / "common/litemed/__init__.py", r'__version__ = "[^"]*"', f'__version__ = "{version}"')
    _substitute(root / "CITATION.cff", r"(?m)^version: .*$", f"version: {version}")
    _substitute(root / "CITATION.cff", r"(?m)^date-released: .*$", f"date-released: {date}")


def _substitute(file: Path, pattern: str, new: str) -> None:
    text, count = re.subn(pattern, new, file.read_text(encoding="utf-8"), count=1)
    if not count:
        raise ValueError(f"{file} lacks {pattern}")
    with replacing(file) as temporary:
        temporary.write_text(text, encoding="utf-8")


def build(root: Path, to: Path, url: str, date: str) -> Path:
    """Fill a folder: zoo, wheel, ``constraints.txt`` and ``SHA256SUMS``.

    Returns:
        the file of hashes.
    """
    bundles = sorted(file.parents[1] for file in root.glob("bundles/*/configs/metadata.json"))
    publish(bundles, to / "zoo", url)
    build_wheel(root, to, date)
    shutil.copyfile(root / "constraints.txt", to / "constraints.txt")
    sums = to / "SHA256SUMS"
    files = sorted(file for file in to.rglob("*") if file.is_file() and file != sums)
    with replacing(sums) as temporary:
        temporary.write_text("".join(f"{sha256_of(file)}  {file.relative_to(to).as_posix()}\n" for file in files))
    return sums


def build_wheel(root: Path, to: Path, date: str) -> Path:
    """Build the wheel of a checkout, offline; the same checkout and date give the same bytes.

    Returns:
        the wheel, in the folder ``to``.
    """
    epoch = datetime.datetime.fromisoformat(date).replace(tzinfo=datetime.UTC).timestamp()
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(int(epoch))}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(to.absolute())]
    subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = to.glob("litemed-*.whl")
    return wheel


def main() -> None:
    """Release, or say in a line why not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--url", default="")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    given = parser.parse_args()
    try:
        set_version(ROOT, given.version, given.date)
        print(build(ROOT, given.to, given.url, given.date))
    except ValueError as error:
        sys.exit(f"release: {error}")


if __name__ == "__main__":
    main()
