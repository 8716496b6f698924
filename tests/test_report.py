# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The page of a run: what it shows, and that it needs nothing else."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from litemed.report import write_report
from PIL import Image


class _Page(HTMLParser):
    """Collects the texts and addresses of a page, and checks that its elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "my run"
    pictures = folder / "evaluation/pictures"
    pictures.mkdir(parents=True)
    (folder / "history.csv").write_text(
        "epoch,seconds,learning_rate,loss,f1\n1,30,0.01,0.9,\n2,30,0.005,0.5,0.61\n3,60,0.001,0.4,0.72\n"
    )
    scores = {"f1": {"mean": 0.5, "low": 0.4, "high": 0.6, "undefined": 1}}
    (folder / "evaluation/scores.json").write_text(json.dumps({"cases": 8, "scores": scores}))
    lines = [f"case<{index}>,{index / 10}" for index in range(8)]
    (folder / "evaluation/scores.csv").write_text("\n".join(["case,f1", *lines]) + "\n")
    for index in range(8):
        Image.fromarray(np.full((9, 900, 3), 10 * index, np.uint8)).save(pictures / f"case<{index}>_overlay.png")
    return folder


def test_it_shows_curves_scores_and_extremes_and_needs_nothing_else(run: Path) -> None:
    file = write_report(run)
    assert file == run / "report.html"
    page = _Page(file.read_text())
    assert page.open == []
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    assert "3 epochs, 2.0 minutes" in page.texts
    assert {"0.5000", "0.4000 to 0.6000", "All 8 rows"} <= set(page.texts)
    shown = [text for text in page.texts if text.startswith("case<") and ":" in text]
    assert shown == [f"case<{index}>: {index / 10:.4f}" for index in (7, 6, 5, 0, 1, 2)]


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no run at"):
        write_report(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match=r"holds neither history\.csv nor scores\.json"):
        write_report(tmp_path)


def test_damaged_scores_are_named(run: Path) -> None:
    (run / "evaluation/scores.json").write_text("[]")
    with pytest.raises(ValueError, match=r"scores\.json isn't a table of scores"):
        write_report(run)
    assert not (run / "report.html").exists()
