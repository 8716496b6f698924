# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""When a recording gets no answer: its rings weren't found, or can't be told from anything else, or aren't whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfnet.collab.frames import Finding
from tfnet.collab.intervals import UNREADABLE
from tfnet.collab.measures import is_slow

__all__ = ["LEAST_PERIODICITY", "LEAST_SCORE", "LEAST_SURE", "Trust", "is_sure"]

LEAST_SCORE = 0.5
"""Probability of rings from which they count as found."""

LEAST_PERIODICITY = 0.5
"""Periodicity from which a frame's rings count as rings; set on validation by ``eval/refusals.py``."""

LEAST_SURE = 0.5
"""Share of the open, sharp frames whose rings have to be rings beyond doubt for a recording to get an answer."""

_LEAST_RINGS = 5  # to the middle box
_LEAST_VISIBLE = 0.7
_MOST_BLURRED = 0.8
_ZOOM = 1.25


def is_sure(score: float | None, periodicity: float | None) -> bool:
    """Whether the rings of a frame are rings beyond doubt."""
    return (score or 0.0) >= LEAST_SCORE and (periodicity or 0.0) >= LEAST_PERIODICITY


@dataclass
class Trust:
    """Gathers, frame by frame, what tells whether a recording can be answered for."""

    open_frames: int = 0
    blurred: int = 0
    scores: list[float] = field(default_factory=list)
    periodicities: list[float] = field(default_factory=list)
    sure: int = 0
    rings: list[int] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)
    diameters: list[float] = field(default_factory=list)
    centres: list[list[float]] = field(default_factory=list)

    def see(self, finding: Finding) -> None:
        """Take the next frame; one that wasn't classified isn't counted, though its rings may have been found."""
        if not finding.classified or finding.name in ("closed", UNREADABLE):
            return
        self.open_frames += 1
        if finding.name == "blur":
            self.blurred += 1
            return
        self.scores.append(finding.score or 0.0)
        self.periodicities.append(finding.periodicity or 0.0)
        if not is_sure(finding.score, finding.periodicity):
            return
        self.sure += 1
        self.visible.append(1.0 if finding.visible is None else finding.visible)
        if finding.rings_counted is not None:
            self.rings.append(finding.rings_counted)
        if finding.diameter is not None:
            self.diameters.append(finding.diameter)
        if finding.centre is not None:
            self.centres.append(finding.centre)

    def reasons(self) -> list[str]:
        """Why the recording gets no answer, a sentence each; empty where it gets one."""
        sharp = self.open_frames - self.blurred
        if not self.open_frames:
            return ["The eye is closed in every frame: there is no break-up time."]
        if not sharp:
            return ["No frame is sharp enough to assess: there is no break-up time."]
        reasons = []
        if self.sure < LEAST_SURE * sharp:
            reasons.append(
                f"Placido rings were seen beyond doubt in {self.sure} of the {sharp} open, sharp frames that were "
                "classified: this may be a film of something else, or of a device unlike those that the networks "
                "learned."
            )
        elif np.median(self.visible) < _LEAST_VISIBLE:
            reasons.append(
                f"Only {100 * np.median(self.visible):.0f} % of the area within the rings is in the picture."
            )
        elif self.rings and np.median(self.rings) < _LEAST_RINGS:
            reasons.append(f"Only {np.median(self.rings):.0f} rings were counted; {_LEAST_RINGS} are needed.")
        if self.blurred > _MOST_BLURRED * self.open_frames:
            reasons.append(f"{self.blurred} of {self.open_frames} open frames are too blurred to assess.")
        return reasons

    def notes(self, frame_rate: float | None) -> list[str]:
        """What makes an answer less certain, a sentence each; empty where there is none."""
        if self.reasons():
            return []
        notes = []
        if self.diameters:
            low, high = np.percentile(self.diameters, (2, 98))
            if high > _ZOOM * low:
                notes.append(
                    f"The rings' size changes from {low:.0f} to {high:.0f} pixels: by zoom, or the distance to the eye."
                )
        if self.centres:
            (left, top), (right, bottom) = np.percentile(self.centres, (2, 98), axis=0)
            if max(right - left, bottom - top) > np.median(self.diameters):
                notes.append(
                    "The rings' place jumps by more than their width: two eyes, or films of two, may be in this one."
                )
        if frame_rate is not None and is_slow(frame_rate):
            notes.append(
                f"With {frame_rate:.3g} frames a second, times are known to {1 / frame_rate:.2g} s at best, and blinks "
                "can fall between frames: no rate of blinks is told."
            )
        return notes

    def as_dict(self, frame_rate: float | None) -> dict[str, Any]:
        """For the report."""
        reasons = self.reasons()
        return {
            "given": not reasons,
            "reasons": reasons,
            "notes": self.notes(frame_rate),
            "open_frames": self.open_frames,
            "sharp_frames": self.open_frames - self.blurred,
            "frames_with_rings_beyond_doubt": self.sure,
            "median_score": _median(self.scores),
            "median_periodicity": _median(self.periodicities),
            "median_rings": _median(self.rings),
            "least_score": LEAST_SCORE,
            "least_periodicity": LEAST_PERIODICITY,
        }


def _median(values: list[Any]) -> float | None:
    return round(float(np.median(values)), 4) if values else None
