# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Plots of any recording are pictures of one size, and show what there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tfnet.collab.intervals import Seen, blink_intervals
from tfnet.collab.plots import plot_maps, plot_timeline

NAMES = {"c": "clear", "x": "closed", "b": "broken", "u": "blur", "?": "unreadable"}


def _colours(path: Path) -> set[tuple[int, int, int]]:
    picture = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
    return {tuple(colour) for colour in np.unique(picture, axis=0).tolist()}


@pytest.mark.parametrize(("word", "in_seconds"), [("xccbbu?x", True), ("x", False)])
def test_timeline_shows_the_classes(word: str, in_seconds: bool, tmp_path: Path) -> None:
    names = [NAMES[letter] for letter in word]
    times = [place / 10 if in_seconds else float(place) for place in range(len(word))]
    intervals = list(blink_intervals(map(Seen, range(len(word)), times, names)))
    percents = [2.0 if letter == "b" else float("nan") for letter in word]
    plot_timeline(tmp_path / "timeline.png", times, names, percents, intervals, in_seconds)
    assert Image.open(tmp_path / "timeline.png").size == (1210, 484)
    shown = _colours(tmp_path / "timeline.png")
    assert ((0xD5, 0x5E, 0x00) in shown) == ("b" in word)
    assert (0x8A, 0x8F, 0x98) in shown
    assert ((0x56, 0xB4, 0xE9) in shown) == ("u" in word)


def test_maps_with_and_without_break_up(tmp_path: Path) -> None:
    onsets = np.full((3, 12), np.nan)
    empty = np.zeros((20, 20), dtype=int)
    plot_maps(tmp_path / "none.png", empty, empty, onsets, True)
    onsets[2, 2] = 1.5
    plot_maps(tmp_path / "some.png", empty + 1, empty + 2, onsets, False)
    assert Image.open(tmp_path / "none.png").size == Image.open(tmp_path / "some.png").size == (1210, 572)
    assert _colours(tmp_path / "none.png") != _colours(tmp_path / "some.png")
