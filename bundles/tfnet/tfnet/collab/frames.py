# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What is found in each frame: Algorithm 1 of the TF-Net paper, as a stream."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import numpy as np

from tfnet.classifier import CLASSES
from tfnet.collab.intervals import UNREADABLE, BreakUpSearch, Seen, Settler
from tfnet.collab.models import Models
from tfnet.collab.rings import Rings
from tfnet.collab.video import Frame

Item = TypeVar("Item")
Result = TypeVar("Result")

_LEAST = 0.01
"""Added to probabilities, so that one near 0 doesn't weigh without bound."""
_NEAR = 2 / 23.5
"""Most seconds between the neighbours of a frame that isn't looked at: a blink lasts a tenth of a second and more."""

__all__ = ["Finding", "Onset", "Patch", "find", "segments"]


@dataclass(frozen=True)
class Patch:
    """A mask of a part of a frame.

    Attributes:
        mask: bool ``(height, width)``.
        corner: x, y of its first pixel in the frame.
    """

    mask: np.ndarray
    corner: tuple[int, int]

    def mapped_back(self, height: int, width: int) -> np.ndarray:
        """The mask of the whole frame, bool ``(height, width)``: false outside the patch."""
        whole = np.zeros((height, width), dtype=bool)
        x, y = self.corner
        whole[y : y + self.mask.shape[0], x : x + self.mask.shape[1]] = self.mask
        return whole


@dataclass(frozen=True)
class Finding:
    """What is known of one frame; plain values only, so that it can be kept as JSON.

    Attributes:
        frame: its number, from 0.
        time: seconds since the first frame, or None without a frame rate.
        name: class of the frame after smoothing, or ``unreadable``.
        raw: class by its probabilities alone.
        probabilities: of clear, closed, broken and blur; empty for an unreadable frame.
        classified: whether the classifier saw it; else it is unreadable, or has its two neighbours' class and
            probabilities.
        since: frames since the last closed frame, or since the first open one.
        seconds_since: the same in seconds.
        begins: whether a break-up may begin with it, see :class:`BreakUpSearch`.
        score: of the detector, in an open frame; None where no rings were found, or looked for: in a frame that wasn't
            classified, only what is segmented is searched for them.
        periodicity: of the rings, see :class:`Rings`.
        rings_counted: number of rings, by their period.
        visible: part of the area within the outer ring that lies in the frame.
        diameter: of the outer ring in pixels.
        centre: of the outer ring, x and y in pixels.
        searched: whether the frame was to be segmented; with the gate, broken frames only.
        boxes: inside, middle and outside box as x0, y0, x1, y1 in pixels; empty where it wasn't segmented.
        clipped: whether the outside box leaves a frame that was segmented.
        area: broken pixels, or None for a frame that wasn't segmented.
        fraction: broken part of the area within the outer ring and the frame.
        cells: broken pixels of each ring zone and clock sector, ``(3, 12)``; empty for a frame without a mask.
    """

    frame: int
    time: float | None
    name: str
    raw: str = UNREADABLE
    probabilities: list[float] = field(default_factory=list)
    classified: bool = True
    since: int | None = None
    seconds_since: float | None = None
    begins: bool = False
    score: float | None = None
    periodicity: float | None = None
    rings_counted: int | None = None
    visible: float | None = None
    diameter: float | None = None
    centre: list[float] | None = None
    searched: bool = False
    boxes: list[list[float]] = field(default_factory=list)
    clipped: bool = False
    area: int | None = None
    fraction: float | None = None
    cells: list[list[int]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; ``Finding(**values)`` is its inverse."""
        return asdict(self)

    @property
    def seen(self) -> Seen:
        """What its classes tell. Log-odds stay within 4.6, so that no single frame decides."""
        clear, _, broken, _ = self.probabilities or [0.0] * len(CLASSES)
        return Seen(self.frame, self.time, self.name, math.log((broken + _LEAST) / (clear + _LEAST)))

    @property
    def rings(self) -> Rings | None:
        """The rings, or None where none were found."""
        return Rings(np.asarray(self.boxes), self.score or 0.0) if self.boxes else None


class Onset:
    """Follows the last blink: how long ago it was, and whether the tear film has broken up since.

    Args:
        evidence: that a break-up has to gather, see :class:`BreakUpSearch`.
    """

    def __init__(self, evidence: float = 0.0) -> None:
        self._frame: int | None = None
        self._time: float | None = None
        self._search = BreakUpSearch(evidence)
        self.settled: str | None = None

    def see(self, seen: Seen) -> tuple[int | None, float | None, bool]:
        """Take the next frame; give frames and seconds since the onset, and whether a break-up may begin."""
        frame, time, name, odds = seen
        if name == UNREADABLE:
            return None, None, False
        self.settled = name
        if name == "closed" or self._frame is None:
            self._frame, self._time = frame, time
            self._search.restart()
        begins = self._search.see(name, odds)
        seconds = None if time is None or self._time is None else round(time - self._time, 6)
        return frame - self._frame, seconds, begins


def segments(name: str, gate: bool) -> bool:
    """Whether frames of a class are searched for rings and segmented: broken ones, or without the gate all open."""
    return name == "broken" if gate else name in ("clear", "broken", "blur")


def find(
    frames: Iterable[Frame], models: Models, gate: bool, smooth: int, onset: Onset, sparse: bool = False
) -> Iterator[tuple[Frame, Finding, Patch | None]]:
    """Classify, detect, crop and segment frame by frame; several at once where the models take several.

    Args:
        frames: in order; unreadable ones pass through.
        models: the three models.
        gate: segment broken frames only; else all open ones, as Algorithm 1 is printed.
        smooth: frames that an error of the classifier may last, see :class:`Settler`.
        onset: what came before the first of these frames; it follows them.
        sparse: classify every other frame, and one between two of them only where their classes differ, or where they
            are more than a twelfth of a second apart: between equal ones it has their class and mean probabilities. Nor
            are its rings looked for unless it is to be segmented.

    Yields:
        each frame with what is known of it, and its mask within the crop, or None.
    """
    workers = getattr(models, "workers", 1)
    with ThreadPoolExecutor(workers) if workers > 1 else nullcontext() as pool:
        known = _settled(_classified_in_turn(frames, models, pool, workers, sparse), smooth, onset)
        yield from _in_turn(lambda item: _located(*item, models, gate), known, pool, workers)


def _classified_in_turn(
    frames: Iterable[Frame], models: Models, pool: Executor | None, workers: int, sparse: bool
) -> Iterator[tuple[Frame, list[float], bool]]:
    """Frames with their probabilities, and whether the classifier saw them."""
    ahead = 0 if pool is None else workers
    if sparse:
        ahead = 2 * ahead + 1  # every other one is worked on, and a frame's next has to be there
    waiting: deque[tuple[Frame, Future[list[float]] | None]] = deque()
    before: list[float] = []
    last: Frame | None = None

    def between(frame: Frame) -> list[float]:
        """Mean probabilities of the neighbours of an unclassified frame; none where they can't tell its class."""
        future = waiting[0][1] if waiting else None
        if frame.image is None or not before or future is None or not _are_near(last, waiting[0][0]):
            return []
        after = future.result()
        if _likeliest(before) != _likeliest(after):
            return []
        return [round((one + other) / 2, 4) for one, other in zip(before, after, strict=True)]

    def next_one() -> tuple[Frame, list[float], bool]:
        nonlocal last
        frame, future = waiting.popleft()
        told = [] if future is not None else between(frame)
        before[:] = told or (future or _submitted(pool, _classified, frame, models)).result()
        last = frame
        return frame, list(before), not told and frame.image is not None

    try:
        for frame in frames:
            looked = not sparse or frame.index % 2 == 0
            waiting.append((frame, _submitted(pool, _classified, frame, models) if looked else None))
            if len(waiting) > ahead:
                yield next_one()
        while waiting:
            yield next_one()
    finally:
        for _, future in waiting:
            if future is not None:
                future.cancel()


def _are_near(before: Frame | None, after: Frame) -> bool:
    """Whether no class comes and goes between two frames: a blink lasts longer."""
    if before is None or before.time is None or after.time is None:
        return False
    return after.time - before.time <= _NEAR


def _submitted(pool: Executor | None, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
    """The result to come of a pool; without one it is made at once."""
    if pool is not None:
        return pool.submit(function, *arguments)
    future: Future[Result] = Future()
    future.set_result(function(*arguments))
    return future


def _in_turn(
    function: Callable[[Item], Result], items: Iterable[Item], pool: Executor | None, ahead: int
) -> Iterator[Result]:
    """The function's results in the order of the items, which a pool works on ahead of their turn."""
    if pool is None:
        yield from map(function, items)
        return
    running: deque[Future[Result]] = deque()
    try:
        for item in items:
            running.append(pool.submit(function, item))
            if len(running) > ahead:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()


def _classified(frame: Frame, models: Models) -> list[float]:
    return [] if frame.image is None else [round(float(p), 4) for p in models.classify(frame.image)]


def _likeliest(probabilities: list[float]) -> str:
    return CLASSES[int(np.argmax(probabilities))] if probabilities else UNREADABLE


def _settled(
    classified: Iterable[tuple[Frame, list[float], bool]], smooth: int, onset: Onset
) -> Iterator[tuple[Frame, dict[str, Any]]]:
    """Frames with what their classes tell, after smoothing."""
    settler = Settler(smooth, onset.settled)
    waiting: deque[tuple[Frame, list[float], bool]] = deque()

    def known(name: str) -> tuple[Frame, dict[str, Any]]:
        frame, probabilities, classified = waiting.popleft()
        found: dict[str, Any] = {
            "frame": frame.index,
            "time": None if frame.time is None else round(frame.time, 6),
            "name": name,
            "raw": _likeliest(probabilities),
            "probabilities": probabilities,
            "classified": classified,
        }
        since, seconds, begins = onset.see(Finding(**found).seen)
        return frame, {**found, "since": since, "seconds_since": seconds, "begins": begins}

    for item in classified:
        waiting.append(item)
        yield from map(known, settler.push(_likeliest(item[1])))
    yield from map(known, settler.flush())


def _located(frame: Frame, known: dict[str, Any], models: Models, gate: bool) -> tuple[Frame, Finding, Patch | None]:
    """Add what the rings are like in an open frame, and the break-up where it is to be looked for."""
    if frame.image is None or known["name"] == "closed":
        return frame, Finding(**known), None
    height, width = frame.image.shape
    searched = segments(known["name"], gate)
    if not searched and not known["classified"]:
        return frame, Finding(**known), None
    rings = models.detect(frame.image)
    box = None if rings is None else rings.crop_box(height, width)
    if rings is None or box is None:
        return frame, Finding(**known, searched=searched), None
    areas = rings.areas(height, width)
    known = {
        **known,
        "score": round(float(rings.score), 4),
        "periodicity": round(float(rings.periodicity), 4),
        "rings_counted": rings.number,
        "visible": round(float(areas.sum() / (np.pi * rings.half_sides.prod())), 4),
        "diameter": round(2 * float(np.sqrt(rings.half_sides.prod())), 2),
        "centre": np.round(rings.centre, 2).tolist(),
    }
    if not searched:
        return frame, Finding(**known), None
    x0, y0, x1, y1 = box
    crop = np.ascontiguousarray(frame.image[y0:y1, x0:x1])
    mask = np.asarray(models.segment(crop), dtype=bool)
    if mask.shape != crop.shape:
        raise ValueError(
            f"expected a mask of the crop's {crop.shape[1]}x{crop.shape[0]} pixels, got {mask.shape[::-1]}"
        )
    cells = rings.count(mask, (x0, y0))
    finding = Finding(
        **known,
        searched=True,
        boxes=np.round(rings.boxes, 2).tolist(),
        clipped=rings.leaves(height, width),
        area=int(mask.sum()),
        fraction=round(float(min(1.0, cells.sum() / max(areas.sum(), 1))), 6),
        cells=cells.tolist(),
    )
    return frame, finding, Patch(mask, (x0, y0))
