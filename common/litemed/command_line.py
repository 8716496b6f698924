# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Command lines whose errors are a line, not a traceback."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import fire

__all__ = ["run_command"]


def run_command(component: Any, name: str, arguments: list[str] | None = None, resumes: bool = False) -> None:
    """Run a function or class as a command line by fire; an error of the user's input is one line and exit code 2.

    An unknown option is refused before anything is done, and not afterwards, as fire does.

    Args:
        component: what to run, see ``fire.Fire``.
        name: of the command, before its errors.
        arguments: by default those of the process.
        resumes: the same command goes on after an interruption, and says so.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        _refuse_unknown_options(component, given)
        fire.Fire(component, command=given, name=name)
    except (OSError, ValueError, ImportError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"{name}: interrupted" + ": the same command goes on from here" * resumes, file=sys.stderr)
        sys.exit(130)


def _refuse_unknown_options(component: Any, arguments: list[str]) -> None:
    function = component
    if inspect.isclass(component):
        function = getattr(component, arguments[0].replace("-", "_"), None) if arguments else None
    if not inspect.isfunction(function):
        return
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    known = {"help", *parameters, *(f"no{name}" for name in parameters)} - {"self", "noself"}
    for argument in arguments:
        if argument == "--":
            return
        option = argument.partition("=")[0]
        if len(option) > 3 and option.startswith("--") and option[2:].replace("-", "_") not in known:
            options = ", ".join(f"--{name}" for name in parameters if name != "self")
            raise ValueError(f"unknown option {option}: expected one of {options}")
