# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The experiments on vessels of several cameras: trained together, with one set left out, and other small networks.

Run ``python bundles/mininet/eval/vessels.py --help`` for its use.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import torch
from calibration import calibrate
from ignite.engine import Engine, Events
from litemed.command_line import refuse_unknown_ids, run_command
from litemed.datasets.files import check_option
from mininet import BUNDLE_ROOT
from monai.bundle import ConfigParser, ConfigWorkflow
from set_scores import score_sets

__all__ = ["EXPERIMENTS", "check_options", "run", "stop", "trained"]

CONFIGS = [f"{BUNDLE_ROOT}/configs/train.json", f"{BUNDLE_ROOT}/configs/pooled.json"]
SETS = ("drive", "chasedb1", "hrf", "fives")
LAST = {"train_part": "training+validation", "keep": "last"}
WARM = {**LAST, "max_epochs": 30, "learning_rate": 0.003, "val_interval": 10}
W_NET_LOSS = {
    "_target_": "monai.losses.DeepSupervisionLoss",
    "weight_mode": "same",
    "loss": {
        "_target_": "litemed.losses.AlphaCompoundLoss",
        "terms": "@loss_terms",
        "alpha": "@loss_alpha",
        "batch": "@loss_batch",
        "sigmoid": True,
    },
}
NETWORKS: dict[str, dict[str, Any]] = {
    "mininet": {},
    "small_unet": {"network_def": {"_target_": "controls.SmallUNet"}},
    "w_net": {"network_def": {"_target_": "controls.WNet"}, "loss": W_NET_LOSS},
    "expanded_shortcut": {"network_def": {"_target_": "controls.rearranged", "block": "expanded_shortcut"}},
    "deconvolutions_first": {"network_def": {"_target_": "controls.rearranged", "block": "deconvolutions_first"}},
    "basic_unet": {
        "network_def": {
            "_target_": "monai.networks.nets.BasicUNet",
            "spatial_dims": 2,
            "in_channels": 3,
            "out_channels": 1,
            "features": [8, 8, 16, 32, 64, 8],
            "norm": "batch",
        },
        "validate#inferer#divisor": 16,
    },
}


def _shipped(name: str) -> str:
    return f"{BUNDLE_ROOT}/models/{name}.pt"


EXPERIMENTS: dict[str, dict[str, Any]] = {
    "pooled_warm": {**WARM, "init_path": _shipped("model_drive")},
    "without_hrf_warm": {**WARM, "init_path": _shipped("model_drive"), "leave_out": "hrf"},
    "without_chasedb1_warm": {**WARM, "init_path": _shipped("model_drive"), "leave_out": "chasedb1"},
    "without_fives_warm": {**WARM, "init_path": _shipped("model_drive"), "leave_out": "fives"},
    "without_drive_warm": {**WARM, "init_path": _shipped("model_chasedb1"), "leave_out": "drive"},
    # networks and lists of layers, from chance and on the training part, are compared on the validation pictures
    **{f"choose_{name}": {"max_epochs": 60, "network": name} for name in NETWORKS},
    # what ships
    "pooled": {
        **LAST,
        "max_epochs": 120,
        "learning_rate": 0.006,
        "val_interval": 40,
        "compile": True,
        "init_path": _shipped("model_drive"),
    },
    # to flat curves
    "pooled_long": {**LAST, "max_epochs": 300, "val_interval": 50},
    **{f"without_{name}": {**LAST, "max_epochs": 300, "val_interval": 50, "leave_out": name} for name in SETS},
    "pooled_small_unet": {**LAST, "max_epochs": 300, "val_interval": 50, "network": "small_unet"},
    "pooled_w_net": {**LAST, "max_epochs": 300, "val_interval": 50, "network": "w_net"},
    "pooled_basic_unet": {**LAST, "max_epochs": 300, "val_interval": 50, "network": "basic_unet"},
}
"""Options of each training beside ``train.json`` and ``pooled.json``, in the order in which they run."""


def run(dataset_dir: str, output_dir: str, only: list[str] | None = None, minutes: float | None = None) -> None:
    """Train, calibrate on the training pictures and score each experiment; what is done is not done again.

    A training of ``training`` pictures alone is scored on the validation pictures, any other on the test part of each
    set that has one, and on all pictures of the one that it left out.

    Args:
        dataset_dir: folder of the sets, see `mininet.data.pooled_sets`.
        output_dir: folder for the runs; the prepared pictures are kept in its ``cache``.
        only: names of `EXPERIMENTS`; by default all.
        minutes: stop after the epoch in which this time is over, with exit code 75 (try again); the same command goes
            on from there.

    Raises:
        ValueError: for a name in ``only`` that isn't of `EXPERIMENTS`.
    """
    for name in only or ():
        check_option("only", name, EXPERIMENTS)
    end = time.monotonic() + 60 * minutes if minutes else None
    for name in only or EXPERIMENTS:
        folder = Path(output_dir) / name
        options = dict(EXPERIMENTS[name])
        network = NETWORKS[options.pop("network", "mininet")]
        if not (folder / "calibrated.pt").exists():
            print(f"{name}", flush=True)
            cache = f"{output_dir}/cache"
            if not trained(CONFIGS, folder, end, dataset_dir=dataset_dir, cache_dir=cache, **options, **network):
                stop(name)
            config = [*CONFIGS, _written(network, folder / "network.json")]
            left_out = options.get("leave_out")
            part = options.get("train_part", "training")
            calibrate(
                str(folder / "model.pt"), dataset_dir, str(folder / "calibrated.pt"), "pooled", part, config, left_out
            )
        if not (folder / "scores.json").exists():
            config = [*CONFIGS, str(folder / "network.json")]
            left_out = options.get("leave_out")
            part = "validation" if "train_part" not in options else "all" if left_out else "test"
            sets = [left_out] if left_out else None
            score_sets(dataset_dir, str(folder / "scores.json"), str(folder / "calibrated.pt"), sets, part, config)
        if end is not None and time.monotonic() > end and name != list(only or EXPERIMENTS)[-1]:
            stop(name)


def stop(name: str) -> NoReturn:
    """Leave with exit code 75, which asks for another try."""
    print(f"{name}: time is over; the same command goes on", flush=True)
    sys.exit(75)


def _written(network: dict[str, Any], path: Path) -> str:
    path.write_text(json.dumps(network, indent=1))
    return str(path)


def check_options(configs: list[str], options: Iterable[str]) -> None:
    """Raises ValueError for options that override nothing in the configurations, but for ``tracking``, MONAI's own."""
    parser = ConfigParser()
    parser.read_config(configs)
    refuse_unknown_ids("mininet", (name for name in options if name != "tracking"), parser)


def trained(configs: list[str], folder: Path, end: float | None, **options: Any) -> bool:
    """Run a training to its end, or until the time is over; whether it came to its end.

    Args:
        configs: its configurations.
        folder: of the run.
        end: of the time, on the monotonic clock in seconds.
        options: that override the configurations.

    Raises:
        ValueError: see `check_options`.
    """
    check_options(configs, options)
    workflow = ConfigWorkflow(configs, workflow_type="train", output_dir=str(folder), **options)
    workflow.initialize()
    trainer: Engine = workflow.parser.get_parsed_content("train#trainer")

    def watch(engine: Engine) -> None:
        if end is not None and time.monotonic() > end:
            engine.terminate()

    trainer.add_event_handler(Events.EPOCH_COMPLETED, watch)
    workflow.run()
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    over = end is not None and time.monotonic() > end
    return not over or state["epoch"] >= trainer.state.max_epochs


if __name__ == "__main__":
    run_command(run, "vessels.py", resumes=True)
