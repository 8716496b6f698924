# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The last line of an error under ``python -m monai.bundle`` is its cause, and other programs are left alone."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from litemed.tools.packaging.pack import pack
from torch.utils.data import DataLoader, Dataset

MININET = Path(__file__).resolve().parents[1] / "bundles/mininet"


def _last_line(config: Path, *options: object) -> str:
    command = [sys.executable, "-W", "ignore", "-m", "monai.bundle", "run", "--config_file", config, *options]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Failed to " in done.stderr  # MONAI's trace is there in full
    return done.stderr.splitlines()[-1]


def test_an_expression_that_fails_ends_with_its_cause(tmp_path: Path) -> None:
    said = _last_line(MININET / "configs/train.json", "--dataset_dir", "/nowhere", "--output_dir", tmp_path)
    assert said == "FileNotFoundError: data set folder /nowhere doesn't exist"


def test_so_does_a_packed_bundle(tmp_path: Path) -> None:
    with zipfile.ZipFile(pack(MININET, tmp_path)) as archive:
        archive.extractall(tmp_path)
    (tmp_path / "weights.pt").write_text("no weights")
    config = tmp_path / "mininet/configs/inference.json"
    said = _last_line(config, "--ckpt_path", tmp_path / "weights.pt", "--output_dir", tmp_path / "out")
    assert said.startswith(f"CheckpointError: {tmp_path}/weights.pt: expected a state dictionary, found 10 bytes")


class Broken(Dataset):  # type: ignore[type-arg]
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> object:
        try:
            raise OSError("the disk is gone")
        except OSError as error:
            raise RuntimeError("applying transform <Load>") from error


def test_the_cause_in_a_worker_of_a_data_loader(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from litemed import causes

    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "__spec__", type("Spec", (), {"name": "monai.bundle.__main__"})())
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: print("the trace", file=sys.stderr))
    causes.tell_causes()
    hook = sys.excepthook
    causes.tell_causes()  # once is enough
    assert sys.excepthook is hook
    with pytest.raises(RuntimeError) as caught:
        next(iter(DataLoader(Broken(), num_workers=1)))
    error = RuntimeError("Failed to evaluate ConfigExpression")
    error.__cause__ = caught.value
    hook(RuntimeError, error, None)
    assert capsys.readouterr().err == "the trace\n\nOSError: the disk is gone\n"
    hook(ValueError, ValueError("a cause of its own"), None)
    assert capsys.readouterr().err == "the trace\n"


def test_another_program_keeps_its_hook() -> None:
    code = "import sys; before = sys.excepthook; import litemed; assert sys.excepthook is before"
    subprocess.run([sys.executable, "-c", code], check=True)
