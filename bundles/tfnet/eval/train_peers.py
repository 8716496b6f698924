# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Train and score TF-Net mini0 and baselines such as PSPNet and PAN on MobileOne-s0, alike and on the same data.

All start from random initialisation. Each is trained by TF-Net's own configuration, and what is laid over it, with
another network, and scored on the test part.
When the same command is given again, a training that was interrupted goes on, and one that is complete isn't repeated.
The peers' networks come from an environment of their own, which is made at the first run; everything runs in it.

Run:
    python bundles/tfnet/eval/train_peers.py --output_dir OUT [--max_epochs 120]
        [--networks tfnet pspnet unet segformer] [--configs devices.json] [--calibrate] [--speed SPEED.json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
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
        "autocast": options.autocast,
    }
    if options.dataset_dir:
        changed["dataset_dir"] = options.dataset_dir
    if name != OURS:
        changed["network_def"] = {"_target_": "peers.baseline", "name": name}
    return changed


def run_bundle(kind: str, changed: dict[str, Any], configs: Sequence[str] = ()) -> None:
    """Train, calibrate or evaluate, in the peers' environment.

    Args:
        kind: which of them.
        changed: see `overrides`; of a calibration with the ``output_path`` of its weights.
        configs: names of files in ``configs/`` that are laid over ``train.json`` for the training.
    """
    declare_operators()
    from monai.bundle import ConfigParser, run

    files = [str(CONFIGS / "train.json")]
    if kind == "calibrate":
        from tfnet.calibration import calibrate_training

        parser = ConfigParser()
        parser.read_config(files)
        parser.update(changed)
        calibrate_training(parser, changed["ckpt_path"], changed["output_path"])
        return
    files += [str(CONFIGS / name) for name in (["evaluate.json"] if kind == "evaluate" else configs)]
    run(config_file=files, **changed)


def epochs_done(folder: Path) -> int:
    """Epochs in a training's history."""
    history = folder / "history.csv"
    return max(0, len(history.read_text().splitlines()) - 1) if history.exists() else 0


def table(scores: dict[str, dict[str, Any]], speed: Sequence[dict[str, Any]] = ()) -> str:
    """The scores as a table in Markdown, with intervals.

    Args:
        scores: content of each network's ``scores.json``, by name.
        speed: the rows of ``peers`` in ``speed.json`` of ``bench_tfnet.py``; with them each runtime's milliseconds, and
            mDSC per millisecond, follow.
    """
    times = {row["network"]: {key: value for key, value in row.items() if key.startswith("ms, ")} for row in speed}
    runtimes = list(next(iter(times.values()), {}))
    heads = [*COLUMNS, *(head for runtime in runtimes for head in (runtime, f"mDSC per {runtime}"))]
    lines = ["| network | " + " | ".join(heads) + " |", "| --- |" + " --- |" * len(heads)]
    for name, found in scores.items():
        cells = [_cell(found["scores"].get(column)) for column in COLUMNS.values()]
        title = "TF-Net mini0" if name == OURS else BASELINES[name].title
        for runtime in runtimes:
            spent = times.get(title, {}).get(runtime)
            if spent is None:
                cells += ["not timed", ""]
            else:
                cells += [f"{spent:.1f}", f"{found['scores']['mean_dice']['mean'] / spent:.4f}"]
        lines.append(f"| {title if name == OURS else title + ', MobileOne-s0'} | " + " | ".join(cells) + " |")
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
    parser.add_argument("--dataset_dir", nargs="+", help="default: the built-in simulated sample")
    parser.add_argument("--test_dir", help="data set whose test part is scored; default: that of the training")
    parser.add_argument("--configs", nargs="+", default=[], metavar="FILE", help="of configs/, laid over train.json")
    parser.add_argument("--calibrate", action="store_true", help="set each network's last bias on validation crops")
    parser.add_argument("--autocast", action="store_true", help="train in bfloat16")
    parser.add_argument("--max_epochs", type=int, default=120)
    parser.add_argument("--lr_patience", type=int, default=8)
    parser.add_argument("--side", type=int, default=256, help="of the square that crops are stretched to")
    parser.add_argument("--compile", action="store_true", help="compile the networks for training")
    parser.add_argument("--speed", type=Path, help="speed.json of bench_tfnet.py peers, for mDSC per millisecond")
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT)
    parser.add_argument("--step", nargs=2, metavar=("KIND", "OVERRIDES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.output_dir = options.output_dir.expanduser().absolute()
    if options.step:
        run_bundle(options.step[0], json.loads(options.step[1]), options.configs)
        return 0

    speed = json.loads(options.speed.read_text())["peers"] if options.speed else []
    python = environment(options.environment)
    scores = {}
    for name in options.networks:
        folder = options.output_dir / name
        changed = overrides(name, options)
        weights, scored = folder / "model.pt", folder / "evaluation"
        steps: list[tuple[str, dict[str, Any]]] = []
        if epochs_done(folder) < options.max_epochs:
            steps.append(("train", changed))
        if options.calibrate:
            weights, scored = folder / "calibrated.pt", folder / "evaluation_calibrated"
            if steps or not weights.exists():
                paths = {"ckpt_path": str(folder / "model.pt"), "output_path": str(weights)}
                steps.append(("calibrate", changed | paths | {"compile": False}))
        if options.test_dir:
            scored = scored / Path(options.test_dir).name
        if steps or not (scored / "scores.json").exists():
            evaluation = {"output_dir": str(scored), "ckpt_path": str(weights), "compile": False}
            tested = {"dataset_dir": options.test_dir} if options.test_dir else {}
            steps.append(("evaluate", changed | evaluation | tested))
        for kind, values in steps:
            print(f"{kind} {name}", flush=True)
            command = [python, Path(__file__).resolve(), "--output_dir", folder, "--step", kind, json.dumps(values)]
            if options.configs:
                command += ["--configs", *options.configs]
            subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)})
        scores[name] = json.loads((scored / "scores.json").read_text())
        epochs = {epochs_done(options.output_dir / each) for each in scores}
        text = f"{table(scores, speed)}\n\nMean and 95 % interval over videos; {sorted(epochs)} epochs.\n"
        (options.output_dir / "table.md").write_text(text)
    print((options.output_dir / "table.md").read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
