# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Setting the last bias so that 0.5 is the best threshold, on training pictures.

A network trained with cross entropy gives probabilities, and F1 is highest at a threshold well below 0.5. Adding a
constant to the logits moves that point to 0.5; which constant, the training pictures tell. Test pictures take no part.

Run ``python bundles/mininet/eval/calibration.py --help`` for its use.
"""

from __future__ import annotations

from typing import Any

import torch
from litemed.command_line import run_command
from litemed.training.calibration import write_calibrated
from mininet import BUNDLE_ROOT
from monai.bundle import ConfigParser

__all__ = ["OFFSETS", "calibrate"]

OFFSETS = torch.arange(-80, 81) / 40
"""What is tried: -2 to 2 in steps of 0.025, so thresholds from .12 to .88."""


def calibrate(
    ckpt_path: str,
    dataset_dir: str,
    output_path: str,
    reader: str = "drive",
    part: str = "training+validation",
    config: str | list[str] = f"{BUNDLE_ROOT}/configs/train.json",
    leave_out: str | None = None,
) -> None:
    """Write weights whose masks at the fixed threshold 0.5 score best on training pictures.

    Args:
        ckpt_path: the trained weights.
        dataset_dir: the data set's folder.
        output_path: file for the new weights; it may be the same.
        reader: name of the data set's reader, as in ``train.json``.
        part: the pictures to calibrate on; never those to test on.
        config: configuration, or list of them, of the training.
        leave_out: as in `mininet.load_cases`, for the reader ``"pooled"``.
    """
    parser = ConfigParser()
    parser.read_config(config)
    parser.update({"dataset_dir": dataset_dir, "reader": reader})
    parser["validate#dataset#data"] = f"$mininet.load_cases(@reader, @dataset_dir, {part!r}, leave_out={leave_out!r})"
    parser["validate#dataset#_target_"] = "Dataset"  # each picture is used once
    write_calibrated(parser, ckpt_path, output_path, OFFSETS, _in_region, part)


def _in_region(logits: torch.Tensor, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """What lies in the field of view."""
    truth = batch["label"].as_tensor() > 0
    region = batch["region"].as_tensor() > 0 if "region" in batch else torch.ones_like(truth)
    return logits[region], truth[region]


if __name__ == "__main__":
    run_command(calibrate, "calibration")
