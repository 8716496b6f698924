# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""From the class of every frame to blink intervals and their break-up times."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["UNREADABLE", "BreakUpSearch", "Interval", "Seen", "Settler", "blink_intervals", "first_break_up"]

UNREADABLE = "unreadable"
"""Stands for the class of a frame that can't be decoded."""


class Seen(NamedTuple):
    """What a frame shows.

    Attributes:
        frame: its number, from 0.
        time: its seconds, or None without a frame rate.
        name: its class.
        odds: natural logarithm of the odds of broken against clear; used only where evidence is asked for.
    """

    frame: int
    time: float | None
    name: str
    odds: float = 0.0


@dataclass
class Interval:
    """The time between two blinks.

    It begins with the last closed frame of a blink, as in Algorithm 1 of the paper, or with the recording's first
    frame, and ends with the last frame before the next blink or the end.

    Attributes:
        onset: number of the frame it begins with.
        onset_time: seconds of that frame; None without a frame rate, as all times.
        after_blink: whether a blink was seen before it. Without one the tear film is older than the interval.
        before_blink: whether a blink ends it; else the recording does.
        last: number of its last open frame.
        last_time: seconds of that frame.
        frames: number of open frames: clear, broken or blurred.
        assessable: how many of them are clear or broken.
        broken: how many are broken.
        break_up: number of the frame in which the break-up begins, or None.
        break_up_time: seconds of that frame.
    """

    onset: int
    onset_time: float | None
    after_blink: bool
    before_blink: bool = False
    last: int = 0
    last_time: float | None = None
    frames: int = 0
    assessable: int = 0
    broken: int = 0
    break_up: int | None = None
    break_up_time: float | None = None

    @property
    def time_in_frames(self) -> int | None:
        """Break-up time in frames: its first frame less the onset; None where none was seen."""
        return None if self.break_up is None else self.break_up - self.onset

    @property
    def time_in_seconds(self) -> float | None:
        """Break-up time in seconds; None where none was seen or without a frame rate."""
        if self.break_up_time is None or self.onset_time is None:
            return None
        return self.break_up_time - self.onset_time

    @property
    def observed_frames(self) -> int:
        """Frames from the onset to the last open frame."""
        return self.last - self.onset

    @property
    def observed_seconds(self) -> float | None:
        """Seconds from the onset to the last open frame."""
        if self.last_time is None or self.onset_time is None:
            return None
        return self.last_time - self.onset_time

    @property
    def statement(self) -> str:
        """The outcome as one sentence."""
        if self.assessable == 0:
            return "not assessable: every open frame is blurred"
        if self.break_up is None:
            return f"no break-up within {_span(self.observed_seconds, self.observed_frames)}"
        assert self.time_in_frames is not None
        found = f"break-up after {_span(self.time_in_seconds, self.time_in_frames)}"
        return found if self.after_blink else f"{found} of recording; no blink was seen before"


def _span(seconds: float | None, frames: int) -> str:
    return f"{frames} frames" if seconds is None else f"{seconds:.2f} s"


class BreakUpSearch:
    """Where the break-up of an interval begins, told frame by frame.

    By the paper it is the first broken frame. But a film that broke up stays so until the next blink, and a broken
    frame that clear ones follow is an error of the classifier. So with evidence asked for, it is found by Page's
    cumulative sum (Biometrika 41, 1954): from a broken frame on, the log-odds of broken against clear are added up; a
    sum that falls to 0 drops that beginning, and the next broken frame is the next. What is left at the interval's end
    is the beginning under which the classes of all frames are likeliest. It counts if its sum reaches the evidence.
    Blurred frames, which are neither broken nor clear, hardly change the sum.

    Args:
        evidence: the least sum of log-odds; 0, as in the paper, takes the first broken frame.
    """

    def __init__(self, evidence: float = 0.0) -> None:
        if not evidence >= 0:
            raise ValueError(f"expected evidence of at least 0, got {evidence}")
        self.evidence = evidence
        self._begun = False
        self._sum = 0.0

    def restart(self) -> None:
        """Forget everything: a new interval begins."""
        self._begun, self._sum = False, 0.0

    def see(self, name: str, odds: float) -> bool:
        """Take the class and the log-odds of the next open frame; tell whether a break-up may begin with it."""
        begins = name == "broken" and not self._begun
        self._begun |= begins
        if self._begun and self.evidence:
            self._sum += odds
            if self._sum <= 0:
                self.restart()
        return begins and self._begun

    @property
    def holds(self) -> bool:
        """Whether the beginning that stands counts as a break-up by now."""
        return self._begun and self._sum >= self.evidence


def blink_intervals(frames: Iterable[Seen], evidence: float = 0.0) -> Iterator[Interval]:
    """Divide a recording by its blinks.

    Args:
        frames: every frame, in order. Unreadable ones are passed over.
        evidence: that a break-up has to gather until the interval's end, see :class:`BreakUpSearch`.

    Yields:
        intervals with at least one open frame, as soon as they end.
    """
    current: Interval | None = None
    search = BreakUpSearch(evidence)
    for index, time, name, odds in frames:
        if name == UNREADABLE:
            continue
        if name == "closed":
            if current is not None and current.frames:
                current.before_blink = True
                yield _settled(current, search)
            current = Interval(index, time, after_blink=True)
            search.restart()
            continue
        if current is None:
            current = Interval(index, time, after_blink=False)
        current.last, current.last_time = index, time
        current.frames += 1
        current.assessable += name != "blur"
        current.broken += name == "broken"
        if search.see(name, odds):
            current.break_up, current.break_up_time = index, time
    if current is not None and current.frames:
        yield _settled(current, search)


def _settled(interval: Interval, search: BreakUpSearch) -> Interval:
    """The interval at its end, without a break-up that doesn't hold."""
    if not search.holds:
        interval.break_up, interval.break_up_time = None, None
    return interval


def first_break_up(intervals: Iterable[Interval]) -> Interval | None:
    """The interval whose break-up time is the ``t_BUT`` of Algorithm 1: the first that breaks up, blink or not."""
    return next((interval for interval in intervals if interval.break_up is not None), None)


class Settler:
    """Drop single-frame errors: a change of class counts only if it lasts.

    A change is taken, from its first frame on, when more than ``patience`` frames in a row (or all that are left) have
    the new class; else the frame keeps the class before it. A blink shorter than that is lost, so choose it by the
    frame rate: a blink lasts 0.1 to 0.4 s. Unreadable frames are passed over.

    Args:
        patience: frames that an error may last; 0 keeps every class as it is.
        settled: the class settled on before the first frame, or None.
    """

    def __init__(self, patience: int = 0, settled: str | None = None) -> None:
        if patience < 0:
            raise ValueError(f"expected smoothing over at least 0 frames, got {patience}")
        self.patience = patience
        self._settled = settled
        self._waiting: deque[str] = deque()

    def push(self, name: str) -> list[str]:
        """Take the class of the next frame; give those that are settled by it, the oldest first."""
        self._waiting.append(name)
        settled = []
        while self._readable() > self.patience or (self._waiting and self._waiting[0] == UNREADABLE):
            settled.append(self._settle())
        return settled

    def flush(self) -> list[str]:
        """Settle the frames that are left at the recording's end."""
        return [self._settle() for _ in range(len(self._waiting))]

    def _readable(self) -> int:
        return sum(name != UNREADABLE for name in self._waiting)

    def _settle(self) -> str:
        name = self._waiting[0]
        if name == UNREADABLE:
            return self._waiting.popleft()
        lasts = all(other in (name, UNREADABLE) for other in self._waiting)
        if self._settled is None or lasts:
            self._settled = name
        self._waiting.popleft()
        return self._settled
