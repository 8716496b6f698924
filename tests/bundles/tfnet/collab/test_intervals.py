# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Break-up times of words in which each letter is a frame."""

from __future__ import annotations

import numpy as np
import pytest
from tfnet.collab.intervals import UNREADABLE, BreakUpSearch, Interval, Seen, Settler, blink_intervals, first_break_up

NAMES = {"c": "clear", "x": "closed", "b": "broken", "u": "blur", "?": UNREADABLE}


ODDS = {"b": 2.0, "c": -3.0, "u": 0.1}


def _intervals(word: str, rate: float | None = 10, evidence: float = 0.0) -> list[Interval]:
    times = [None if rate is None else place / rate for place in range(len(word))]
    frames = [Seen(i, times[i], NAMES[letter], ODDS.get(letter, 0.0)) for i, letter in enumerate(word)]
    return list(blink_intervals(frames, evidence))


@pytest.mark.parametrize(
    ("word", "onsets", "times", "lasts"),
    [
        ("xxcccbbb", [1], [4], [7]),
        ("xcbxccbbx", [0, 3], [2, 3], [2, 7]),
        ("ccbxcc", [0, 3], [2, None], [2, 5]),
        ("xbxcccx", [0, 2], [1, None], [1, 5]),
        ("xcub?bx", [0], [3], [5]),
        ("cccc", [0], [None], [3]),
        ("xc?xb", [0, 3], [None, 1], [1, 4]),
        ("xxxx", [], [], []),
        ("????", [], [], []),
    ],
)
def test_every_interval_has_its_time(word: str, onsets: list[int], times: list[int | None], lasts: list[int]) -> None:
    intervals = _intervals(word)
    assert [interval.onset for interval in intervals] == onsets
    assert [interval.time_in_frames for interval in intervals] == times
    assert [interval.last for interval in intervals] == lasts
    seconds = [None if time is None else time / 10 for time in times]
    assert [interval.time_in_seconds for interval in intervals] == [
        None if second is None else pytest.approx(second) for second in seconds
    ]


def test_seconds_come_from_timestamps() -> None:
    frames = [(0, 0.0, "closed"), (1, 0.5, "clear"), (2, 2.25, "broken"), (3, 2.5, "clear")]
    (interval,) = blink_intervals(Seen(*frame) for frame in frames)
    assert (interval.time_in_frames, interval.time_in_seconds, interval.observed_seconds) == (2, 2.25, 2.5)


@pytest.mark.parametrize(
    ("word", "rate", "statement"),
    [
        ("xccccb", 10, "break-up after 0.50 s"),
        ("xccccb", None, "break-up after 5 frames"),
        ("xcccc", 10, "no break-up within 0.40 s"),
        ("xcccc", None, "no break-up within 4 frames"),
        ("xuuu", 10, "not assessable: every open frame is blurred"),
        ("ccb", 10, "break-up after 0.20 s of recording; no blink was seen before"),
    ],
)
def test_outcome_in_words(word: str, rate: float | None, statement: str) -> None:
    assert _intervals(word, rate)[0].statement == statement


def _algorithm_1(word: str) -> int | None:
    """The paper's lines 1 to 8, with frames from 1."""
    time, onset = None, 1
    for t, letter in enumerate(word, 1):
        if letter == "x":
            onset = t
        elif letter == "b" and time is None:
            time = t - onset
    return time


@pytest.mark.parametrize("word", ["xxcccbbbxcb", "ccbxcc", "cxxcuccxcccb", "cccc", "xbxb", "bb", "xxx", "uuxuub"])
def test_the_first_break_up_is_that_of_algorithm_1(word: str) -> None:
    first = first_break_up(_intervals(word))
    assert (None if first is None else first.time_in_frames) == _algorithm_1(word)


@pytest.mark.parametrize(
    ("word", "evidence", "times"),
    [
        ("xcbcccbbb", 6, [6]),  # 3 x 2 from frame 6; the frame before it was outweighed by a clear one
        ("xcbcccbbb", 6.5, [None]),
        ("xcbbbbcbb", 1, [2]),  # 8 - 3 + 4 from frame 2: more than 4 from frame 7
        ("xcbbcbb", 3, [2]),  # 4 - 3 + 4
        ("xcbbcb", 1, [2]),  # 4 - 3 + 2
        ("xcbbccb", 2, [6]),  # 4 - 6 is below 0
        ("xcbuubb", 6.2, [2]),  # 2 + .1 + .1 + 4: blur hardly counts
        ("xcb?bx", 4, [2]),
        ("xcbxcbbxbc", 4, [None, 2, None]),  # nothing is carried over a blink
        ("xubu", 2, [2]),
        ("xcbcccbbb", 0, [2]),
    ],
)
def test_a_break_up_that_has_to_last(word: str, evidence: float, times: list[int | None]) -> None:
    intervals = _intervals(word, evidence=evidence)
    assert [interval.time_in_frames for interval in intervals] == times
    assert [interval.break_up_time is None for interval in intervals] == [time is None for time in times]


def test_the_lasting_break_up_is_the_likeliest_one() -> None:
    """Of all beginnings in a broken frame, none explains the interval better, and a better one is never dropped."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        odds = rng.normal(0, 2, size=12)
        frames = [Seen(0, None, "closed")]
        frames += [Seen(i, None, "broken" if odd > 0 else "clear", odd) for i, odd in enumerate(odds.tolist(), 1)]
        (interval,) = blink_intervals(frames, evidence=1.5)
        gained = [odds[i:].sum() for i in range(12)]
        best = int(np.argmax(gained))
        assert interval.break_up == (best + 1 if gained[best] >= 1.5 else None)


def test_evidence_is_checked() -> None:
    with pytest.raises(ValueError, match="evidence of at least 0, got -1"):
        BreakUpSearch(-1)


def _settled(word: str, patience: int) -> str:
    settler = Settler(patience)
    letters = {name: letter for letter, name in NAMES.items()}
    names = [name for letter in word for name in settler.push(NAMES[letter])] + settler.flush()
    return "".join(letters[name] for name in names)


@pytest.mark.parametrize(
    ("patience", "word", "expected"),
    [
        (0, "cbcbxuc", "cbcbxuc"),
        (1, "ccbccc", "cccccc"),
        (1, "ccbbcc", "ccbbcc"),
        (2, "ccbbcc", "cccccc"),
        (1, "cbcbcbcb", "cccccccb"),
        (1, "cuxxxcc", "ccxxxcc"),
        (1, "ccb?cc", "ccc?cc"),
        (1, "ccb?bc", "ccb?bc"),
        (1, "cccb", "cccb"),
        (3, "cccxxxbbbb", "ccccccbbbb"),
    ],
)
def test_smoothing_drops_short_errors_only(patience: int, word: str, expected: str) -> None:
    assert _settled(word, patience) == expected


def test_smoothing_goes_on_from_where_it_was() -> None:
    word = "ccbccxxbxxcbbbcbcccbb"
    whole = _settled(word, 2)
    for cut in range(1, len(word)):
        settler = Settler(2, NAMES[whole[cut - 1]])
        names = [name for letter in word[cut:] for name in settler.push(NAMES[letter])] + settler.flush()
        assert names == [NAMES[letter] for letter in whole[cut:]]


def test_negative_smoothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0 frames, got -1"):
        Settler(-1)
