# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What went wrong first, of an error that MONAI wrapped in others."""

from __future__ import annotations

import sys
from types import TracebackType

__all__ = ["cause_of", "tell_causes"]

_WRAPPERS = ("applying transform", "Failed to ")


def cause_of(error: BaseException) -> BaseException:
    """The error that the parser of configurations and the transforms wrapped; itself where they didn't."""
    while error.__cause__ is not None and str(error).startswith(_WRAPPERS):
        error = error.__cause__
    return error


def tell_causes() -> None:
    """Let ``python -m monai.bundle`` end with the cause of an error, not with MONAI's ``Failed to evaluate``.

    The trace stays as it is. In any other program nothing is changed.
    """
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if getattr(spec, "name", None) != "monai.bundle.__main__" or getattr(sys.excepthook, "tells_causes", False):
        return
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before(kind, error, trace)
        cause = _in_a_line(cause_of(error))
        if cause != _in_a_line(error):
            print(f"\n{cause}", file=sys.stderr)

    hook.tells_causes = True  # type: ignore[attr-defined]  # another bundle's copy of this module asks for it
    sys.excepthook = hook


def _in_a_line(error: BaseException) -> str:
    """As Python says it; of an error that a data loader's worker gave as the text of its trace, the first one there."""
    text = str(error)
    if text.startswith("Caught ") and "\nOriginal Traceback" in text:
        return text.split("\n\nThe above exception")[0].strip().splitlines()[-1]
    return f"{type(error).__name__}: {' '.join(text.split())}"
