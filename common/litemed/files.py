# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Writing files whole or not at all, and where litemed keeps its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["litemed_home", "replacing"]


def litemed_home() -> Path:
    """Folder of what litemed keeps between runs: ``$LITEMED_HOME``, or ``~/.cache/litemed``."""
    return Path(os.environ.get("LITEMED_HOME") or "~/.cache/litemed").expanduser()


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place when the block ends without an error.

    Folders that lack are made. The temporary file keeps the suffix, so writers that go by it work.

    Args:
        path: the file to write.

    Yields:
        the path to write to.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=target.suffix, prefix=f".{target.stem}-", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
