# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C at many moments of scoring, segmenting, training and the page: it ends, leaves nothing half-written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from litemed.tools import evaluate as evaluating
from litemed.tools.evaluate import evaluate
from litemed.tools.segment import segment
from litemed.tools.workflows import open_workflow, quiet, user_errors
from PIL import Image

pytestmark = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals reach the main thread"
)


def _visible(folder: Path) -> set[str]:
    files = folder.rglob("*") if folder.exists() else ()
    return {str(file.relative_to(folder)) for file in files if file.is_file()}


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    (tmp_path / "masks").mkdir()
    for number in range(12):
        Image.fromarray((rng.random((20, 30)) > 0.5).astype(np.uint8)).save(tmp_path / f"masks/{number}.png")
    return tmp_path / "masks"


@pytest.mark.parametrize("workers", [1, 2])
def test_scoring(
    workers: int, masks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupt: Callable[..., bool]
) -> None:
    score = evaluating._score_safely

    def slowly(*given: Any) -> Any:
        time.sleep(0.02)
        return score(*given)

    if workers == 1:
        monkeypatch.setattr(evaluating, "_score_safely", slowly)
    stopped = 0
    for number, moment in enumerate(np.linspace(0, 0.3, 8 if workers == 1 else 5)):
        out = tmp_path / f"scores{number}"
        call = partial(evaluate, masks, masks, output_dir=out, workers=workers, progress=False)
        stopped += (interrupted := interrupt(call, moment))
        assert not interrupted or _visible(out) == set()
    assert stopped >= 3 or workers == 2
    call()
    assert {"scores.csv", "scores.json"} <= _visible(out)


def test_segmenting(tmp_path: Path, interrupt: Callable[..., bool]) -> None:
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        picture = rng.integers(0, 256, (64, 80, 3), np.uint8)
        Image.fromarray(picture).save(tmp_path / f"pictures/{number}.png")
    call = partial(segment, tmp_path / "pictures", "mininet", tmp_path / "out", workers=1, progress=False)
    stopped = sum(interrupt(call, moment) for moment in (0.0, 0.05, 0.2, 0.4, 0.6, 0.8))
    assert stopped >= 1
    for mask in (tmp_path / "out").glob("*_mask.png"):
        assert np.asarray(Image.open(mask)).shape == (64, 80)  # whole
    done = call()
    assert len(done.results) == 3
    assert done.failed == {}
    assert [name for name in _visible(tmp_path / "out") if name.startswith(".")] == []


def test_training(tmp_path: Path, interrupt: Callable[..., bool]) -> None:
    """An interrupted training goes on to the weights of an unbroken one, byte for byte."""
    options = {"max_epochs": 4, "val_interval": 1, "num_workers": 0, "application": "nuclei"}

    def train(options: dict[str, Any]) -> None:
        with user_errors(), quiet():
            workflow = open_workflow("mininet", "train", options)
            workflow.initialize()
            workflow.run()

    start = time.perf_counter()
    train({**options, "output_dir": str(tmp_path / "unbroken")})
    usual = time.perf_counter() - start
    call = partial(train, {**options, "output_dir": str(tmp_path / "broken")})
    stopped = sum(interrupt(call, share * usual) for share in (0.0, 0.1, 0.2, 0.3, 0.3, 0.3))
    assert stopped >= 1
    call()
    weights = [(tmp_path / name / "model.pt").read_bytes() for name in ("unbroken", "broken")]
    assert weights[0] == weights[1]


def test_the_page(
    bright: Any, bright_picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupt: Callable[..., bool]
) -> None:
    pytest.importorskip("uvicorn")
    from litemed.app.serving import serve

    monkeypatch.setattr("litemed.tools.prompted.session_network", lambda *_: bright)
    (tmp_path / "dropped").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "dropped"))
    for moment in (0.0, 0.02, 0.1, 0.3, 0.6):
        assert interrupt(partial(serve, str(bright_picture), str(tmp_path / "out"), browser=False), moment)
        assert _visible(tmp_path / "out") == set()
        assert list((tmp_path / "dropped").iterdir()) == []
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("litemed")] == []
