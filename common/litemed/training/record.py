# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a run was: its command, versions and computer, beside its results."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from litemed.files import replacing

__all__ = ["record_run"]

_PACKAGES = ("litemed", "monai", "torch", "numpy", "pytorch-ignite")


def record_run(output_dir: str | Path, **further: Any) -> None:
    """Write ``run.json``: the command and the folder it was given in, the time, versions and the computer.

    Args:
        output_dir: folder of the run.
        further: what else to write down, as text where JSON has nothing for it.
    """
    spec = getattr(sys.modules["__main__"], "__spec__", None)  # of ``python -m``, where argv has a file's path
    program = ["python", "-m", spec.name.removesuffix(".__main__")] if spec else [Path(sys.argv[0]).name]
    run = {
        "command": [*program, *sys.argv[1:]],
        "folder": str(Path.cwd()),
        "time": datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **_versions()},
        "computer": {
            "system": f"{platform.system()} {platform.machine()}",
            "processes": int(os.environ.get("WORLD_SIZE", "1")),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
        **further,
    }
    with replacing(Path(output_dir) / "run.json") as temporary:
        temporary.write_text(json.dumps(run, indent=4, default=str) + "\n")


def _versions() -> dict[str, str]:
    """Versions of the packages that are installed; of litemed there is none where a packed bundle carries it."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
