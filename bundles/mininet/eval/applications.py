# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The trainings of nuclei and skin: Mini-Net, and MONAI's BasicUNet trained alike.

Run ``python bundles/mininet/eval/applications.py --help`` for its use.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from calibration import calibrate
from litemed.command_line import run_command
from litemed.datasets.files import check_option
from mininet import BUNDLE_ROOT
from set_scores import score_sets
from vessels import check_options, stop, trained

__all__ = ["EXPERIMENTS", "configs_of", "run"]

EXPERIMENTS = ("nuclei", "skin", "nuclei_unet", "skin_unet")
"""Name of the application, with ``_unet`` for the control, in the order in which they run."""


def configs_of(name: str) -> list[str]:
    """The configurations of one of `EXPERIMENTS`."""
    application, _, control = name.partition("_")
    looks = {"nuclei": "kinds", "skin": "obstructions"}[application]
    return [f"{BUNDLE_ROOT}/configs/{each}.json" for each in ("train", application, looks, control) if each]


def run(
    dataset_dir: str,
    output_dir: str,
    only: list[str] | None = None,
    minutes: float | None = None,
    compile: bool = False,
    **options: Any,
) -> None:
    """Train on the training part, keep the best weights of validation, calibrate, score; go on where it stopped.

    Each run's folder holds ``model.pt``; ``calibrated.pt``, with the last bias set on training and validation pictures;
    and the validation scores of both, ``validation_plain.json`` and ``validation.json``.

    Args:
        dataset_dir: folder of ``nuclei/`` and ``skin/``, each with the sets that ``prepare_sets.py`` makes.
        output_dir: folder for the runs.
        only: names of `EXPERIMENTS`; by default all.
        minutes: stop after the epoch in which this time is over, with exit code 75 (try again).
        compile: compile Mini-Net; the control gains nothing from it.
        options: further options of the training, such as ``--max_epochs 10``.

    Raises:
        ValueError: for a name in ``only`` that isn't of `EXPERIMENTS`, ``reader``, and options that the configurations
            don't have.
    """
    if "reader" in options:
        raise ValueError(f"the sets are read as 'pooled' here, got --reader {options['reader']}")
    for name in only or EXPERIMENTS:
        check_option("only", name, EXPERIMENTS)
        check_options(configs_of(name), options)
    end = time.monotonic() + 60 * minutes if minutes else None
    for name in only or EXPERIMENTS:
        folder, configs = Path(output_dir) / name, configs_of(name)
        sets = f"{dataset_dir}/{name.partition('_')[0]}"
        if not (folder / "calibrated.pt").exists():
            print(name, flush=True)
            own = {"compile": compile and "unet" not in name, **options}
            if not trained(configs, folder, end, dataset_dir=sets, reader="pooled", **own):
                stop(name)
            parts = "training+validation"
            calibrate(str(folder / "model.pt"), sets, str(folder / "calibrated.pt"), "pooled", parts, configs)
        for weights, scores in (("model", "validation_plain"), ("calibrated", "validation")):
            if not (folder / f"{scores}.json").exists():
                path = str(folder / f"{scores}.json")
                score_sets(sets, path, str(folder / f"{weights}.pt"), None, "validation", configs, [False])
        if end is not None and time.monotonic() > end and name != list(only or EXPERIMENTS)[-1]:
            stop(name)


if __name__ == "__main__":
    run_command(run, "applications.py", resumes=True)
