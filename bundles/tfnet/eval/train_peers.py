# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Train and score TF-Net mini0 and PSPNet, U-Net and SegFormer on MobileOne-s0, alike and on the same data.

All start from random initialisation. Each is trained by TF-Net's own configuration with another network, and scored on
the test part.
When the same command is given again, a training that was interrupted goes on, and one that is complete isn't repeated.
The peers' networks come from an environment of their own, which is made at the first run; everything runs in it.

Run:
    python bundles/tfnet/eval/train_peers.py --output_dir OUT [--max_epochs 120]
        [--networks tfnet pspnet unet segformer]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers import BASELINES, ENVIRONMENT, ROOT, declare_operators, environment

OURS = "tfnet"
NETWORKS = (OURS, "pspnet", "unet", "segformer")
CONFIGS = ROOT / "bundles" / "tfnet" / "configs"
COLUMNS = {
    "mDSC": "mean_dice",
    "mIoU": "break_up_mean_iou",
    "mRecall": "break_up_mean_recall",
    "break-up Dice": "break_up_dice",
    "HD95": "monai_hd95",
    "ASSD": "monai_assd",
}
"""Heading, and name in ``scores.json``."""


def overrides(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """What a training changes in TF-Net's configuration: the same for all networks but for the network itself."""
    changed: dict[str, Any] = {
        "output_dir": str(options.output_dir / name),
        "spatial_size": [options.side, options.side],
        "max_epochs": options.max_epochs,
        "lr_patience": options.lr_patience,
        "augmentation": True,
        "compile": options.compile,
    }
    if options.dataset_dir:
        changed["dataset_dir"] = str(options.dataset_dir)
    if name != OURS:
        changed["network_def"] = {"_target_": "peers.baseline", "name": name}
    return changed


def run_bundle(kind: str, changed: dict[str, Any]) -> None:
    """Train or evaluate, in the peers' environment."""
    declare_operators()
    from monai.bundle import run

    files = [str(CONFIGS / "train.json")]
    if kind == "evaluate":
        files.append(str(CONFIGS / "evaluate.json"))
    run(config_file=files, **changed)


def epochs_done(folder: Path) -> int:
    """Epochs in a training's history."""
    history = folder / "history.csv"
    return max(0, len(history.read_text().splitlines()) - 1) if history.exists() else 0


def table(scores: dict[str, dict[str, Any]]) -> str:
    """The scores as a table in Markdown, with intervals.

    Args:
        scores: content of each network's ``scores.json``, by name.
    """
    lines = ["| network | " + " | ".join(COLUMNS) + " |", "| --- |" + " --- |" * len(COLUMNS)]
    for name, found in scores.items():
        cells = [_cell(found["scores"].get(column)) for column in COLUMNS.values()]
        title = "TF-Net mini0" if name == OURS else f"{BASELINES[name].title}, MobileOne-s0"
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(score: dict[str, Any] | None) -> str:
    if score is None or score["mean"] is None:
        return "undefined"
    digits = 1 if score["mean"] > 1 else 3
    interval = "" if score["low"] is None else f" ({score['low']:.{digits}f} to {score['high']:.{digits}f})"
    return f"{score['mean']:.{digits}f}{interval}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--networks", nargs="+", choices=[OURS, *BASELINES], default=list(NETWORKS))
    parser.add_argument("--dataset_dir", type=Path, help="default: the built-in simulated sample")
    parser.add_argument("--max_epochs", type=int, default=120)
    parser.add_argument("--lr_patience", type=int, default=8)
    parser.add_argument("--side", type=int, default=256, help="of the square that crops are stretched to")
    parser.add_argument("--compile", action="store_true", help="compile the networks for training")
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT)
    parser.add_argument("--step", nargs=2, metavar=("KIND", "OVERRIDES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.output_dir = options.output_dir.expanduser().absolute()
    if options.step:
        run_bundle(options.step[0], json.loads(options.step[1]))
        return 0

    python = environment(options.environment)
    scores = {}
    for name in options.networks:
        folder = options.output_dir / name
        changed = overrides(name, options)
        steps = []
        if epochs_done(folder) < options.max_epochs:
            steps.append(("train", changed))
        if steps or not (folder / "evaluation" / "scores.json").exists():
            evaluation = {"output_dir": str(folder / "evaluation"), "ckpt_path": str(folder / "model.pt")}
            steps.append(("evaluate", changed | evaluation | {"compile": False}))
        for kind, values in steps:
            print(f"{kind} {name}", flush=True)
            command = [python, Path(__file__).resolve(), "--output_dir", folder, "--step", kind, json.dumps(values)]
            subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)})
        scores[name] = json.loads((folder / "evaluation" / "scores.json").read_text())
        epochs = {epochs_done(options.output_dir / each) for each in scores}
        text = f"{table(scores)}\n\nMean and 95 % interval over videos; {sorted(epochs)} epochs.\n"
        (options.output_dir / "table.md").write_text(text)
    print((options.output_dir / "table.md").read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
