# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Packing bundles for a model zoo, verifying them as the zoo does, and laying out a zoo of one's own."""

from __future__ import annotations

from litemed.packaging.pack import pack
from litemed.packaging.publish import publish
from litemed.packaging.verify import Check, verify

__all__ = ["Check", "pack", "publish", "verify"]
