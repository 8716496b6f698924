# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Shared library of the litemed bundles: light-weight medical segmentation on MONAI."""

from litemed.causes import tell_causes

__version__ = "0.1.0"

tell_causes()
