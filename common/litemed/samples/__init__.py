# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The built-in real sample (a fluorescence picture with 125 labelled nuclei), and the cache that simulators write into.

A sample is written on first use, below the folder that the environment variable ``LITEMED_HOME`` names, or below
``~/.cache/litemed``, and reused from then on.
"""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, {"cache": ["written_once"], "nuclei_picture": ["nuclei"]})
