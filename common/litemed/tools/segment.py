# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Segmenting the pictures or volumes of a folder by a bundle's inference, in parallel, going on after a bad file."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from ignite.engine import Events
from monai.bundle import ConfigWorkflow
from tqdm import tqdm

from litemed.files import only_writer, scratch
from litemed.images.names import check_result_names, image_part
from litemed.notices import collect_notices
from litemed.parallel import WorkerDiedError, in_parallel, usual_workers
from litemed.tools.manifest import describe_input, describe_run, write_manifest
from litemed.tools.workflows import open_workflow, quiet, reason, set_value, user_errors
from litemed.training.weights import LoadWeights

__all__ = ["Segmentation", "TableWriter", "segment"]

Item = dict[str, Any]

_OWN_OPTIONS = {"dataset_dir": "the input", "output_dir": "--out", "boxes": "--box"}
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@runtime_checkable
class TableWriter(Protocol):
    """A handler of a bundle that writes tables on all images together when an evaluator has completed."""

    output_dir: Path | None

    @property
    def rows(self) -> list[Any]:
        """What it has collected of the images of the last run; can be pickled."""

    def write(self, rows: list[Any]) -> None:
        """Write the tables of the rows of many runs into ``output_dir``."""


@dataclass
class Segmentation:
    """What became of each picture or volume.

    Attributes:
        bundle: whose network was used.
        output_dir: where the results are.
        results: for each image that was segmented the names of its files in ``output_dir``.
        tables: names of files on all images together.
        failed: for each image that could not be segmented, why.
        notices: for each image what should be known of its results.
    """

    bundle: str
    output_dir: str
    results: dict[str, list[str]] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    notices: dict[str, list[str]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self)

    def summary(self) -> str:
        """For reading: how many there are, where, and what failed."""
        lines = [f"note: {notice}" for notices in self.notices.values() for notice in notices]
        lines += [f"not segmented: {image}: {why}" for image, why in self.failed.items()]
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
    overrides: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Segmentation:
    """Segment an image, or the images of a folder, by ``configs/inference.json`` of a bundle.

    The results are those of ``python -m monai.bundle run --config_file .../inference.json --dataset_dir SOURCE
    --output_dir OUTPUT_DIR``. Each process loads the bundle once and runs its engine for one image at a time. An image
    that can't be read or segmented is left out and listed.

    Args:
        source: an image or a folder of them: whatever the bundle reads.
        bundle: its name or folder.
        output_dir: where the results are written, made when it isn't there. Each file is whole.
        boxes: for bundles that take boxes: see `litemed.prompting.list_prompted`.
        workers: processes; by default as many as there are cores, if there are images enough for them, and one with a
            GPU.
        overrides: values by id of the configuration; ``application`` reads the application's override file too.
        progress: show a bar.

    Raises:
        FileNotFoundError: when there is no such image, folder, bundle, file of boxes or file of weights, or no image in
            the folder.
        OSError: when the results can't be written, or processes die.
        ValueError: for an option that the bundle doesn't have, boxes for a bundle that takes none, boxes that can't be
            read, or two images whose results would have one name.
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
        workflow = _open(bundle, options, path, boxes)
        items = list(workflow.parser.get_parsed_content("dataset#data"))
    name = workflow.config_root_path.parent.name
    if not items:
        raise FileNotFoundError(f"{name} finds no image at {path}")
    check_result_names(items)
    _check_weights(workflow, name)
    is_new = not output.exists()
    try:
        with only_writer(output), scratch(output) as folder:
            return _segment_all(workflow, _Inference(str(bundle), options, folder), items, workers, progress)
    except WorkerDiedError as error:
        raise ChildProcessError(f"{error}, perhaps for lack of memory: try fewer workers") from error
    finally:
        if is_new and output.exists() and not any(output.iterdir()):
            output.rmdir()


class _Outcome(NamedTuple):
    """What became of an image: where its files lie, what tables say of it, by handler, notices, or why it failed.

    ``source`` describes the image, and ``seconds`` passed from reading it to the last of its files.
    """

    folder: Path
    rows: dict[int, list[Any]]
    notices: list[str]
    failed: str | None = None
    seconds: float = 0.0
    source: Mapping[str, Any] | None = None


class _NotBegunError(Exception):
    """A run that ended before its first image: its cause is what every other run would end by."""


class _Inference:
    """A bundle's inference, called with one image after the other; each process loads it at its first one."""

    def __init__(self, bundle: str, options: Mapping[str, Any], scratch: Path) -> None:
        self.bundle = bundle
        self.options = dict(options)
        self.scratch = scratch
        self._folder: Path | None = None

    def __call__(self, item: Item) -> _Outcome:
        """Run the engine for an image, with its results in a folder of its own.

        Raises:
            OSError: when the disk can't be written to.
            ValueError: when the run can't begin, since the network's weights can't be loaded, say.
        """
        try:
            with collect_notices() as notices, quiet(), redirect_stdout(sys.stderr):
                folder = self._run(item)
                series = item.get("series", self.options.get("series"))
                source = describe_input(item["image"], item.get("page"), series)
        except Exception as error:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None  # an engine doesn't run again after an error
            cause = error.__cause__ or error if isinstance(error, _NotBegunError) else error
            _raise_disk_error(cause, self.scratch.parent)
            if isinstance(error, _NotBegunError):
                raise ValueError(reason(cause)) from cause
            return _Outcome(Path(), {}, [], reason(cause))
        rows = {number: list(table.rows) for number, table in self._tables.items()}
        return _Outcome(folder, rows, notices, None, self._seconds, source)

    def _run(self, item: Item) -> Path:
        self._has_begun = False
        try:
            if self._folder is None:
                self._load()
            self._dataset.data = [item]
            self._evaluator.state.epoch_length = 1
            self._evaluator.run()
        except Exception as error:
            if not self._has_begun:
                raise _NotBegunError from error
            raise
        self._seconds = time.perf_counter() - self._began
        for handler in self._handlers:  # weights are loaded once
            if isinstance(handler, LoadWeights) and self._evaluator.has_event_handler(handler, Events.STARTED):
                self._evaluator.remove_event_handler(handler, Events.STARTED)
        results = Path(tempfile.mkdtemp(dir=self.scratch))
        if self._folder is not None and self._folder.exists():
            results.rmdir()
            self._folder.rename(results)
        return results

    def _load(self) -> None:
        folder = self.scratch / f"process-{os.getpid()}"
        with user_errors():
            workflow = open_workflow(self.bundle, "inference", {**self.options, "output_dir": str(folder)}, "infer")
            workflow.parser["dataset#data"] = []
            for handler in workflow.parser.get("handlers", []):
                if str(handler.get("_target_", "")).endswith("ProgressBar"):
                    handler["disable"] = True
            workflow.initialize()
            self._dataset = workflow.parser.get_parsed_content("dataset")
            self._evaluator = workflow.parser.get_parsed_content("evaluator")
            self._handlers = workflow.parser.get_parsed_content("handlers") if "handlers" in workflow.parser else []
            self._tables = {n: each for n, each in enumerate(self._handlers) if isinstance(each, TableWriter)}
        for table in self._tables.values():
            table.output_dir = None
        self._evaluator.add_event_handler(Events.EPOCH_STARTED, self._begin)
        self._folder = folder

    def _begin(self) -> None:
        self._has_begun = True
        self._began = time.perf_counter()


def _open(bundle: str | os.PathLike[str], options: Mapping[str, Any], path: Path, boxes: Any) -> ConfigWorkflow:
    """The bundle's inference, with the images that there are to segment."""
    workflow = open_workflow(bundle, "inference", options, "infer")
    parser, name = workflow.parser, workflow.config_root_path.parent.name
    if boxes is not None and "boxes" not in parser:
        raise ValueError(f"{name} takes no boxes: it segments the whole image")
    if "dataset#data" not in parser:
        raise ValueError(f"{name}'s inference.json doesn't list images: expected them under dataset#data")
    set_value(parser, "dataset_dir", str(path))
    if boxes is not None:
        set_value(parser, "boxes", boxes)
    parser.parse(reset=True)
    return workflow


def _check_weights(workflow: ConfigWorkflow, name: str) -> None:
    parser = workflow.parser
    path = str(parser.get_parsed_content("ckpt_path")) if "ckpt_path" in parser else ""
    is_file = os.sep in path or path.endswith(".pt")  # and not the name of published weights
    if is_file and not Path(path).expanduser().is_file():
        raise FileNotFoundError(f"{name} has no weights at {path}: train it, or download it again")


def _segment_all(
    workflow: ConfigWorkflow, inference: _Inference, items: Sequence[Item], workers: int | None, progress: bool
) -> Segmentation:
    """Segment images and put their results into the output folder as they come."""
    output = inference.scratch.parent
    result = Segmentation(workflow.config_root_path.parent.name, str(output))
    rows: dict[int, dict[str, list[Any]]] = {}
    owners: dict[str, str] = {}
    manifest: dict[str, dict[str, Any]] = {}
    count = workers or (1 if torch.cuda.is_available() else usual_workers(len(items)))
    outcomes: Any = in_parallel(
        inference,
        items,
        workers=count,
        threads=max(1, torch.get_num_threads() // min(count, len(items))),
        lost=lambda _: _Outcome(Path(), {}, [], "a process died, perhaps for lack of memory: try fewer workers"),
    )
    with (
        closing(outcomes),
        tqdm(total=len(items), desc="segmenting", unit="file", disable=None if progress else True) as bar,
    ):
        for item, outcome in outcomes:
            image = _name(item)
            bar.update(1)
            if outcome.failed is not None:
                result.failed[image] = outcome.failed
                continue
            result.results[image] = _move(outcome.folder, output, image, owners)
            manifest[image] = {
                "input": outcome.source,
                "files": result.results[image],
                "seconds": round(outcome.seconds, 3),
                "warnings": outcome.notices,
            }
            if outcome.notices:
                result.notices[image] = outcome.notices
            for number, own in outcome.rows.items():
                rows.setdefault(number, {})[image] = own
    for each in ("results", "failed", "notices"):
        setattr(result, each, dict(sorted(getattr(result, each).items())))
    if rows:
        result.tables = _write_tables(workflow, rows, inference.scratch / "tables", output)
    if manifest:
        parser, folder = workflow.parser, workflow.config_root_path.parent
        weights = parser.get_parsed_content("ckpt_path") if "ckpt_path" in parser else None
        write_manifest(output, dict(sorted(manifest.items())), **describe_run(folder, weights, inference.options))
    return result


def _move(folder: Path, output: Path, image: str, owners: dict[str, str]) -> list[str]:
    """Move the files of a folder into the output folder; their names there."""
    names = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    for name in names:
        if owners.setdefault(name, image) != image:
            raise ValueError(
                f"{owners[name]} and {image} both gave {name}: a table on all images is for a handler with rows, "
                f"see litemed.tools.segment.TableWriter"
            )
    for name in names:
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).replace(output / name)
    shutil.rmtree(folder)
    return names


def _write_tables(
    workflow: ConfigWorkflow, rows: Mapping[int, Mapping[str, list[Any]]], folder: Path, output: Path
) -> list[str]:
    """Write the tables on all images, in the order of their names; the names of the files."""
    with user_errors(), quiet(), redirect_stdout(sys.stderr):
        for number, by_image in rows.items():
            table = workflow.parser.get_parsed_content(f"handlers#{number}")
            table.output_dir = folder
            table.write([row for image in sorted(by_image) for row in by_image[image]])
    return _move(folder, output, "the tables", {})


def _raise_disk_error(error: BaseException, folder: Path) -> None:
    """Raise what every other image would fail by too: the disk is full, or can't be written to."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:  # an error that was raised again is its own cause's cause
        chain.append(link)
        link = link.__cause__ or link.__context__
    for each in chain:
        if isinstance(each, OSError) and each.errno in _OF_THE_DISK:
            raise OSError(each.errno, os.strerror(each.errno), str(folder)) from error


def _name(item: Item) -> str:
    """The path of an image, and its page when it has several."""
    part = image_part(item)
    return str(item["image"]) + (f" ({part})" if part else "")
