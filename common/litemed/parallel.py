# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Calling a function on many items at a time: by processes of this computer, or by Ray on as many as it manages.

Both engines have the same scheduler: a worker gets the function once and keeps it, with whatever the function loads at
its first call, then chunks of about a quarter of a second of work, and answers each.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from multiprocessing import connection, forkserver, get_all_start_methods, get_context, resource_tracker
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

__all__ = ["ENGINES", "Engine", "WorkerDiedError", "in_parallel", "prepare_workers", "usual_workers"]

Engine = Literal["local", "ray"]
ENGINES: tuple[Engine, ...] = ("local", "ray")
"""What does the work: processes of this computer, or Ray."""

_WORTH_A_PROCESS = 4
_CHUNK_SECONDS = 0.25  # an answer takes about a millisecond of Ray; from 50 ms of work on that is nothing

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerDiedError(RuntimeError):
    """The process that worked on an item ended before it answered."""


def in_parallel(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    engine: Engine = "local",
    workers: int | None = None,
    threads: int = 1,
    preload: Sequence[str] = (),
    lost: Callable[[Item], Result] | None = None,
    started: Callable[[float], object] | None = None,
) -> Iterator[tuple[Item, Result]]:
    """Call a function on each item, and give the results as they come.

    The results don't depend on the engine, only their order does. A single worker of this computer is the caller's own
    process. Several are forked from one process that has loaded the function's module and what ``preload`` names, see
    `prepare_workers`. Ray is started on this computer and stopped again; or the cluster that ``RAY_ADDRESS`` names is
    used, whose computers need litemed and the same files at the same paths.

    Args:
        function: one that can be pickled: of a module, a partial of it, or an object to be called. Each worker has a
            copy for all of its items, so that a network loaded at the first of them serves the others.
        items: what to call it on.
        engine: ``"local"`` or ``"ray"``.
        workers: by default as many as there are cores, of this computer or of the cluster, if there are items enough
            to be worth it.
        threads: of NumPy's and PyTorch's routines in each of several workers.
        preload: names of further modules that the function needs.
        lost: gives the result of an item that a worker died of (for lack of memory, say), having no other in hand;
            without it, that ends the work.
        started: told, for each of several workers, the seconds from the call until it could work.

    Yields:
        an item and its result.

    Raises:
        ImportError: when Ray is asked for and isn't installed.
        ValueError: for an unknown engine or fewer than one worker.
        WorkerDiedError: when a worker died, and ``lost`` isn't given.
        Exception: whatever the function raises; what is not yet begun is then left.
    """
    if engine not in ENGINES:
        raise ValueError(f"expected engine to be one of {', '.join(ENGINES)}, got {engine!r}")
    if workers is not None and workers < 1:
        raise ValueError(f"expected at least 1 worker, got {workers}")
    if engine == "ray":
        return _by_workers(_ray(function, threads, workers), items, lost, started)
    count = min(workers or usual_workers(len(items)), len(items))
    if count <= 1:
        return ((item, function(item)) for item in items)
    return _by_workers(_local(function, threads, preload, count), items, lost, started)


def usual_workers(items: int) -> int:
    """As many processes as there are cores, but no more than items are worth, since a process takes time to start.

    Args:
        items: how many there are.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, items // _WORTH_A_PROCESS))


def prepare_workers(*modules: str) -> None:
    """Start the process that workers are forked from, once, and let it load modules while the caller goes on.

    `in_parallel` calls it; who calls it earlier loses no time with it. The modules of the first call are loaded, others
    by each worker anew. Where processes can't be forked it does nothing.

    Args:
        modules: their names; one that can't be imported is left out.
    """
    if "forkserver" not in get_all_start_methods():
        return
    get_context("forkserver").set_forkserver_preload(list(modules))
    resource_tracker.ensure_running()
    # the process inherits the mask: Ctrl-C is the caller's to handle, also while modules load
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Answer(NamedTuple):
    """What a worker made of a chunk: the results up to the first error, that error with its trace, and the time."""

    results: list[Any]
    error: Exception | None = None
    trace: str = ""
    seconds: float = 0.0


class _Crew(Protocol):
    """Workers of one kind. A worker answers once, with no results, as soon as it can work, and then each chunk."""

    size: int

    def hire(self) -> Any:
        """Start a worker."""

    def give(self, worker: Any, chunk: Sequence[Any]) -> None:
        """Hand items to a worker that waits for some."""

    def wait(self, workers: Collection[Any]) -> tuple[Any, _Answer | None]:
        """The next of the workers to answer, and its answer, or None where it died."""


def _by_workers(
    workers: AbstractContextManager[_Crew],
    items: Sequence[Any],
    lost: Callable[[Any], Any] | None,
    started: Callable[[float], object] | None,
) -> Iterator[tuple[Any, Any]]:
    begun = time.perf_counter()
    with workers as crew:
        busy: dict[Any, Sequence[Any]] = {crew.hire(): () for _ in range(min(crew.size, len(items)))}
        alone: list[Any] = []  # to be given one at a time, since a worker died of one of them
        place, size = 0, 1
        while place < len(items) or alone or any(busy.values()):
            worker, answer = crew.wait(busy.keys())
            chunk = busy.pop(worker)
            if answer is None:
                if len(chunk) > 1:
                    alone += chunk
                elif chunk and lost is not None:
                    yield chunk[0], lost(chunk[0])
                else:
                    raise WorkerDiedError(f"a worker died at {chunk[0]!r}" if chunk else "a worker died at its start")
                busy[crew.hire()] = ()
                continue
            yield from zip(chunk, answer.results, strict=False)
            if answer.error is not None:
                raise answer.error from RuntimeError(f"in a worker:\n{answer.trace}")
            if chunk:
                share = -(-(len(items) - place) // (2 * crew.size))  # smaller at the end, for all to end together
                size = max(1, min(int(_CHUNK_SECONDS * len(chunk) / max(answer.seconds, 1e-6)), share))
            elif started is not None:
                started(time.perf_counter() - begun)
            if alone:
                chunk = [alone.pop()]
            else:
                chunk = items[place : place + size]
                place += len(chunk)
            if chunk:
                crew.give(worker, chunk)
                busy[worker] = chunk


def _call_each(function: Callable[[Any], Any], chunk: Sequence[Any]) -> _Answer:
    start = time.perf_counter()
    results: list[Any] = []
    try:
        for item in chunk:
            results.append(function(item))
    except Exception as error:
        return _Answer(results, _portable(error), traceback.format_exc(), time.perf_counter() - start)
    return _Answer(results, seconds=time.perf_counter() - start)


def _portable(error: Exception) -> Exception:
    """The error, or its text where it can't go from one process to another."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _limit_threads(threads: int) -> None:
    os.environ["OMP_NUM_THREADS"] = str(threads)  # for what isn't loaded yet
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


class _Processes:
    """Processes of this computer; a worker is this end of the pipe to it."""

    def __init__(self, function: Callable[[Any], Any], threads: int, size: int) -> None:
        self.size = size
        self._arguments = (function, threads, dict(os.environ))
        self._context: Any = get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn")
        self._hired: dict[Any, Any] = {}

    def hire(self) -> Any:
        own, other = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(other, *self._arguments))
        process.start()
        other.close()
        self._hired[own] = process
        return own

    def give(self, worker: Any, chunk: Sequence[Any]) -> None:
        with suppress(OSError):  # it died, as waiting for it will show
            worker.send(chunk)

    def wait(self, workers: Collection[Any]) -> tuple[Any, _Answer | None]:
        worker: Any = connection.wait(list(workers))[0]
        try:
            return worker, worker.recv()
        except (EOFError, OSError):
            return worker, None

    def stop(self, at_once: bool) -> None:
        for own, process in self._hired.items():
            own.close()
            if at_once:
                process.terminate()
        for process in self._hired.values():
            process.join()


def _serve(pipe: Any, function: Callable[[Any], Any], threads: int, environment: dict[str, str]) -> None:
    """The life of a worker: it ends when its pipe does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    os.environ.clear()
    os.environ.update(environment)
    _limit_threads(threads)
    with suppress(EOFError, OSError):
        pipe.send(_Answer([]))
        while True:
            pipe.send(_call_each(function, pipe.recv()))


def _leave(*_: Any) -> None:
    """End like any program, so that files in the making are removed."""
    sys.exit(1)


@contextmanager
def _local(function: Callable[[Any], Any], threads: int, preload: Sequence[str], size: int) -> Iterator[_Crew]:
    called: Any = function
    while isinstance(called, partial):
        called = called.func
    prepare_workers(getattr(called, "__module__", None) or type(called).__module__, *preload)
    crew = _Processes(function, threads, size)
    at_once = True
    try:
        yield crew
        at_once = False
    finally:
        crew.stop(at_once)


class _RayWorker:
    """What Ray makes an actor of."""

    def __init__(self, function: Callable[[Any], Any], threads: int) -> None:
        self.function = function
        _limit_threads(threads)

    def call(self, chunk: Sequence[Any]) -> _Answer:
        return _call_each(self.function, chunk)


class _RayActors:
    """Actors of Ray; a worker is one of them."""

    def __init__(self, ray: Any, function: Callable[[Any], Any], threads: int, size: int) -> None:
        self.size = size
        self._ray = ray
        self._class, self._arguments = ray.remote(num_cpus=1)(_RayWorker), (ray.put(function), threads)
        self._calls: dict[Any, Any] = {}

    def hire(self) -> Any:
        worker = self._class.remote(*self._arguments)
        self.give(worker, [])
        return worker

    def give(self, worker: Any, chunk: Sequence[Any]) -> None:
        self._calls[worker] = worker.call.remote(chunk)

    def wait(self, workers: Collection[Any]) -> tuple[Any, _Answer | None]:
        by_call = {self._calls[worker]: worker for worker in workers}
        (done, *_), _ = self._ray.wait(list(by_call))
        try:
            return by_call[done], self._ray.get(done)
        except self._ray.exceptions.RayActorError:
            return by_call[done], None

    def stop(self) -> None:
        for worker in self._calls:
            self._ray.kill(worker)


@contextmanager
def _ray(function: Callable[[Any], Any], threads: int, size: int | None) -> Iterator[_Crew]:
    """Workers of the cluster that Ray is connected to, or of one that is started for as long as it is needed."""
    try:
        import ray
    except ImportError as error:
        raise ImportError('engine "ray" needs the package ray: pip install "litemed[ray]"') from error
    own = not ray.is_initialized()
    if own:
        quiet: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
        if not os.environ.get("RAY_ADDRESS"):
            quiet["num_cpus"] = size
        ray.init(**quiet)
    try:
        crew = _RayActors(ray, function, threads, size or max(1, int(ray.cluster_resources().get("CPU", 1))))
        try:
            yield crew
        finally:
            crew.stop()
    finally:
        if own:
            ray.shutdown()
