# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Writing a sample whole and once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from litemed.samples.cache import sample_home, written_once
from litemed.samples.nuclei_picture import nuclei


def test_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LITEMED_HOME", raising=False)
    assert sample_home() == tmp_path / ".cache" / "litemed" / "samples"
    monkeypatch.setenv("LITEMED_HOME", "~/data")
    assert sample_home() == tmp_path / "data" / "samples"
    assert sample_home(tmp_path / "here") == tmp_path / "here"
    monkeypatch.chdir(tmp_path)
    assert sample_home("there") == tmp_path / "there"


def test_samples_go_to_litemed_home(monkeypatch, tmp_path):
    monkeypatch.setenv("LITEMED_HOME", str(tmp_path / "new" / "home"))
    assert nuclei() == tmp_path / "new" / "home" / "samples" / "nuclei-v1"


def test_second_call_reuses(tmp_path):
    calls = []

    def write(folder: Path) -> None:
        calls.append(folder)
        (folder / "a.txt").write_text("a")

    first, second = (written_once("thing-v1", write, tmp_path) for _ in range(2))
    assert first == second == tmp_path / "thing-v1"
    assert len(calls) == 1
    assert (first / "a.txt").read_text() == "a"


def test_interrupted_call_leaves_nothing(tmp_path):
    def write(folder: Path) -> None:
        (folder / "a.txt").write_text("a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written_once("thing-v1", write, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_calls_at_a_time_agree(tmp_path):
    together = Barrier(4)

    def write(folder: Path) -> None:
        (folder / "a.txt").write_text("a")
        together.wait(timeout=20)  # nobody has renamed yet
        (folder / "b.txt").write_text("b")

    with ThreadPoolExecutor(4) as pool:
        targets = list(pool.map(lambda _: written_once("thing-v1", write, tmp_path), range(4)))
    assert targets == [tmp_path / "thing-v1"] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["thing-v1"]
    assert sorted(path.name for path in targets[0].iterdir()) == ["a.txt", "b.txt"]


def test_unwritable_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        nuclei(tmp_path / "file")
    (tmp_path / "nuclei-v1").write_text("in the way")
    with pytest.raises(OSError, match="nuclei-v1"):
        nuclei(tmp_path)
