# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Moving a network's last bias so that 0.5 is the best threshold of its probabilities."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from monai.bundle import ConfigParser

__all__ = ["best_offset", "write_calibrated"]


def best_offset(pictures: Iterable[tuple[Any, Any]], offsets: Sequence[float] | Any) -> tuple[float, float, float]:
    """The constant that, added to the logits, gives the highest mean Dice (F1) of the masks where they are above 0.

    Args:
        pictures: for each picture the logits of its scored pixels and the true mask (bool), arrays or tensors on the
            CPU, of equal shape.
        offsets: the constants to try, rising, on both sides of 0.

    Returns:
        the constant, the mean Dice without it and the mean Dice with it. A picture without anything to find and
        without anything marked scores 1.

    Raises:
        ValueError: when there is no picture.
    """
    offsets = np.asarray(offsets)
    scores = []
    for logits, truth in pictures:
        logits, truth = np.asarray(logits), np.asarray(truth)
        marked, hits = (
            len(part) - np.searchsorted(np.sort(part), -offsets, "right") for part in (logits.ravel(), logits[truth])
        )
        total = marked + np.count_nonzero(truth)
        scores.append(np.where(total > 0, 2 * hits / np.maximum(total, 1), 1.0))
    if not scores:
        raise ValueError("no picture to calibrate on")
    mean = np.mean(scores, axis=0)
    best = int(mean.argmax())
    return float(offsets[best]), float(np.interp(0, offsets, mean)), float(mean[best])


def write_calibrated(
    parser: ConfigParser,
    ckpt_path: str | os.PathLike[str],
    output_path: str | os.PathLike[str],
    offsets: Sequence[float] | Any,
    scored: Callable[[Any, dict[str, Any]], tuple[Any, Any]],
    part: str,
) -> None:
    """Write weights whose masks at the fixed threshold 0.5 score best on the pictures that a training validates on.

    The last entry of the last convolution's bias is moved, and nothing else; it belongs to the structure that is
    looked for. What was added, and the mean Dice before and after, is printed.

    Args:
        parser: of a bundle's ``train.json``, whose ``validate#dataset#data`` are the pictures to calibrate on; never
            those to test on.
        ckpt_path: the trained weights.
        output_path: file for the new weights, with the record of the old ones; it may be the same.
        offsets: see `best_offset`.
        scored: what of the network's outputs, shape (N, C, H, W), and of a batch is scored, as `best_offset` wants it.
        part: what the pictures are called in what is printed.
    """
    import torch
    from monai.utils import convert_to_tensor
    from torch import nn
    from tqdm import tqdm

    from litemed.training.checkpoints import load_checkpoint, save_checkpoint
    from litemed.training.weight_record import read_record

    network = parser.get_parsed_content("network_def")
    load_checkpoint(network, ckpt_path)
    network.eval()
    inferer = parser.get_parsed_content("validate#inferer")

    def pictures() -> Iterator[tuple[Any, Any]]:
        for batch in tqdm(parser.get_parsed_content("validate#dataloader"), desc="calibrating", disable=None):
            with torch.no_grad():
                outputs = inferer(convert_to_tensor(batch["image"]), network)
            yield scored(outputs, batch)

    offset, before, after = best_offset(pictures(), offsets)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    with torch.no_grad():
        [each.bias for each in convolutions if each.bias is not None][-1][-1] += offset
    save_checkpoint(output_path, network, record=read_record(ckpt_path))
    print(f"added {offset:+.3f} to the last bias: Dice on {part} {before:.4f} -> {after:.4f}; written to {output_path}")
