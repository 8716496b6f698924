# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Calling a function on many items at a time: by processes of this computer, or by Ray on as many as it manages."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Literal, TypeVar

import torch

__all__ = ["ENGINES", "Engine", "in_parallel", "usual_workers"]

Engine = Literal["local", "ray"]
ENGINES: tuple[Engine, ...] = ("local", "ray")
"""What does the work: a pool of processes, or Ray."""

_WORTH_A_PROCESS = 4
_CHUNK_SECONDS = 0.25  # Ray takes about a millisecond for a task; from 50 ms of work on that is nothing
_WAITING = 2  # chunks in the hands of Ray for each worker, so that none is idle and little is lost at an error

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    engine: Engine = "local",
    workers: int | None = None,
) -> Iterator[tuple[Item, Result]]:
    """Call a function on each item, and give the results as they come.

    The results don't depend on the engine, only their order does. With ``engine="ray"`` the items go to Ray in chunks
    of about a quarter of a second of work, so that it serves for millions of short calls too. Ray is started on this
    computer and stopped again; or the cluster that ``RAY_ADDRESS`` names is used, whose computers need litemed and the
    same files at the same paths.

    Args:
        function: one that can be pickled: of a module, or a partial of it.
        items: what to call it on.
        engine: ``"local"`` or ``"ray"``.
        workers: processes. By default as many as there are cores, of this computer or of the cluster, if there are
            items enough to be worth it.

    Yields:
        an item and its result.

    Raises:
        ImportError: when Ray is asked for and isn't installed.
        ValueError: for an unknown engine or fewer than one worker.
        Exception: whatever the function raises; what is not yet begun is then left.
    """
    if engine not in ENGINES:
        raise ValueError(f"expected engine to be one of {', '.join(ENGINES)}, got {engine!r}")
    if workers is not None and workers < 1:
        raise ValueError(f"expected at least 1 worker, got {workers}")
    if engine == "ray":
        return _by_ray(function, items, workers)
    return _by_processes(function, items, min(workers or usual_workers(len(items)), len(items)))


def usual_workers(items: int) -> int:
    """As many processes as there are cores, but no more than items are worth: it takes a process seconds to start.

    Args:
        items: how many there are.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, items // _WORTH_A_PROCESS))


def _by_processes(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Iterator[tuple[Item, Result]]:
    if workers <= 1:
        for item in items:
            yield item, function(item)
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (1,))
    try:
        futures = {pool.submit(function, item): item for item in items}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _by_ray(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int | None
) -> Iterator[tuple[Item, Result]]:
    with _ray(workers) as ray:
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        task, called = ray.remote(num_cpus=1)(_call_each), ray.put(function)
        running: dict[Any, Sequence[Item]] = {}
        start, size = 0, 1
        while running or start < len(items):
            while start < len(items) and len(running) < _WAITING * count:
                chunk = items[start : start + size]
                running[task.remote(called, chunk)] = chunk
                start += len(chunk)
            (done, *_), _ = ray.wait(list(running))
            chunk = running.pop(done)
            results, error, seconds = ray.get(done)
            yield from zip(chunk, results, strict=False)
            if error is not None:
                raise error
            shares = math.ceil((len(items) - start) / (_WAITING * count))
            size = max(1, min(int(_CHUNK_SECONDS * len(chunk) / max(seconds, 1e-6)), shares))


def _call_each(
    function: Callable[[Item], Result], items: Sequence[Item]
) -> tuple[list[Result], Exception | None, float]:
    """The results up to the first error, that error, and how long it took."""
    start = time.perf_counter()
    results: list[Result] = []
    try:
        for item in items:
            results.append(function(item))
    except Exception as error:
        return results, error, time.perf_counter() - start
    return results, None, time.perf_counter() - start


@contextmanager
def _ray(workers: int | None) -> Iterator[Any]:
    """Ray, connected to a cluster or started for as long as it is needed."""
    try:
        import ray
    except ImportError as error:
        raise ImportError('engine "ray" needs the package ray: pip install "litemed[ray]"') from error
    if ray.is_initialized():
        yield ray
        return
    quiet: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
    if not os.environ.get("RAY_ADDRESS"):
        quiet["num_cpus"] = workers
    ray.init(**quiet)
    try:
        yield ray
    finally:
        ray.shutdown()
