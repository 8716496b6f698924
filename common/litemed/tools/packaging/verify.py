# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Verifying a bundle, in a folder or packed, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from litemed.tools.packaging import checks
from litemed.tools.packaging.archives import files_within, unpack
from litemed.tools.packaging.hubs import ENTRY_CHECKS

__all__ = ["Check", "is_entry", "verify"]


class Check(NamedTuple):
    """Outcome of one check."""

    name: str
    """Of the check, a key of ``checks.CHECKS``."""
    error: str | None
    """What failed, in a line; None where the check passed."""
    details: str
    """Trace and output of a failed check."""


def is_entry(path: Path) -> bool:
    """Whether a folder is one of the Model Zoo's ``hf_models``: metadata of a model that lies at Hugging Face."""
    return (path / "metadata.json").is_file() and not (path / "configs").is_dir()


def verify(path: str | os.PathLike[str], mode: str = "full") -> Iterator[Check]:
    """Make the MONAI Model Zoo's checks of a bundle, one after the other. They run its code: verify what you trust.

    A zip is unpacked into a temporary folder and checked with the copy of the library that it carries; a folder with
    the installed library. Either is done in a new process, from an unrelated folder. Of a folder whose
    ``large_files.yml`` names files a copy is checked, with these. An entry of ``hf_models`` is only read.

    Args:
        path: a bundle's folder, or the zip that `litemed.tools.packaging.pack` wrote.
        mode: ``min``, ``regular`` or ``full``, see `checks.MODES`; the first two run none of the bundle's code.

    Yields:
        the outcome of each check.

    Raises:
        FileNotFoundError: when there is no bundle at ``path``.
        ValueError: for another mode, or when a zip can't be unpacked, see `archives.unpack`, or a link leads out of a
            folder.
        RuntimeError: when the checking process died.
    """
    if mode not in checks.MODES:
        raise ValueError(f"expected a mode of {', '.join(checks.MODES)}, got {mode!r}")
    path = Path(path).expanduser()
    if is_entry(path):
        for name, check in ENTRY_CHECKS.items():
            try:
                check(path)
            except (OSError, ValueError, TypeError, LookupError) as error:
                yield Check(name, f"{type(error).__name__}: {error}", "")
            else:
                yield Check(name, None, "")
        return
    with tempfile.TemporaryDirectory() as temporary, tempfile.TemporaryFile("w+") as errors:
        folder = unpack(path, Path(temporary)) if path.is_file() else path
        if not (folder / "configs").is_dir():
            raise FileNotFoundError(f"no bundle at {path}: expected a folder with configs/, or a zip of one")
        files = list(files_within(folder))  # no check shall read what a link leads to
        if folder / "large_files.yml" in files:
            folder = shutil.copytree(folder, Path(temporary) / folder.name)
        command = [sys.executable, "-W", "ignore", checks.__file__, str(folder), mode]
        environment = {**os.environ, "PYTHONPATH": str(folder.absolute())}
        # errors go to a file: a pipe that nobody reads until the end would fill and stop the process
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                result = json.loads(line)
                yield Check(result["check"], result.get("error"), result.get("details", ""))
        if process.wait():
            errors.seek(0)
            raise RuntimeError(f"the checks of {path} ended with code {process.returncode}: {errors.read()[-2000:]}")
