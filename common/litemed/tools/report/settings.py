# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a run was made with: its command, configuration and versions."""

from __future__ import annotations

import ast
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from litemed.tools.workflows import quiet

__all__ = ["command_line", "read_configuration", "read_run", "tunables"]


def read_run(file: Path) -> dict[str, Any]:
    """What :func:`litemed.training.record_run` wrote.

    Raises:
        ValueError: when the file is damaged.
    """
    try:
        run = json.loads(file.read_text())
        return {"command": list(run["command"]), **run}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file} isn't the record of a run: {error!r}") from error


def command_line(command: Sequence[str]) -> str:
    """A command as it was typed."""
    return shlex.join(command)


def read_configuration(run: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The configuration of a ``monai.bundle run``, from the files and overrides that its command names.

    Args:
        run: as :func:`read_run` gives it.

    Returns:
        The configuration with the overrides put in, and the overrides. None where the command is another, or its files
        are gone.
    """
    options = _options(run["command"])
    named = options.pop("config_file", None)
    if named is None:
        return None
    files = [Path(run.get("folder", ".")) / name for name in (named if isinstance(named, list) else [named])]
    if not all(file.is_file() for file in files):
        return None
    with quiet():
        parser = ConfigParser(ConfigParser.load_config_files([str(file) for file in files]))
        parser.update(options)
    return parser.get(), options


def tunables(configuration: Mapping[str, Any]) -> dict[str, str]:
    """The plain values at the top of a configuration: numbers, words, yes or no, and lists of them."""
    plain = {
        key: value
        for key, value in configuration.items()
        if isinstance(value, (int, float, str, list, type(None))) and not _is_expression(value)
    }
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in plain.items()}


def _is_expression(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(each, (dict, list)) or _is_expression(each) for each in value)
    return isinstance(value, str) and value.startswith(("$", "@", "%"))


def _options(command: Sequence[str]) -> dict[str, Any]:
    """``--key value`` and ``--key=value`` of a command, with values as Python reads them."""
    found: dict[str, Any] = {}
    left = iter(command)
    for word in left:
        if word.startswith("--"):
            key, equals, value = word[2:].partition("=")
            found[key] = _value(value if equals else next(left, ""))
    return found


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
