# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Command lines whose errors are a line, not a traceback."""

from __future__ import annotations

import sys
from typing import Any

import fire

__all__ = ["run_command"]


def run_command(component: Any, name: str, arguments: list[str] | None = None) -> None:
    """Run a function or class as a command line by fire; an error of the user's input is one line and exit code 2.

    Args:
        component: what to run, see ``fire.Fire``.
        name: of the command, before its errors.
        arguments: by default those of the process.
    """
    try:
        fire.Fire(component, command=arguments, name=name)
    except (OSError, ValueError, ImportError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        sys.exit(130)
