# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""A page in the browser: outline objects by boxes, clicks and strokes, and run what else the bundles offer."""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, {"server": ["create_app"], "serving": ["serve"]})
