# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The page of a run: what it shows, that it needs nothing else, and that a browser has nothing to say against it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from litemed.tools.report.scores import by_group
from litemed.tools.report.writing import write_report
from PIL import Image

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


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
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def _score(mean: float, low: float, high: float, undefined: int = 0) -> dict[str, Any]:
    return {"mean": mean, "low": low, "high": high, "undefined": undefined}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three epochs, and an evaluation of eight cases with a picture each."""
    folder = tmp_path / "my run"
    pictures = folder / "evaluation/pictures"
    pictures.mkdir(parents=True)
    (folder / "history.csv").write_text(
        "epoch,seconds,learning_rate,loss,f1\n1,30,0.01,0.9,\n2,30,0.005,0.5,0.72\n3,60,0.001,0.4,0.61\n"
    )
    scores = {"f1": _score(0.5, 0.4, 0.6, 1), "hd95": _score(12.345, 10, 15)}
    (folder / "evaluation/scores.json").write_text(json.dumps({"cases": 8, "scores": scores}))
    lines = [f"case<{index}>,{index / 10},{20 - index}" for index in range(8)]
    (folder / "evaluation/scores.csv").write_text("\n".join(["case,f1,hd95", *lines]) + "\n")
    for index in range(8):
        Image.fromarray(np.full((9, 900, 3), 10 * index, np.uint8)).save(pictures / f"case<{index}>_overlay.png")
    (tmp_path / "train.json").write_text('{"max_epochs": 400, "reader": "drive", "network": "$1 + 1", "size": [4, 4]}')
    command = "python -m monai.bundle run --config_file train.json --max_epochs 3 --flag".split()
    versions = {"python": "3.11.9", "monai": "1.6.1"}
    record = {"command": command, "folder": str(tmp_path), "time": "2026-05-04T10:20:30+00:00", "versions": versions}
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def test_it_shows_curves_scores_and_extremes_and_needs_nothing_else(run: Path) -> None:
    file = write_report(run)
    assert file == run / "report.html"
    page = _Page(file.read_text())
    assert page.open == []
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    assert {"0.72", "best, in epoch 2", "40 s each", "2.0 min"} <= set(page.texts)
    assert {"f1: best 0.72 in epoch 2", "loss", "learning rate"} <= set(page.texts)
    assert {"0.5000", "0.4000 to 0.6000", "12.35", "All 8 rows"} <= set(page.texts)
    shown = [text for text in page.texts if re.fullmatch(r"case<\d>: .*", text)]
    assert shown == [f"case<{index}>: {index / 10:.4f}" for index in (7, 6, 5, 0, 1, 2)]


def test_it_tells_how_the_run_was_made(run: Path) -> None:
    texts = _Page(write_report(run).read_text()).texts
    assert "2026-05-04T10:20:30+00:00 · python 3.11.9, monai 1.6.1" in texts
    assert "python -m monai.bundle run --config_file train.json --max_epochs 3 --flag" in texts
    start = texts.index("max_epochs")
    assert texts[start : start + 3] == ["max_epochs", "3", "given"]
    assert {"drive", "[4, 4]"} <= set(texts)
    (run.parent / "train.json").unlink()
    assert "max_epochs" not in _Page(write_report(run).read_text()).texts


def test_scores_are_shown_by_class() -> None:
    names = "dice hd95 hd95_missed iris_dice iris_hd95 iris_hd95_missed pupil_dice pupil_hd95 ratio_error_iris_area"
    groups = by_group({name: {"name": name} for name in names.split()})
    assert {group: list(scores) for group, scores in groups.items()} == {
        "all": ["dice", "hd95", "hd95_missed"],
        "iris": ["dice", "hd95", "hd95_missed"],
        "pupil": ["dice", "hd95"],
    }
    assert groups["pupil"]["hd95"] == {"name": "pupil_hd95"}
    assert by_group({"f1": {}, "region_iou": {}, "region_auc": {}}) == {}


def test_labels_of_an_evaluation_of_folders(tmp_path: Path) -> None:
    part = {"cases": 2, "scores": {"dice": _score(0.75, 0.5, 1)}}
    groups = {"label 1": part, "label 3": {"cases": 1, "scores": {"dice": _score(0.25, 0.1, 0.3)}}}
    (tmp_path / "scores.json").write_text(json.dumps({**part, "groups": groups}))
    (tmp_path / "scores.csv").write_text("case,label,dice\na,1,1.0\na,3,0.5\nb,1,0.25\n")
    texts = _Page(write_report(tmp_path).read_text()).texts
    assert {"label 1", "label 3", "0.2500", "0.1000 to 0.3000"} <= set(texts)


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no run at"):
        write_report(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match=r"holds neither history\.csv, nor scores\.json, nor results"):
        write_report(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("evaluation/scores.json", "[]", r"scores\.json isn't a table of scores"),
        ("evaluation/scores.csv", "case,f1\n", r"scores\.csv holds no rows"),
        ("run.json", "{}", r"run\.json isn't the record of a run"),
    ],
)
def test_a_damaged_file_is_named(run: Path, name: str, content: str, error: str) -> None:
    (run / name).write_text(content)
    with pytest.raises(ValueError, match=error):
        write_report(run)
    assert not (run / "report.html").exists()


class _Seen(NamedTuple):
    """What a browser met on a page."""

    console: list[str]
    fetched: list[str]
    screenshot: Image.Image


def _open(page: Path) -> _Seen:
    """Open a page in headless Chromium, which finds no computer by its name."""
    assert CHROMIUM is not None
    folder = page.parent
    options = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --hide-scrollbars".split()
    options += "--disable-background-networking --disable-component-update --disable-sync --enable-logging".split()
    options += ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder}/profile", "--window-size=1000,1400"]
    options += [f"--log-net-log={folder}/net.json", f"--screenshot={folder}/page.png", page.as_uri()]
    result = subprocess.run([CHROMIUM, *options], capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    said = (folder / "profile/chrome_debug.log").read_text(errors="replace").splitlines()
    events = json.loads((folder / "net.json").read_text())["events"]
    fetched = {event.get("params", {}).get("url", "") for event in events}
    return _Seen(
        [line for line in said if ":CONSOLE" in line],
        sorted(url for url in fetched if url.startswith(("http://", "https://", "ws"))),
        Image.open(folder / "page.png").convert("RGB"),
    )


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_browser_shows_it_without_an_error_and_fetches_nothing(run: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    bad = tmp_path / "bad/page.html"
    bad.write_text("<img src='http://example.org/picture.png'><script>console.error('wrong')</script>")
    seen = _open(bad)
    assert any("wrong" in line for line in seen.console)
    assert "http://example.org/picture.png" in seen.fetched

    seen = _open(write_report(run))
    assert seen.console == []
    assert [url for url in seen.fetched if "google" not in url] == []  # what Chromium asks its maker is not the page's
    pixels = np.asarray(seen.screenshot)
    assert pixels.shape == (1400, 1000, 3)
    assert ((pixels == (0x00, 0x72, 0xB2)).all(-1)).sum() > 500  # the curves' blue
