# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Segmenting the pictures or volumes of a folder by a bundle's inference, in parallel, going on after a bad file."""

from __future__ import annotations

import math
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import torch
from ignite.engine import Events
from monai.bundle import ConfigWorkflow
from tqdm import tqdm

from litemed.datasets.files import stem
from litemed.images.boxes import read_boxes
from litemed.images.image_boxes import boxes_by_image
from litemed.parallel import usual_workers
from litemed.tools.workflows import open_workflow, quiet, reason, set_value, user_errors

__all__ = ["Segmentation", "segment"]

Item = dict[str, Any]

_MOST_IN_CHUNK = 8
_OWN_OPTIONS = {"dataset_dir": "the input", "output_dir": "--out", "boxes": "--box"}


@dataclass
class Segmentation:
    """What became of each picture or volume.

    Attributes:
        bundle: whose network was used.
        output_dir: where the results are.
        results: for each image that was segmented the names of its files in ``output_dir``.
        tables: names of files on all images together.
        failed: for each image that could not be segmented, why.
    """

    bundle: str
    output_dir: str
    results: dict[str, list[str]] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {name: getattr(self, name) for name in ("bundle", "output_dir", "results", "tables", "failed")}

    def summary(self) -> str:
        """For reading: how many there are, where, and what failed."""
        lines = [f"not segmented: {image}: {why}" for image, why in self.failed.items()]
        if self.results:
            count = len(self.results) + len(self.failed)
            lines.append(f"{len(self.results)} of {count} segmented by {self.bundle}, written to {self.output_dir}")
        return "\n".join(lines)


def segment(
    source: str | os.PathLike[str],
    bundle: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    *,
    boxes: Any = None,
    workers: int | None = None,
    together: bool = False,
    overrides: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Segmentation:
    """Segment an image, or the images of a folder, by ``configs/inference.json`` of a bundle.

    The results are those of ``python -m monai.bundle run --config_file .../inference.json --dataset_dir SOURCE
    --output_dir OUTPUT_DIR``. Each process loads the bundle once. An image that can't be read or segmented is left out
    and listed.

    Where the bundle writes tables on all images together, as soon as that is seen all images are given to a single
    process.

    Args:
        source: an image or a folder of them: whatever the bundle reads.
        bundle: its name or folder.
        output_dir: where the results are written, made when it isn't there. Each file is whole.
        boxes: for bundles that take boxes: whatever `read_boxes` takes, for all images; or a JSON or CSV file of boxes
            by image (`boxes_by_image`), and then only the images that it names are segmented.
        workers: processes; by default as many as there are cores, if there are images enough for them, and one with a
            GPU.
        together: give all images to one process from the start.
        overrides: values by id of the configuration; ``application`` reads the application's override file too.
        progress: show a bar.

    Raises:
        FileNotFoundError: when there is no such image, folder, bundle or file of weights, or no image in the folder.
        ValueError: for an option that the bundle doesn't have, boxes for a bundle that takes none, a box file that
            names an image that isn't there, or two images whose results would have one name.
    """
    options = dict(overrides or {})
    for name, own in _OWN_OPTIONS.items():
        if name in options:
            raise ValueError(f"{name} is what {own} gives: leave it out")
    path = Path(source).expanduser().absolute()
    if not path.exists():
        raise FileNotFoundError(f"no picture, volume or folder at {path}")
    output = Path(output_dir).expanduser().absolute()
    if output == path:
        raise ValueError(f"the results would lie among the images of {path}: choose another output folder")
    if workers is not None and workers < 1:
        raise ValueError(f"expected at least 1 worker, got {workers}")
    with user_errors(), quiet(), redirect_stdout(sys.stderr):
        items, name = _list_items(path, bundle, boxes, options)
    count = workers or _usual_workers(len(items))
    collect = partial(_collect, name, str(bundle), options, output, progress)
    is_new = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
    try:
        try:
            return collect([items] if together else _chunks(items, count), count)
        except _SharedResult:
            pass
        return collect([items], 1)
    finally:
        if is_new and not any(output.iterdir()):
            output.rmdir()


class _Job(NamedTuple):
    """What a process needs to know."""

    bundle: str
    options: dict[str, Any]
    scratch: str


class _Outcome(NamedTuple):
    """What a chunk of images gave: its results lie in a folder of their own."""

    folder: Path
    failed: dict[str, str]


class _SharedResult(Exception):  # noqa: N818 - a signal, not an error
    """Two chunks wrote a file of one name."""


class _Inference:
    """A bundle's inference, loaded, for one list of images after the other."""

    def __init__(self, job: _Job) -> None:
        self.job = job
        self.folder = Path(job.scratch) / f"process-{os.getpid()}"
        self._load()

    def _load(self) -> None:
        with user_errors(), quiet(), redirect_stdout(sys.stderr):
            workflow = open_workflow(
                self.job.bundle, "inference", {**self.job.options, "output_dir": str(self.folder)}, "infer"
            )
            workflow.parser["dataset#data"] = []
            for handler in workflow.parser.get("handlers", []):
                if str(handler.get("_target_", "")).endswith("ProgressBar"):
                    handler["disable"] = True
            workflow.initialize()
            self.dataset = workflow.parser.get_parsed_content("dataset")
            self.evaluator = workflow.parser.get_parsed_content("evaluator")
        self.evaluator.add_event_handler(Events.ITERATION_COMPLETED, self._count)

    def run(self, items: list[Item], advance: Callable[[int], object]) -> dict[str, str]:
        """Segment images in one run of the engine, with the results in ``folder``.

        After an error the run is made again without the images that can't be read, or else the one that it was at.

        Args:
            items: of the data set.
            advance: told how many images more are done; negative before a run is made again.

        Returns:
            the images that failed, and why.

        Raises:
            ValueError: when no image can be segmented, since the network's weights can't be loaded, say.
        """
        failed: dict[str, str] = {}
        self._advance = advance
        while items:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.dataset.data = items
            self.evaluator.state.epoch_length = len(self.evaluator.data_loader)
            self._done = 0
            try:
                with quiet(), redirect_stdout(sys.stderr):
                    self.evaluator.run()
                break
            except Exception as error:
                bad = self._unreadable(items)
                if not bad and self.evaluator.state.iteration == 0:
                    raise ValueError(reason(error)) from error
                bad = bad or {self._done: reason(error)}
                advance(len(bad) - self._done)
                failed |= {_path(items[place]): why for place, why in bad.items()}
                items = [item for place, item in enumerate(items) if place not in bad]
                # an engine doesn't run again after an error
                self._load()
        return failed

    def _count(self) -> None:
        self._done += 1
        self._advance(1)

    def _unreadable(self, items: list[Item]) -> dict[int, str]:
        bad = {}
        for place, item in enumerate(items):
            try:
                with quiet():
                    self.dataset.transform(item)
            except Exception as error:
                bad[place] = reason(error)
        return bad


def _list_items(
    path: Path, bundle: str | os.PathLike[str], boxes: Any, options: dict[str, Any]
) -> tuple[list[Item], str]:
    """The bundle's own list of what there is to segment, and the bundle's name."""
    workflow = open_workflow(bundle, "inference", options, "infer")
    parser, name = workflow.parser, workflow.config_root_path.parent.name
    if boxes is not None and "boxes" not in parser:
        raise ValueError(f"{name} takes no boxes: it segments the whole image")
    if "dataset#data" not in parser:
        raise ValueError(f"{name}'s inference.json doesn't list images: expected them under dataset#data")
    by_image = None if boxes is None else boxes_by_image(boxes)
    if by_image is None:
        items = _listed(workflow, path, _prompt(boxes))
    else:
        items = []
        for image, own in by_image.items():
            file = path / image if path.is_dir() else path
            if file.name != image or not file.is_file():
                raise ValueError(f"{boxes} has boxes for {image}, which isn't at {path}")
            items += _listed(workflow, file, own)
    if not items:
        raise FileNotFoundError(f"{name} finds no image at {path}")
    weights = Path(parser.get_parsed_content("ckpt_path")) if "ckpt_path" in parser else None
    if weights is not None and not weights.is_file():
        raise FileNotFoundError(f"{name} has no weights at {weights}: train it, or download it again")
    _check_names(items)
    return items, name


def _listed(workflow: ConfigWorkflow, path: Path, boxes: Any) -> list[Item]:
    parser = workflow.parser
    set_value(parser, "dataset_dir", str(path))
    if boxes is not None:
        set_value(parser, "boxes", boxes)
    parser.parse(reset=True)
    return list(parser.get_parsed_content("dataset#data"))


def _prompt(boxes: Any) -> Any:
    """Boxes as a configuration can hold them: numbers, or the path of a file."""
    if isinstance(boxes, (str, os.PathLike)):
        if Path(boxes).exists():
            return str(Path(boxes).absolute())
        return read_boxes(boxes, 2)[0]
    return None if boxes is None else [list(box) if isinstance(box, (list, tuple)) else box for box in boxes]


def _check_names(items: list[Item]) -> None:
    """Refuse images whose results would overwrite each other's."""
    seen: dict[str, str] = {}
    for image in map(_path, items):
        other = seen.setdefault(_stem(image), image)
        if other != image:
            raise ValueError(f"{other} and {image} would give results of one name: rename one")


def _usual_workers(images: int) -> int:
    return 1 if torch.cuda.is_available() else usual_workers(images)


def _chunks(items: list[Item], workers: int) -> list[list[Item]]:
    """Enough for the processes to end at about the same time, each a single run of the engine."""
    size = max(1, min(_MOST_IN_CHUNK, math.ceil(len(items) / (4 * workers))))
    return [items[start : start + size] for start in range(0, len(items), size)]


def _collect(
    name: str,
    bundle: str,
    options: dict[str, Any],
    output: Path,
    progress: bool,
    chunks: list[list[Item]],
    workers: int,
) -> Segmentation:
    """Segment chunks and put their results into the output folder as they come.

    Raises:
        _SharedResult: when a result has the name of another chunk's.
    """
    result, written = Segmentation(name, str(output)), set[str]()
    workers, total = min(workers, len(chunks)), sum(map(len, chunks))
    with (
        tempfile.TemporaryDirectory(prefix=".segmenting-", dir=output) as scratch,
        tqdm(total=total, desc="segmenting", unit="file", disable=None if progress else True) as bar,
        closing(_outcomes(_Job(bundle, options, scratch), chunks, workers, bar)) as outcomes,
    ):
        for chunk, outcome in outcomes:
            names = sorted(str(file.relative_to(outcome.folder)) for file in _files(outcome.folder))
            if written & set(names):
                raise _SharedResult
            written |= set(names)
            for each in names:
                (output / each).parent.mkdir(parents=True, exist_ok=True)
                (outcome.folder / each).replace(output / each)
            result.failed |= outcome.failed
            done = [image for image in map(_path, chunk) if image not in outcome.failed]
            owners = {each: _owner(each, done) for each in names}
            result.results |= {image: [each for each in names if owners[each] == image] for image in done}
            result.tables += [each for each in names if owners[each] is None]
    result.results = dict(sorted(result.results.items()))
    result.failed = dict(sorted(result.failed.items()))
    return result


def _outcomes(
    job: _Job, chunks: list[list[Item]], workers: int, bar: tqdm
) -> Generator[tuple[list[Item], _Outcome], None, None]:
    """What each chunk gave, as they are done."""
    if workers > 1:
        yield from _in_parallel(job, chunks, workers, bar)
        return
    inference = _Inference(job)
    for number, chunk in enumerate(chunks):
        yield chunk, _segment_chunk(inference, number, chunk, bar.update)


def _in_parallel(
    job: _Job, chunks: list[list[Item]], workers: int, bar: tqdm
) -> Generator[tuple[list[Item], _Outcome], None, None]:
    threads = max(1, torch.get_num_threads() // workers)
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start, (job, threads))
    try:
        futures: dict[Future[_Outcome], list[Item]] = {
            pool.submit(_in_process, number, chunk): chunk for number, chunk in enumerate(chunks)
        }
        for future in as_completed(futures):
            chunk = futures[future]
            try:
                outcome = future.result()
            except BrokenProcessPool:
                why = "a process died, perhaps for lack of memory: try fewer workers"
                outcome = _Outcome(Path(job.scratch) / "none", dict.fromkeys(map(_path, chunk), why))
            bar.update(len(chunk))
            yield chunk, outcome
    finally:
        pool.shutdown(cancel_futures=True)


_job: _Job
_inference: _Inference | None = None


def _start(job: _Job, threads: int) -> None:
    """Prepare a process of the pool; it is the parent's to be interrupted."""
    global _job
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    _job = job


def _in_process(number: int, chunk: list[Item]) -> _Outcome:
    global _inference
    if _inference is None:
        _inference = _Inference(_job)
    return _segment_chunk(_inference, number, chunk, int)


def _segment_chunk(inference: _Inference, number: int, chunk: list[Item], advance: Callable[[int], object]) -> _Outcome:
    failed = inference.run(chunk, advance)
    folder = Path(inference.job.scratch) / str(number)
    if len(failed) < len(chunk) and inference.folder.exists():
        inference.folder.rename(folder)
    return _Outcome(folder, failed)


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file())


def _owner(name: str, images: list[str]) -> str | None:
    """The image that a result is of: the one with the longest name that the result's begins with."""
    fitting = [image for image in images if Path(name).name.startswith(_stem(image))]
    return max(fitting, key=lambda image: len(_stem(image)), default=None)


def _path(item: Item) -> str:
    return str(item["image"])


def _stem(image: str) -> str:
    return stem(Path(image)) or Path(image).name
