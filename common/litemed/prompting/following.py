# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""An object of a volume from the slices that were prompted to those between and beyond."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from litemed.prompting.refining import Found, Place, Prompt, Refiner

__all__ = ["Cancelled", "Follower"]


class Cancelled(Exception):  # noqa: N818 - no error
    """What was asked for isn't wanted any more."""


class _Segment(NamedTuple):
    """Slices that follow from one that was prompted: ``prompts`` of it, towards ``end``, without either."""

    prompts: tuple[Prompt, ...]
    end: int


class Follower:
    """Follows objects of a volume from slice to slice, as `Box3DInferer` does: the box of the mask before, grown.

    Slices that bear prompts stay as these say. Between two of them each is followed to the middle; beyond the first and
    the last, until the object ends. What lies between slices whose prompts haven't changed isn't computed again.

    Args:
        refiner: of the volume's slices.
        depth: gives the number of slices of a plane.
        capacity: most segments kept.
    """

    def __init__(self, refiner: Refiner, depth: Callable[[str], int], capacity: int = 64) -> None:
        self._refiner = refiner
        self._depth = depth
        self._capacity = capacity
        self._held: OrderedDict[_Segment, list[Found]] = OrderedDict()
        self._lock = threading.Lock()

    def segments(self, prompts: Sequence[Prompt]) -> list[_Segment]:
        """What is to be followed for an object's prompts, in the plane of its first one."""
        plane = prompts[0].plane
        own: dict[int, list[Prompt]] = {}
        for prompt in prompts:
            if prompt.plane == plane:
                own.setdefault(prompt.index, []).append(prompt)
        ends, found = sorted(own), []
        for before, index, after in zip([None, *ends], ends, [*ends[1:], None], strict=False):
            down = -1 if before is None else (before + index) // 2
            up = self._depth(plane) if after is None else (index + after) // 2 + 1
            found += [_Segment(tuple(own[index]), end) for end in (down, up) if abs(end - index) > 1]
        return found

    def follow(self, segment: _Segment, seen: Callable[[int, Found], None]) -> None:
        """Masks of a segment's slices, from the prompted one on, as far as the object is found.

        Args:
            segment: of `segments`.
            seen: called with each slice's number and mask. What it raises ends the following, which goes on from there
                when it is asked for again.
        """
        place = segment.prompts[0].place
        with self._lock:
            found = list(self._held.pop(segment, ()))
        direction = 1 if segment.end > place.index else -1
        places = range(place.index + direction, segment.end, direction)
        try:
            for index, mask in zip(places, found, strict=False):
                seen(index, mask)
            box = (found[-1] if found else self._refiner.answer(segment.prompts)).following
            for index in places[len(found) :]:
                if box is None:
                    break
                found.append(self._refiner.follow(Place(place.plane, index), box))
                box = found[-1].following
                seen(index, found[-1])
        finally:
            with self._lock:
                self._held[segment] = found
                while len(self._held) > self._capacity:
                    self._held.popitem(last=False)
