# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The baselines of the TF-Net paper's table, from segmentation_models_pytorch, in an environment of their own.

All have the encoder MobileOne-s0 and start from random initialisation: nothing downloads weights. The environment
also holds litemed, so that TF-Net and its peers are trained and timed by the same packages.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["BASELINES", "ENVIRONMENT", "Baseline", "baseline", "declare_operators", "environment", "fused"]

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = Path("~/.cache/litemed/tfnet-peers").expanduser()
REQUIREMENTS = ("torch==2.13.0", "torchvision==0.28.0", "segmentation_models_pytorch==0.6.0")

ENCODER = "mobileone_s0"


@dataclass(frozen=True)
class Baseline:
    """A row of the paper's table (Table III, MobileOne-s0).

    Attributes:
        title: as the paper writes it.
        architecture: class of segmentation_models_pytorch.
        parameters: published, in millions, trained and fused.
        gmac: published, at 512x512, trained and fused.
    """

    title: str
    architecture: str
    parameters: tuple[float, float]
    gmac: tuple[float, float]


BASELINES = {
    "unet": Baseline("U-Net", "Unet", (8.6, 5.4), (18.9, 14.4)),
    "unetplusplus": Baseline("U-Net++", "UnetPlusPlus", (9.9, 6.7), (45.4, 41.0)),
    "deeplabv3": Baseline("DeepLabv3", "DeepLabV3", (12.8, 9.6), (52.1, 38.3)),
    "deeplabv3plus": Baseline("DeepLabv3+", "DeepLabV3Plus", (6.1, 2.9), (9.7, 4.6)),
    "fpn": Baseline("FPN", "FPN", (6.3, 3.1), (14.1, 9.7)),
    "pan": Baseline("PAN", "PAN", (4.5, 1.3), (7.2, 2.2)),
    "pspnet": Baseline("PSPNet", "PSPNet", (4.4, 1.2), (3.4, 1.3)),
    "manet": Baseline("MANet", "MAnet", (36.2, 33.0), (24.7, 20.2)),
    "linknet": Baseline("LinkNet", "Linknet", (5.8, 2.6), (8.7, 4.3)),
    "upernet": Baseline("UPerNet", "UPerNet", (14.3, 11.1), (58.9, 54.5)),
    "segformer": Baseline("SegFormer", "Segformer", (5.0, 1.8), (12.6, 8.1)),
}
"""All eleven, by the names used here."""


def environment(folder: Path = ENVIRONMENT) -> Path:
    """The interpreter of the environment, made if it isn't there."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    needed = ("segmentation_models_pytorch", "torchvision", "litemed", "openvino", "onnxruntime", "onnxscript")
    probe = f"import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, {needed})))"
    if not python.exists() or subprocess.run([python, "-c", probe], check=False).returncode:
        print(f"making the environment {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        install: list[str | Path] = [python, "-m", "pip", "install", "--quiet"]
        install += ["--constraint", ROOT / "constraints.txt"]
        subprocess.run([*install, *REQUIREMENTS, "--editable", f"{ROOT}[export,video]"], check=True)
    return python


@lru_cache(maxsize=1)
def declare_operators() -> object:
    """Let torchvision be imported beside any build of torch. To be called before anything imports it.

    Its compiled operators fit one build of torch only; their schemas are all that its import asks for.
    """
    import torch

    operators = torch.library.Library("torchvision", "DEF")
    operators.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    operators.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return operators


def baseline(name: str, in_channels: int = 3, out_channels: int = 2) -> nn.Module:
    """A baseline with MobileOne-s0, randomly initialised, which gives logits of the image's size.

    Args:
        name: a key of :data:`BASELINES`.
        in_channels: channels of the image.
        out_channels: channels of the logits.

    Raises:
        ValueError: for another name.
    """
    if name not in BASELINES:
        raise ValueError(f"expected a baseline among {', '.join(BASELINES)}, got {name!r}")
    declare_operators()
    import segmentation_models_pytorch
    from torch import nn

    network = getattr(segmentation_models_pytorch, BASELINES[name].architecture)(
        encoder_name=ENCODER, encoder_weights=None, in_channels=in_channels, classes=out_channels
    )
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.stride == (2, 2):
            # the same pixels, taken before: torch 2.13 corrupts memory in the backward pass of a strided 1x1
            # convolution of 3 channels in channels-last order on a CPU
            module.stride = (1, 1)
            module.register_forward_pre_hook(_every_second_pixel)
    return network


def _every_second_pixel(module: nn.Module, inputs: tuple[Any, ...]) -> torch.Tensor:
    return inputs[0][:, :, ::2, ::2]


def fused(network: nn.Module) -> nn.Module:
    """A copy of a baseline in evaluation mode whose MobileOne blocks are one convolution each, as the encoder's own
    package folds them."""
    from segmentation_models_pytorch.encoders.mobileone import reparameterize_model

    return reparameterize_model(network.eval())
