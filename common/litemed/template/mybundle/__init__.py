"""Segmentation of what your masks mark."""

from __future__ import annotations

from pathlib import Path

from mybundle.network import Network

BUNDLE_ROOT = str(Path(__file__).resolve().parents[1])
"""The bundle's folder, wherever it was put."""

__all__ = ["BUNDLE_ROOT", "Network"]
