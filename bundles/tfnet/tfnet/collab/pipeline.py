# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""TF-Collab: from a tear-film video to break-up times, masks, maps and a report."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from litemed.files import only_writer
from litemed.tools.manifest import describe_input, describe_run, write_manifest
from tqdm import tqdm

from tfnet import BUNDLE_ROOT
from tfnet.collab.chunks import CHUNK_LENGTH, Chunks
from tfnet.collab.frames import Onset, find
from tfnet.collab.models import Models
from tfnet.collab.report import write_results
from tfnet.collab.video import FrameSource, open_source, prefetched
from tfnet.collab.visit import Visit

__all__ = ["EVIDENCE", "RESULT_NAMES", "Options", "analyse", "evidence_of"]

Item = TypeVar("Item")

RESULT_NAMES = (
    *("masks", "frames.csv", "annotated.mp4", "heatmap.png", "timeline.png"),
    *("visit.pdf", "visit.html", "recordings.csv", "report.html", "run.json", "report.json"),
)
"""What a run writes; the report in JSON comes last, so that where it is, all is."""

_VERSION = 5
_USUAL_FRAME_RATE = 25.0

EVIDENCE = 4.0
"""By default; chosen on simulated validation films, see ``docs/results.md``."""


@dataclass(frozen=True)
class Options:
    """How a recording is analysed.

    Attributes:
        gate: segment frames of class broken only. False segments all open frames, as Algorithm 1 is printed.
        smooth: frames in a row that an error of the classifier may last and still be dropped; 0, as in the paper, drops
            none.
        evidence: that a break-up has to gather until the next blink, see :class:`tfnet.collab.intervals.BreakUpSearch`;
            0 takes the first broken frame, as the paper does.
        fps: frames a second, in place of the file's timestamps; needed for times in seconds from a folder of pictures.
        annotated_video: whether to write the annotated video.
        every_frame: classify every frame. Else, where there are 24 a second or more, one between two frames of the
            same class isn't classified, see :func:`tfnet.collab.frames.find`.
    """

    gate: bool = True
    smooth: int = 0
    evidence: float = EVIDENCE
    fps: float | None = None
    annotated_video: bool = True
    every_frame: bool = False


def evidence_of(text: str) -> float:
    """The evidence that an option asks for: a number, or ``paper`` for 0.

    Raises:
        ValueError: for anything else.
    """
    try:
        return 0.0 if text == "paper" else float(text)
    except ValueError:
        raise ValueError(f"expected evidence as a number, or paper, got {text!r}") from None


def analyse(
    video: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    models: Models,
    options: Options | None = None,
    progress: bool = True,
    visit: Visit | None = None,
) -> dict[str, Any]:
    """Analyse a recording and write the results.

    It is read frame by frame; what is kept of each takes some hundred bytes. An interrupted call leaves the output as
    it was, but for a hidden folder from which the same call goes on, to the same result as an unbroken one.

    Args:
        video: a video file, or a folder of pictures in the order of their names.
        output_dir: folder for the results: ``report.json`` and ``report.html``, ``visit.pdf`` and ``visit.html`` (one
            page to print), ``recordings.csv`` (a row), ``frames.csv``, ``masks/`` (a picture for every segmented frame,
            in the frame's own coordinates), ``annotated.mp4``, ``heatmap.png``, ``timeline.png``, and ``run.json``,
            which tells what they were made from and with. Results of an earlier call are replaced. Without an answer
            there are no masks, no video and no map.
        models: classifier, detector and segmenter.
        options: how to analyse; by default as in :class:`Options`.
        progress: show a progress bar.
        visit: whose recording it is, for the report.

    Returns:
        the content of ``report.json``.

    Raises:
        FileNotFoundError: when there is no such video.
        BlockingIOError: while another call writes into the folder.
        ValueError: when it holds no readable frame, or an option is out of range.
    """
    began = time.perf_counter()
    options = options or Options()
    if options.smooth < 0:
        raise ValueError(f"expected smoothing over at least 0 frames, got smooth={options.smooth}")
    onset = Onset(options.evidence)
    source = open_source(video, options.fps)
    output = Path(output_dir).expanduser().absolute()
    _check_output(source.path, output)
    rate = (source.frame_rate or _USUAL_FRAME_RATE) if options.annotated_video else None
    with only_writer(output):
        chunks = Chunks(output, _key(source, models, options), rate)
        _fill(chunks, source, models, options, onset, progress)
        result = chunks.folder / "result"
        shutil.rmtree(result, ignore_errors=True)
        result.mkdir()
        report = write_results(result, chunks, source, asdict(options), models.identity, visit)
        _write_manifest(result, source, models, options, report["notes"], time.perf_counter() - began)
        _publish(result, output)
        chunks.remove()
    return report


def _check_output(recording: Path, output: Path) -> None:
    """Refuse an output in which results would replace the recording, or be read as a part of it."""
    if recording == output or recording in [output / name for name in RESULT_NAMES]:
        raise ValueError(f"the results would overwrite the recording {recording}: choose another output folder")


def _fill(chunks: Chunks, source: FrameSource, models: Models, options: Options, onset: Onset, progress: bool) -> None:
    """Find what the chunks lack. Frames are decoded, analysed and written by a thread each."""
    for finding in chunks.findings():
        onset.see(finding.seen)
    first = len(chunks.complete())
    start = first * CHUNK_LENGTH
    bar = tqdm(
        desc=source.path.name, total=len(source), initial=min(start, len(source)), unit="frame", disable=not progress
    )
    with bar, closing(prefetched(source.read(start))) as frames:
        found = prefetched(find(frames, models, options.gate, options.smooth, onset, not options.every_frame))
        with closing(found):
            for number, part in enumerate(_batches(found, CHUNK_LENGTH), first):
                chunks.write(number, _counted(part, bar), (source.height, source.width))


def _batches(items: Iterator[Item], length: int) -> Iterator[Iterator[Item]]:
    """Iterators over ``length`` items each, to be used up one after the other; none is empty."""
    for item in items:
        yield chain([item], islice(items, length - 1))


def _counted(items: Iterable[Item], bar: tqdm) -> Iterator[Item]:
    for item in items:
        yield item
        bar.update()


def _key(source: FrameSource, models: Models, options: Options) -> dict[str, object]:
    """What the findings depend on."""
    path = source.path
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    recording = hashlib.sha256(repr(states).encode()).hexdigest()
    return {
        "version": _VERSION,
        "path": str(path),
        "recording": recording,
        "models": models.identity,
        **asdict(options),
    }


def _write_manifest(
    result: Path, source: FrameSource, models: Models, options: Options, notes: list[str], seconds: float
) -> None:
    """Write ``run.json``; of an interrupted analysis the seconds are those of the last call."""
    entry = {
        "input": {**describe_input(source.path), "size": [source.width, source.height], "frames": len(source)},
        "files": [name for name in RESULT_NAMES if (result / name).exists()],
        "seconds": round(seconds, 3),
        "warnings": notes,
    }
    run = describe_run(Path(BUNDLE_ROOT), models.identity, asdict(options))
    run["weights"] |= {"files": getattr(models, "weights", {})}
    write_manifest(result, {str(source.path): entry}, **run)


def _publish(result: Path, output: Path) -> None:
    """Put new results in the place of old ones."""
    for name in reversed(RESULT_NAMES):
        old = output / name
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)
    for name in RESULT_NAMES:
        if (result / name).exists():
            os.rename(result / name, output / name)
