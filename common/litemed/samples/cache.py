# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Where samples lie, and writing one whole and once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from litemed.files import clear_leftovers, litemed_home, scratch


def sample_home(root: str | os.PathLike[str] | None = None) -> Path:
    """Folder of all samples: ``root``, else ``$LITEMED_HOME/samples``, else ``~/.cache/litemed/samples``."""
    if root is None:
        root = litemed_home() / "samples"
    return Path(root).expanduser().absolute()


def written_once(name: str, write: Callable[[Path], None], root: str | os.PathLike[str] | None) -> Path:
    """Returns the folder of a sample, after writing it if it isn't there yet.

    The sample is written to a temporary folder that is renamed when complete: an interrupted call leaves no half
    sample, and of several processes that write at a time the first one's result stays.

    Args:
        name: of the sample's folder. It ends in a version, which changes whenever the content does.
        write: writes the sample into the empty folder it is given.
        root: see `sample_home`.

    Raises:
        OSError: when the folder can't be written.
    """
    home = sample_home(root)
    target = home / name
    if target.is_dir():
        return target
    clear_leftovers(home)
    with scratch(home) as temporary:
        complete = temporary / name
        complete.mkdir()
        write(complete)
        try:
            complete.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    return target
