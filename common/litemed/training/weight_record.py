# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The record of a file of weights, as JSON beside it: ``model.json`` of ``model.pt``. See ``docs/weights.md``."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litemed.files import replacing

__all__ = ["CheckpointError", "check_record", "read_record", "record_path", "sha256_of", "write_record"]


class CheckpointError(ValueError):
    """A file of weights that isn't what it must be; the text has the file, what was expected, and what was found."""

    def __init__(self, path: str | os.PathLike[str], expected: str, found: str) -> None:
        super().__init__(path, expected, found)  # as it was called, so that it comes whole out of another process

    def __str__(self) -> str:
        return "{}: expected {}, found {}".format(*self.args)


def record_path(weights: str | os.PathLike[str]) -> Path:
    """Where the record of a file of weights lies."""
    return Path(weights).with_suffix(".json")


def read_record(weights: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The record of a file of weights; None where there is none. Needs no PyTorch, and doesn't read the weights.

    Raises:
        CheckpointError: when the file isn't such a record.
    """
    path = record_path(weights)
    if not path.is_file():
        return None
    expected = f"the record of {Path(weights).name}"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(path, expected, f"no JSON ({error})") from error
    if not isinstance(record, dict) or not isinstance(record.get("sha256"), str):
        raise CheckpointError(path, expected, "JSON without its sha256")
    return record


def check_record(weights: str | os.PathLike[str]) -> dict[str, Any] | None:
    """`read_record`, after checking that it is of this very file.

    Raises:
        CheckpointError: when the file has another SHA-256 than its record, or that can't be read.
    """
    record = read_record(weights)
    if record is not None:
        found = sha256_of(weights)
        if found != record["sha256"]:
            expected = f"the file that {record_path(weights).name} beside it describes, of SHA-256 {record['sha256']}"
            raise CheckpointError(weights, expected, f"{found}. Take both from one place, or remove the record")
    return record


def write_record(weights: str | os.PathLike[str], record: Mapping[str, Any]) -> Path:
    """Write the record of a file of weights, with the file's name and SHA-256 first."""
    path = record_path(weights)
    content = {"weights": Path(weights).name, "sha256": sha256_of(weights)}
    content |= {key: value for key, value in record.items() if key not in content}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=4, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def sha256_of(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with Path(path).open("rb") as file:
        digest = hashlib.sha256()
        while part := file.read(1 << 20):
            digest.update(part)
        return digest.hexdigest()
