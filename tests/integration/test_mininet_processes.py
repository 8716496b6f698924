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

import torch
from mininet import BUNDLE_ROOT

CONFIGS = f"{BUNDLE_ROOT}/configs"
OPTIONS = ["--val_interval", "1", "--crops_per_image", "1", "--crop_size", "32"]


def _command(*names: str, epochs: int, output_dir: Path) -> list[str]:
    files = "[" + ",".join(f"'{CONFIGS}/{name}.json'" for name in names) + "]"
    run = ["monai.bundle", "run", "--config_file", files, "--max_epochs", str(epochs), "--output_dir", str(output_dir)]
    return ["-m", *run, *OPTIONS]


def test_killed_training_ends_as_an_unbroken_one(run_python: Callable[..., str], tmp_path: Path) -> None:
    run_python(*_command("train", "nuclei", epochs=5, output_dir=tmp_path / "whole"))
    broken = tmp_path / "broken"
    command = _command("train", "nuclei", epochs=5, output_dir=broken)
    unheard = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-W", "ignore", *command], cwd=tmp_path, **unheard)
    deadline = time.monotonic() + 300
    while not (broken / "checkpoint.pt").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    epoch = torch.load(broken / "checkpoint.pt", weights_only=True)["epoch"]
    assert 1 <= epoch < 5
    run_python(*command)

    for name in ("checkpoint.pt", "model.pt"):
        first, second = (torch.load(folder / name, weights_only=True) for folder in (tmp_path / "whole", broken))
        _assert_same(first, second)
    rows = [
        [(row["epoch"], row["loss"], row["f1"]) for row in csv.DictReader((folder / "history.csv").open())]
        for folder in (tmp_path / "whole", broken)
    ]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 5


def _assert_same(first: object, second: object) -> None:
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


def test_two_processes_train_and_evaluate(
    run_python: Callable[..., str], run_ranks: Callable[..., str], tmp_path: Path
) -> None:
    run_ranks(*_command("train", "nuclei", "multi_gpu_train", epochs=2, output_dir=tmp_path / "run"))
    with (tmp_path / "run" / "history.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2

    names = ("train", "evaluate", "nuclei")
    weights = ["--ckpt_path", str(tmp_path / "run" / "model.pt")]
    run_ranks(*_command(*names, "multi_gpu_evaluate", epochs=2, output_dir=tmp_path / "two"), *weights)
    run_python(*_command(*names, epochs=2, output_dir=tmp_path / "one"), *weights)
    scores = []
    for folder in ("one", "two"):
        with (tmp_path / folder / "scores.csv").open() as file:
            scores.append(sorted((row["case"], round(float(row["f1"]), 6)) for row in csv.DictReader(file)))
    assert len(scores[0]) == 4
    assert scores[0] == scores[1]
