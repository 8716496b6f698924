# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Time of a loss's forward and backward pass beside the pixel loss or the library loss it stands for.

Run: python ci/bench_losses.py [--batch 16] [--repeats 7] [--threads 1]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from litemed.losses.alpha_compound import AlphaCompoundLoss
from litemed.losses.class_weighted_cross_entropy import ClassWeightedCrossEntropyLoss
from litemed.losses.tiu import TIULoss
from monai.losses import DiceCELoss, DiceLoss

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

EYE = {
    "contains": [("sclera", "iris"), ("iris", "pupil")],
    "exclusive": [("sclera", "pupil")],
    "names": ("background", "sclera", "iris", "pupil", "caruncle"),
    "occluders": ["background"],
    "to_onehot_y": True,
}


def seconds(loss: Loss, logits: torch.Tensor, target: torch.Tensor, repeats: int) -> float:
    """Wall time of one forward and backward pass, the least disturbed of all."""
    times = []
    for _ in range(repeats):
        logits = logits.detach().requires_grad_()
        start = time.perf_counter()
        loss(logits, target).backward()
        times.append(time.perf_counter() - start)
    return min(times)


def report(title: str, losses: dict[str, Loss], logits: torch.Tensor, target: torch.Tensor, repeats: int) -> None:
    """Print each loss's time and its ratio to the first one's."""
    print(f"\n{title}, logits {tuple(logits.shape)}")
    base = None
    for name, loss in losses.items():
        elapsed = seconds(loss, logits, target, repeats)
        base = base or elapsed
        print(f"  {name:44s} {elapsed * 1e3:9.1f} ms  {elapsed / base:5.2f}x")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=16, help="images a batch")
    parser.add_argument("--repeats", type=int, default=7, help="timed passes, of which the fastest counts")
    parser.add_argument("--threads", type=int, default=1, help="threads of the CPU")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    generator = torch.Generator().manual_seed(0)

    def random(shape: tuple[int, ...]) -> torch.Tensor:
        return torch.randn(options.batch, *shape, generator=generator)

    def classes(number: int, shape: tuple[int, ...]) -> torch.Tensor:
        return torch.randint(number, (options.batch, 1, *shape), generator=generator)

    cross_entropy = ClassWeightedCrossEntropyLoss()
    report(
        "Eye regions, five classes",
        {
            "cross entropy": cross_entropy,
            "Dice (MONAI)": DiceLoss(softmax=True, to_onehot_y=True),
            "cross entropy + TIU, disjoint": TIULoss(cross_entropy, **EYE),
            "cross entropy + TIU, multi-scale term only": TIULoss(cross_entropy, lambda_relation=0, **EYE),
            "cross entropy + TIU, relations only": TIULoss(cross_entropy, lambda_multiscale=0, **EYE),
            "cross entropy + TIU, printed": TIULoss(cross_entropy, mode="printed", **EYE),
        },
        random((5, 320, 480)),
        classes(5, (320, 480)),
        options.repeats,
    )
    dice_bce, jaccard = DiceCELoss(sigmoid=True), DiceLoss(sigmoid=True, jaccard=True)
    report(
        "Vessels, one class",
        {
            "Dice + BCE + Jaccard (MONAI's losses summed)": lambda x, y: dice_bce(x, y) + jaccard(x, y),
            "alpha (Dice + BCE + Jaccard)": AlphaCompoundLoss(sigmoid=True),
        },
        random((1, 512, 512)),
        classes(2, (512, 512)).float(),
        options.repeats,
    )


if __name__ == "__main__":
    main()
