# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Blocks and networks that several bundles share."""

from __future__ import annotations
