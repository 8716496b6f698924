# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Making new bundles, packing them for a model zoo, verifying them as the zoo does, and a zoo of one's own."""

from __future__ import annotations

from litemed.packaging.new import new_bundle
from litemed.packaging.pack import pack
from litemed.packaging.publish import publish
from litemed.packaging.verify import Check, verify

__all__ = ["Check", "new_bundle", "pack", "publish", "verify"]
