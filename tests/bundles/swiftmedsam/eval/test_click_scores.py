# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Masks after clicks, with networks that mark a square around each click."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import clicks
import numpy as np
import pytest
import torch
from litemed.datasets.challenge import write_challenge


class Marker:
    """Marks a box, and all pixels up to ``reach`` away from a positive click, but for those of negative clicks."""

    def __init__(self, reach: float) -> None:
        self.reach = reach
        self.asked: list[tuple[Any, ...]] = []

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        return image[:, :1].expand(-1, 256, -1, -1)[:, :, :64, :64].contiguous()

    def decode(self, embedding: torch.Tensor, boxes: Any, points: Any, labels: Any, masks: Any) -> Any:
        self.asked.append((boxes, points, labels, masks))
        rows, columns = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
        logits = torch.full((256, 256), -1.0)
        if boxes is not None:
            x0, y0, x1, y1 = boxes[0]
            logits[(columns >= x0) & (columns <= x1) & (rows >= y0) & (rows <= y1)] = 1
        for (x, y), label in zip([] if points is None else points[0], [] if points is None else labels[0], strict=True):
            logits[((columns - x).abs() <= self.reach) & ((rows - y).abs() <= self.reach)] = 2 * label - 1
        return logits[None, None], torch.ones(1, 1)


def _truth(side: int, low: int, high: int) -> np.ndarray:
    truth = np.zeros((side, side), bool)
    truth[low:high, low:high] = True
    return truth


EMBEDDING = torch.zeros(1, 256, 64, 64)


def test_a_click_that_marks_a_part() -> None:
    network = Marker(10)
    result = clicks.interact(network, EMBEDDING, _truth(256, 20, 61), None, 5)
    assert result.dice[:2] == [0, pytest.approx(2 * 21**2 / (21**2 + 41**2))]
    assert sorted(result.nsd) == [1, 3, 5]
    assert result.dice == sorted(result.dice)
    assert [asked[1].shape[1] for asked in network.asked] == [1, 2, 3, 4, 5]
    assert network.asked[0][1].tolist() == [[[40, 40]]]
    assert network.asked[0][3] is None
    assert network.asked[1][3].shape == (1, 1, 256, 256)


def test_a_box_that_is_right_needs_no_click() -> None:
    network = Marker(10)
    result = clicks.interact(network, EMBEDDING, _truth(256, 20, 61), np.array([20.0, 20, 60, 60]), 5)
    assert result.dice == [1.0] * 6
    assert result.nsd == dict.fromkeys((0, 1, 3, 5), 1.0)
    assert len(network.asked) == 1
    assert network.asked[0][1:] == (None, None, None)


def test_a_box_that_is_too_large_is_corrected_by_a_negative_click() -> None:
    network = Marker(20)
    result = clicks.interact(network, EMBEDDING, _truth(256, 20, 61), np.array([20.0, 20, 101, 60]), 5)
    # 41x41 true of 41x82 marked; the click in the middle of the other 41x41 takes all of it away
    assert result.dice[:2] == [pytest.approx(2 / 3), 1.0]
    assert network.asked[1][2].tolist() == [[0]]


def test_clicks_are_on_pixel_centres_whatever_the_size() -> None:
    network = Marker(30)
    clicks.interact(network, EMBEDDING, _truth(512, 40, 121), None, 5)
    assert network.asked[0][1].tolist() == [[[39.75, 39.75]]]  # pixel 80 of 512 covers half a pixel from 40.0 - 0.5


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("training", "validation", "test"):
        labels = _truth(256, 20, 61).astype(np.uint8) + 2 * _truth(256, 100, 141) + 3 * _truth(256, 200, 241)
        picture = np.repeat(labels[..., None] * 80, 3, axis=2)
        write_challenge(tmp_path / "data" / part / "2D_CT_a.npz", picture, labels=labels)
    networks = {"new": Marker(10), "old": Marker(20)}
    monkeypatch.setattr(clicks, "load_network", lambda path: networks[path])
    monkeypatch.setattr(clicks, "weights_path", lambda path: path)
    for name in networks:
        clicks.measure(str(tmp_path / "data"), str(tmp_path / f"{name}.json"), "test", name, objects=2)
    rows = json.loads((tmp_path / "new.json").read_text())["objects"]
    assert [(row["object"], row["start"]) for row in rows] == [(1, "box"), (1, "clicks"), (3, "box"), (3, "clicks")]
    clicks.compare(str(tmp_path / "new.json"), str(tmp_path / "old.json"))
    printed = capsys.readouterr().out
    assert "1 pictures, 2 objects" in printed
    for modality in ("CT", "mean"):
        cells = next(line for line in printed.splitlines() if line.startswith(modality)).split("(")
        assert cells[4].split()[-3:] == ["0.416", "/", cells[4].split()[-1]]
        assert cells[5].startswith("1.000 / 1.000)")  # the baseline's single click is right
    assert "clicks alone to Dice 0.85, at most 8: ours" in printed
    assert "baseline 1.00 (reached by 100%)" in printed
    assert "box alone, ours - baseline by picture: +0.0000" in printed


def test_what_does_not_compare_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected at least 5 clicks, got 3"):
        clicks.measure(str(tmp_path), str(tmp_path / "out.json"), clicks=3)
    for name, number in (("a", 1), ("b", 2)):
        row = {"case": "x", "slice": -1, "object": number, "start": "box"}
        (tmp_path / name).write_text(json.dumps({"clicks": 8, "objects": [row]}))
    with pytest.raises(ValueError, match="are not of the same objects"):
        clicks.compare(str(tmp_path / "a"), str(tmp_path / "b"))
