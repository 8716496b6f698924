# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The paper's ablation of loss functions (Table VI): seven combinations of terms, with alpha and without.

Run ``python bundles/mininet/eval/loss_ablation.py --help`` for its use.
"""

from __future__ import annotations

from pathlib import Path

from litemed.command_line import run_command
from litemed.metrics.tables import Table, write_rows
from litemed.tools.workflows import run_training
from mininet import BUNDLE_ROOT

__all__ = ["COMBINATIONS", "run"]

COMBINATIONS: dict[str, tuple[list[str], float | str]] = {
    "dice": (["dice"], 1),
    "jaccard": (["jaccard"], 1),
    "bce_dice": (["bce", "dice"], 1),
    "alpha_bce_dice": (["bce", "dice"], "error"),
    "alpha_jaccard": (["jaccard"], "error"),
    "alpha_bce_jaccard": (["bce", "jaccard"], "error"),
    "alpha_dice_bce_jaccard": (["dice", "bce", "jaccard"], "error"),
}
"""The rows of Table VI: name, and the loss's terms and alpha."""

COLUMNS = ("f1", "region_iou", "region_sensitivity", "region_specificity", "region_accuracy", "region_auc")


def run(
    dataset_dir: str,
    reader: str = "chasedb1",
    output_dir: str = f"{BUNDLE_ROOT}/runs/ablation",
    max_epochs: int = 60,
    val_interval: int = 10,
    compile: bool = False,
) -> None:
    """Train and test Mini-Net with each loss of the table, and write their scores on the test part.

    A loss that was finished earlier is not run again, and one that was interrupted goes on from its last epoch.

    Args:
        dataset_dir: the data set's folder.
        reader: name of its reader, as in ``train.json``.
        output_dir: folder for the runs and for ``ablation.csv``.
        max_epochs: epochs of each training; finished losses keep the number they were run with.
        val_interval: epochs between two validations; the best of them is tested.
        compile: compile the network first, which shortens a training of more than a few minutes.
    """
    rows = []
    for name, (terms, alpha) in COMBINATIONS.items():
        folder = Path(output_dir) / name
        scores = folder / "evaluation" / "scores.json"
        data = {"dataset_dir": dataset_dir, "reader": reader}
        if not scores.exists():
            print(f"\n{name}", flush=True)
            loss = {"loss_terms": terms, "loss_alpha": alpha}
            schedule = {"max_epochs": max_epochs, "val_interval": val_interval, "compile": compile}
            run_training(BUNDLE_ROOT, ["train"], **data, **loss, **schedule, output_dir=str(folder))
            run_training(
                BUNDLE_ROOT,
                ["train", "evaluate"],
                **data,
                ckpt_path=str(folder / "model.pt"),
                output_dir=str(scores.parent),
            )
        rows.append({"loss": name, **Table.read(scores).means(COLUMNS)})
    write_rows(Path(output_dir) / "ablation.csv", rows)
    print("\n" + (Path(output_dir) / "ablation.csv").read_text())


if __name__ == "__main__":
    run_command(run, "loss_ablation", resumes=True)
