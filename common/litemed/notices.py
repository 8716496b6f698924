# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a user should know of a result that is good all the same."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Notice", "collect_notices"]


class Notice(UserWarning):
    """A warning about the user's input, told with the result: a box was clipped, a size is not in millimetres."""


@contextmanager
def collect_notices() -> Iterator[list[str]]:
    """Keep the notices of a block: the list holds them, each once, when the block has ended."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", Notice)
        try:
            yield found
        finally:
            found += dict.fromkeys(str(each.message) for each in caught if issubclass(each.category, Notice))
    for each in caught:
        if not issubclass(each.category, Notice):
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
