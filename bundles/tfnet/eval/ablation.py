# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The paper's ablations of TF-Net (crop, loss, pooling, skips), and its test on frames with and without break-up.

Run ``python bundles/tfnet/eval/ablation.py --help`` for its use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litemed.command_line import run_command
from litemed.metrics.tables import Table, write_rows
from litemed.tools.workflows import run_training
from tfnet import BUNDLE_ROOT

__all__ = ["FRAMES", "VARIANTS", "run"]

VARIANTS: dict[str, dict[str, Any]] = {
    "tfnet": {},
    "plain_loss": {"weighted": False},
    "no_ppm": {"use_ppm": False},
    "no_skips": {"use_skips": False},
    "no_ppm_no_skips": {"use_ppm": False, "use_skips": False},
    "whole_frame": {"crops": None},
}
"""What is trained: TF-Net, and TF-Net with one thing changed (Tables V and VI), as overrides of ``train.json``."""

FRAMES = {"broken": "broken_only", "not_broken": "non_broken", "all": "full"}
"""What the first network is tested on: crops with break-up, without, and all."""

COLUMNS = ("mean_dice", "break_up_mean_iou", "break_up_mean_recall", "break_up_dice", "break_up_precision")
FRAME_COLUMNS = ("published_mean_dice", "mean_dice", "break_up_mean_iou", "break_up_mean_fpr", "break_up_false_area")


def run(
    dataset_dir: str | None = None,
    output_dir: str = f"{BUNDLE_ROOT}/runs/ablation",
    max_epochs: int = 20,
    side: int = 192,
    augmentation: bool = True,
    ema_momentum: float = 0.02,
    lr_patience: int = 3,
) -> None:
    """Train and test each variant, test the first on three kinds of frames, and write the two tables.

    What was finished earlier is not run again, and an interrupted training goes on from its last epoch.

    Args:
        dataset_dir: the data set's folder; by default the built-in simulated sample.
        output_dir: folder for the runs, ``ablation.csv`` and ``frames.csv``.
        max_epochs: epochs of each training; finished ones keep the number they were run with.
        side: pixels of a side of the networks' input.
        augmentation: flips and mild changes of intensity; the paper has none.
        ema_momentum: of the average of the weights that is tested; 1 is the newest weights, as in the paper.
        lr_patience: epochs without a lower validation loss before the learning rate is halved; the paper's is 3.
    """
    folder = Path(output_dir)
    data = {"spatial_size": [side, side]} | ({} if dataset_dir is None else {"dataset_dir": str(dataset_dir)})
    training = {
        "max_epochs": max_epochs,
        "augmentation": augmentation,
        "ema_momentum": ema_momentum,
        "lr_patience": lr_patience,
    }
    rows = []
    for name, changed in VARIANTS.items():
        scores = folder / name / "evaluation" / "scores.json"
        if not scores.exists():
            print(f"\n{name}", flush=True)
            run_training(BUNDLE_ROOT, ["train"], **data, **training, **changed, output_dir=str(folder / name))
            _test(folder / name, scores.parent, **data, **changed)
        rows.append({"network": name, **Table.read(scores).means(COLUMNS)})
    _write(folder / "ablation.csv", rows)
    rows = []
    for name, crops in FRAMES.items():
        scores = folder / "tfnet" / f"evaluation_{crops}" / "scores.json"
        if not scores.exists():
            _test(folder / "tfnet", scores.parent, **data, crops=crops)
        rows.append({"frames": name, **Table.read(scores).means(FRAME_COLUMNS)})
    _write(folder / "frames.csv", rows)


def _test(trained: Path, output_dir: Path, **overrides: Any) -> None:
    weights = {"ckpt_path": str(trained / "model.pt"), "output_dir": str(output_dir)}
    run_training(BUNDLE_ROOT, ["train", "evaluate"], **overrides, **weights)


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    write_rows(path, rows)
    print("\n" + path.read_text())


if __name__ == "__main__":
    run_command(run, "ablation", resumes=True)
