# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Two trainings don't write into one folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from litemed.bundles import find_bundle
from litemed.files import only_writer
from monai.bundle import ConfigWorkflow


def test_two_trainings_do_not_write_into_one_folder(tmp_path: Path) -> None:
    configs = find_bundle("mininet") / "configs"
    quick = {"max_epochs": 1, "val_interval": 1, "crop_size": 32, "crops_per_image": 1, "output_dir": str(tmp_path)}
    files = [str(configs / name) for name in ("train.json", "nuclei.json")]

    def train(**more: object) -> None:
        workflow = ConfigWorkflow(files, workflow_type="train", logging_file=False, **quick, **more)
        workflow.initialize()
        workflow.run()

    with only_writer(tmp_path), pytest.raises(RuntimeError) as told:
        train()
    assert isinstance(told.value.__cause__, BlockingIOError)
    assert list(tmp_path.iterdir()) == []
    # one that fails gives the folder free, and so does one that ends
    with pytest.raises(RuntimeError):
        train(**{"train#trainer#iteration_update": "$lambda engine, batch: 1 / 0"})
    train()
    train()
    written = {path.name for path in tmp_path.iterdir()}
    assert {"model.pt", "checkpoint.pt", "history.csv"} <= written
    assert not [name for name in written if name.startswith(".")]
