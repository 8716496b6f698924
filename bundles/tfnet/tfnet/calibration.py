# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Setting TF-Net's last bias so that 0.5 is the best threshold, on validation crops.

The class weights of the loss make a break-up pixel count a hundredfold, so the masks come out about twice as large as
the truth. A constant added to the logit of break-up takes that back; which constant, the validation crops tell. Test
crops take no part.

Run ``python -m tfnet.calibration --help`` for its use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from litemed.command_line import run_command
from litemed.training.calibration import write_calibrated
from monai.bundle import ConfigParser

from tfnet import BUNDLE_ROOT

if TYPE_CHECKING:
    import torch

__all__ = ["OFFSETS", "calibrate", "calibrate_training"]

OFFSETS = np.linspace(-8, 4, 241)
"""What is tried: -8 to 4 in steps of 0.05, so thresholds from .9997 to .018."""


def calibrate(
    ckpt_path: str,
    output_path: str,
    dataset_dir: str | None = None,
    part: str = "validation",
    variant: str = "mini0",
    spatial_size: Sequence[int] = (256, 256),
) -> None:
    """Write weights whose masks at the fixed threshold 0.5 score best on validation crops.

    Args:
        ckpt_path: the trained weights.
        output_path: file for the new weights; it may be the same.
        dataset_dir: the data set's folder; by default the built-in simulated sample.
        part: the crops to calibrate on; never those to test on.
        variant: of the network.
        spatial_size: width and height that it was trained at.
    """
    parser = ConfigParser()
    parser.read_config(f"{BUNDLE_ROOT}/configs/train.json")
    parser.update({"variant": variant, "spatial_size": list(spatial_size)})
    if dataset_dir is not None:
        parser["dataset_dir"] = str(dataset_dir)
    calibrate_training(parser, ckpt_path, output_path, part)


def calibrate_training(parser: ConfigParser, ckpt_path: str, output_path: str, part: str = "validation") -> None:
    """The same for any network that gives the logits of background and break-up.

    Args:
        parser: of ``configs/train.json``, with the data set, the size and the network.
        ckpt_path: see `calibrate`.
        output_path: see there.
        part: see there.
    """
    parser["validate#dataset#data"] = f"$tfnet.load_cases(@dataset_dir, 'segmentation', {part!r}, crops=@crops)"
    write_calibrated(parser, ckpt_path, output_path, OFFSETS, _of_break_up, part)


def _of_break_up(logits: torch.Tensor, batch: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The difference that decides between break-up and background."""
    return (logits[:, 1:] - logits[:, :1]).float().numpy(), batch["label"].numpy() > 0


if __name__ == "__main__":
    run_command(calibrate, "tfnet.calibration")
