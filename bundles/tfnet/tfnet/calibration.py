# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Setting TF-Net's last bias so that 0.5 is the best threshold, on validation crops.

The class weights of the loss make a break-up pixel count a hundredfold, so the masks come out about twice as large as
the truth. A constant added to the logit of break-up takes that back; which constant, the validation crops tell. Test
crops take no part.

Run ``python -m tfnet.calibration --help`` for its use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from litemed.command_line import run_command
from litemed.training.checkpoints import load_checkpoint, save_checkpoint
from litemed.training.logit_offset import best_offset
from litemed.training.weight_record import read_record
from monai.bundle import ConfigParser
from torch import nn
from tqdm import tqdm

from tfnet import BUNDLE_ROOT

__all__ = ["OFFSETS", "calibrate", "write_calibrated"]

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
    write_calibrated(parser, ckpt_path, output_path, part)


def write_calibrated(parser: ConfigParser, ckpt_path: str, output_path: str, part: str = "validation") -> None:
    """Write weights of a training's network, its last convolution's bias changed so that 0.5 is the best threshold.

    Args:
        parser: of ``configs/train.json``, with the data set, the size and the network: any that gives the logits of
            background and break-up.
        ckpt_path: see `calibrate`.
        output_path: see there.
        part: see there.
    """
    parser["validate#dataset#data"] = f"$tfnet.load_cases(@dataset_dir, 'segmentation', {part!r}, crops=@crops)"
    network = parser.get_parsed_content("network_def")
    load_checkpoint(network, ckpt_path)
    network.eval()
    inferer = parser.get_parsed_content("validate#inferer")

    def scored() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for batch in tqdm(parser.get_parsed_content("validate#dataloader"), desc="calibrating", disable=None):
            with torch.no_grad():
                logits = inferer(batch["image"].as_tensor(), network)
            yield (logits[:, 1:] - logits[:, :1]).float().numpy(), batch["label"].numpy() > 0

    offset, before, after = best_offset(scored(), OFFSETS)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    biases = [each.bias for each in convolutions if each.bias is not None]
    with torch.no_grad():
        biases[-1].add_(torch.tensor([0.0, offset]))
    save_checkpoint(output_path, network, record=read_record(ckpt_path))
    print(f"added {offset:+.2f} to the last bias of break-up: Dice on {part} {before:.4f} -> {after:.4f}")
    print(f"written to {output_path}")


if __name__ == "__main__":
    run_command(calibrate, "tfnet.calibration")
