# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Which films would get an answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import refusals
from tfnet.collab.rings import Rings


def test_a_film_is_answered_by_half_of_its_frames() -> None:
    values = np.array([[0.9, 0.6], [0.9, 0.2], [0.9, 0.6], [0.9, 0.2], [0.9, 0.3], [0.2, 0.9]])
    films = ["a", "a", "b", "b", "b", "c"]
    assert refusals.answered(films, values, 0.5) == pytest.approx((2 / 6, 1 / 3))
    assert refusals.answered(films, values, 0.25) == pytest.approx((3 / 6, 2 / 3))


def test_eyes_whose_rings_are_off_are_dark_where_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lit, rings_off, all_off = (next(refusals._bare(1, off))[1] for off in ({}, refusals._RINGS_OFF, refusals._ALL_OFF))
    assert lit.astype(float).mean() > rings_off.astype(float).mean() >= all_off.astype(float).mean()

    class Bright:
        def __init__(self, *arguments: object, **options: object) -> None:
            pass

        def detect(self, frame: np.ndarray) -> Rings | None:
            boxes = np.array([[8, 8, 12, 12], [4, 4, 16, 16], [0, 0, 20, 20]])
            return Rings(boxes, 0.9, 0.52) if frame.mean() > 1 else None

    monkeypatch.setattr(refusals, "Networks", Bright)
    monkeypatch.setattr(refusals, "_with_rings", lambda *_: iter([("a", np.full((9, 9), 9)), ("b", np.zeros((9, 9)))]))
    refusals.run(str(tmp_path), films=1)
    rows = {line[:24].strip(): line[24:].split() for line in capsys.readouterr().out.splitlines()}
    assert rows["rings, frames"] == rows["rings, films"] == ["2", *["0.500"] * 5, "0.000"]
    assert rows["all off, films"][0] == "1"
    assert rows["rings off, frames"][0] == "6"
