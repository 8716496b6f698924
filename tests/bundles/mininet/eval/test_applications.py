# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The trainings of nuclei and skin, on the built-in picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from applications import EXPERIMENTS, configs_of, run
from litemed import samples

QUICK = {"max_epochs": 2, "val_interval": 1, "crops_per_image": 1, "crop_size": 32}


def test_configurations_are_those_of_the_application_and_the_control() -> None:
    names = {name: [Path(path).stem for path in configs_of(name)] for name in EXPERIMENTS}
    assert names["nuclei"] == ["train", "nuclei", "kinds"]
    assert names["skin_unet"] == ["train", "skin", "obstructions", "unet"]
    assert all(Path(path).is_file() for name in EXPERIMENTS for path in configs_of(name))


def test_a_stopped_run_goes_on_and_is_scored_on_validation(tmp_path: Path) -> None:
    (tmp_path / "sets" / "nuclei").mkdir(parents=True)
    (tmp_path / "sets" / "nuclei" / "cells").symlink_to(samples.nuclei())
    arguments = (str(tmp_path / "sets"), str(tmp_path / "runs"), ["nuclei_unet"])
    with pytest.raises(SystemExit) as stopped:
        run(*arguments, minutes=1e-6, **QUICK)
    assert stopped.value.code == 75
    folder = tmp_path / "runs" / "nuclei_unet"
    assert (folder / "history.csv").read_text().count("\n") == 2
    assert not (folder / "calibrated.pt").exists()
    run(*arguments, **QUICK)
    assert (folder / "history.csv").read_text().count("\n") == 3
    (row,) = json.loads((folder / "validation.json").read_text())["rows"]
    assert (row["set"], row["flips"], row["region"]) == ("cells", False, "frame")
    plain, calibrated = (torch.load(folder / f"{name}.pt", weights_only=True) for name in ("model", "calibrated"))
    assert plain.keys() == calibrated.keys()
    written = (folder / "calibrated.pt").stat().st_mtime_ns
    run(*arguments, minutes=1e-6, **QUICK)  # nothing is left to do: it doesn't ask for another try
    assert (folder / "calibrated.pt").stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rte": 0.5}, "mininet has no option learning_rte"),
        ({"minute": 60, "max_epochs": 1}, "mininet has no option minute"),
        ({"reader": "isic"}, "the sets are read as 'pooled' here, got --reader isic"),
        ({"only": ["nuclei", "nuclie"]}, "expected only to be one of 'nuclei', .*, got 'nuclie'"),
    ],
)
def test_what_is_mistyped_is_refused_before_anything_is_done(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        run(str(tmp_path), str(tmp_path / "runs"), **{"only": ["skin"], **options})
    assert not (tmp_path / "runs").exists()
