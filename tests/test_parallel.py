# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Calling a function on many items: by a pool and by Ray, with the same results and errors."""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from litemed.parallel import WorkerDiedError, in_parallel, usual_workers
from PIL import Image

NUMBERS = [float(number) for number in range(9)]


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Folders ``pred`` and ``truth`` of ten masks each; one prediction is damaged."""
    for number in range(10):
        mask = np.zeros((24, 24), np.uint8)
        mask[4:12, 4:12] = 1
        for folder, shift in (("truth", 0), ("pred", number % 3)):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(np.roll(mask, shift, axis=1)).save(tmp_path / folder / f"{number}.png")
    (tmp_path / "pred/4.png").write_bytes(b"no picture")
    return tmp_path


@pytest.mark.parametrize("workers", [1, 2])
def test_a_pool_gives_every_result(workers: int) -> None:
    assert dict(in_parallel(math.sqrt, NUMBERS, workers=workers)) == {number: number**0.5 for number in NUMBERS}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_pool_is_raised(workers: int) -> None:
    with pytest.raises(ValueError, match=r"math domain error|expected a nonnegative input"):
        list(in_parallel(math.sqrt, [1.0, -1.0], workers=workers))


class Loading:
    """Counts how often a worker loads it, and ends its process at the number 4."""

    def __init__(self) -> None:
        self.loads = 0

    def __call__(self, number: int) -> tuple[int, int, str | None]:
        self.loads += not self.loads
        if number == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid(), self.loads, os.environ.get("LITEMED_TEST_OF_WORKERS")


def test_workers_keep_the_function_and_have_the_callers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITEMED_TEST_OF_WORKERS", "here")
    seconds: list[float] = []
    results = [each for _, each in in_parallel(Loading(), [1, 2, 3, 5], workers=2, started=seconds.append)]
    assert {(loads, variable) for _, loads, variable in results} == {(1, "here")}
    assert os.getpid() not in {process for process, _, _ in results}
    assert 1 <= len(seconds) <= 2


def test_a_worker_that_dies_loses_its_item_alone() -> None:
    results = dict(in_parallel(Loading(), range(9), workers=2, lost=lambda number: f"{number} died"))
    assert sorted(results) == list(range(9))
    assert [number for number, result in results.items() if isinstance(result, str)] == [4]
    assert results[4] == "4 died"


def test_a_worker_that_dies_ends_the_work_where_nothing_else_is_said() -> None:
    with pytest.raises(WorkerDiedError, match=r"^a worker died at 4$"):
        list(in_parallel(Loading(), [1, 4, 5], workers=2))


class UnportableError(Exception):
    """It can be pickled, but not read back."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def fail(number: int) -> None:
    raise UnportableError("this", str(number))


def test_an_error_that_cannot_be_sent_is_told_by_its_text() -> None:
    with pytest.raises(RuntimeError, match=r"^UnportableError: this and 1$") as caught:
        list(in_parallel(fail, [1, 1], workers=2))
    assert "in fail" in str(caught.value.__cause__)


def test_what_is_left_does_not_go_on() -> None:
    results = in_parallel(math.sqrt, NUMBERS, workers=2)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert multiprocessing.active_children() == []


def test_no_item() -> None:
    assert list(in_parallel(math.sqrt, [])) == []


def test_few_items_get_one_process() -> None:
    assert [usual_workers(items) for items in (0, 1, 7)] == [1, 1, 1]
    assert 1 <= usual_workers(8) <= 2


def test_unknown_engine_and_no_worker() -> None:
    with pytest.raises(ValueError, match="expected engine to be one of local, ray, got 'spark'"):
        in_parallel(math.sqrt, NUMBERS, engine="spark")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 1 worker, got 0"):
        in_parallel(math.sqrt, NUMBERS, workers=0)


def test_ray_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r'^engine "ray" needs the package ray: pip install "litemed\[ray\]"$'):
        list(in_parallel(math.sqrt, NUMBERS, engine="ray"))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::ResourceWarning")
def test_ray_scores_converts_and_fails_as_the_pool_does(masks: Path) -> None:
    # here, since the workers of the tests above load this module too
    from litemed.datasets.challenge_conversion import convert
    from litemed.tools.evaluate import evaluate

    ray = pytest.importorskip("ray")
    try:
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    except Exception as error:  # it gives its own processes half a minute, which a busy computer doesn't
        pytest.skip(f"Ray can't be started here: {error}")
    try:
        one, other = (
            evaluate(masks / "pred", masks / "truth", engine=engine, workers=2, progress=False)
            for engine in ("local", "ray")
        )
        assert len(one.rows) == 9
        assert one.as_dict() == other.as_dict()
        contents = []
        for engine in ("local", "ray"):
            files = convert(masks / "truth", masks / "truth", masks / engine, "US", engine=engine)
            assert files == [str(masks / engine / f"2D_US_{number}.npz") for number in range(10)]
            contents.append([hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files])
        assert contents[0] == contents[1]
        with pytest.raises(ValueError, match=r"math domain error|expected a nonnegative input"):
            list(in_parallel(math.sqrt, [1.0, -1.0, 2.0], engine="ray"))
        assert ray.is_initialized()
    finally:
        ray.shutdown()
