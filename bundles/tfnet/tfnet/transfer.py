# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Starting the frame classifier from TF-Net, which has learned from masks what break-up looks like in the same window.

Run ``python -m tfnet.transfer --help`` for its use.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from litemed.command_line import run_command
from litemed.training.checkpoints import load_checkpoint, save_checkpoint

from tfnet.classifier import FrameClassifier
from tfnet.network import VARIANTS, TFNet

__all__ = ["classifier_from_segmenter", "run"]

_FIRST = "encoder.stem.0."


def classifier_from_segmenter(segmenter: Mapping[str, torch.Tensor], variant: str = "mini0") -> FrameClassifier:
    """A classifier of grey frames with TF-Net's encoder and an untrained head.

    A grey picture in three equal channels gives the same as one channel with the sum of the three's weights, so the
    encoder's maps are those of TF-Net.

    Args:
        segmenter: weights of TF-Net.
        variant: of TF-Net; the classifier gets its width.
    """
    classifier = FrameClassifier(VARIANTS[variant], in_channels=1)
    state = classifier.state_dict()
    for name in state:
        if name.startswith("encoder."):
            weight = segmenter[name]
            first = name.startswith(_FIRST) and weight.ndim == 4
            state[name] = weight.sum(dim=1, keepdim=True) if first else weight
    classifier.load_state_dict(state)
    return classifier


def run(ckpt_path: str, output_path: str, variant: str = "mini0", seed: int = 0) -> None:
    """Write weights for ``--init_path`` of ``train_classifier.json``.

    Args:
        ckpt_path: weights of TF-Net.
        output_path: file for the classifier's.
        variant: of TF-Net.
        seed: of the untrained head.
    """
    torch.manual_seed(seed)
    segmenter = TFNet(variant)
    load_checkpoint(segmenter, ckpt_path)
    save_checkpoint(output_path, classifier_from_segmenter(segmenter.state_dict(), variant))
    print(f"written to {output_path}")


if __name__ == "__main__":
    run_command(run, "tfnet.transfer")
