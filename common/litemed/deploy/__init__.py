# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Networks exported once and run by the fastest runtime that is installed, as drop-in callables."""

from __future__ import annotations

from litemed.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "box_networks": ["BoxDeployment", "ExportedBoxNetwork", "deploy_boxes"],
        "deployed_network": ["DeployedNetwork"],
        "onnx": ["cached_onnx", "export_onnx"],
        "picture_inferer": ["PictureInferer"],
        "runtimes": ["RUNTIMES", "available_runtimes", "deploy"],
    },
)
