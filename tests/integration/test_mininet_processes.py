# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Mini-Net's training in processes of its own: killed and resumed, and spread over two."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mininet import BUNDLE_ROOT
from monai.bundle import run as run_bundle

CONFIGS = f"{BUNDLE_ROOT}/configs"
QUICK = {"val_interval": 1, "crops_per_image": 1, "crop_size": 32}


def _files(*names: str) -> list[str]:
    return [f"{CONFIGS}/{name}.json" for name in names]


def _words(options: dict[str, Any]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]


def test_killed_training_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    options = {**QUICK, "max_epochs": 5}
    broken = tmp_path / "broken"
    words = _words({**options, "output_dir": broken})
    command = ["-m", "monai.bundle", "run", "--config_file", str(_files("train", "nuclei")), *words]
    unheard = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-W", "ignore", *command], cwd=tmp_path, **unheard)
    while not (broken / "checkpoint.pt").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    epoch = torch.load(broken / "checkpoint.pt", weights_only=True)["epoch"]
    assert 1 <= epoch < 5
    for folder in (broken, tmp_path / "whole"):
        run_bundle(config_file=_files("train", "nuclei"), **options, output_dir=str(folder))

    folders = (tmp_path / "whole", broken)
    assert len({(folder / "model.pt").read_bytes() for folder in folders}) == 1
    first, second = (torch.load(folder / "checkpoint.pt", weights_only=True) for folder in folders)
    _assert_same(first, second)
    rows = [
        [(row["epoch"], row["loss"], row["f1"]) for row in csv.DictReader((folder / "history.csv").open())]
        for folder in folders
    ]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 5


def _assert_same(first: Any, second: Any) -> None:
    if isinstance(first, dict):
        assert isinstance(second, dict)
        assert first.keys() == second.keys()
        for key in first:
            _assert_same(first[key], second[key])
    elif isinstance(first, list | tuple):
        for a, b in zip(first, second, strict=True):
            _assert_same(a, b)
    elif isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    else:
        assert first == second


def test_two_processes_train_and_evaluate(run_ranks: Callable[..., str], tmp_path: Path) -> None:
    weights = {"ckpt_path": str(tmp_path / "run/model.pt")}
    training = {**QUICK, "max_epochs": 2, "output_dir": str(tmp_path / "run")}
    scores = [("train", "evaluate", "nuclei"), ("train", "evaluate", "nuclei", "multi_gpu_evaluate")]
    runs = [
        (_files("train", "nuclei", "multi_gpu_train"), training),
        (_files(*scores[1]), {**weights, "output_dir": str(tmp_path / "two")}),
    ]
    for files, options in runs:  # apart: ranks that leave a group and join the next one may miss each other
        run_ranks("-m", "monai.bundle", "run", "--config_file", str(files), *_words(options))
    with (tmp_path / "run" / "history.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2

    run_bundle(config_file=_files(*scores[0]), **weights, output_dir=str(tmp_path / "one"))
    tables = []
    for folder in ("one", "two"):
        with (tmp_path / folder / "scores.csv").open() as file:
            tables.append(sorted((row["case"], round(float(row["f1"]), 6)) for row in csv.DictReader(file)))
    assert len(tables[0]) == 4
    assert tables[0] == tables[1]
