# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""One HTML page that shows a run: curves, scores, best and worst cases. It needs no other file and no network."""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, {"writing": ["write_report"]})
