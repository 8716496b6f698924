# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Networks exported once and run by the fastest runtime that is installed, as drop-in callables."""

from __future__ import annotations

from litemed.deploy.box_networks import BoxDeployment, ExportedBoxNetwork, deploy_boxes
from litemed.deploy.onnx import cached_onnx, export_onnx
from litemed.deploy.runtimes import RUNTIMES, available_runtimes, deploy

__all__ = [
    "RUNTIMES",
    "BoxDeployment",
    "ExportedBoxNetwork",
    "available_runtimes",
    "cached_onnx",
    "deploy",
    "deploy_boxes",
    "export_onnx",
]
