# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Shared library of the litemed bundles: light-weight medical segmentation on MONAI."""

__version__ = "0.1.0"
