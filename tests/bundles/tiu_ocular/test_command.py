# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""``litemed measure``: its tables, and what it does about a picture that can't be measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import litemed.tools.segment as segmentation
import pytest
from litemed.tools.cli import main

PICTURES = [{"picture": name, "width": 4 / 3, "height": None, "flags": ["closed", "dark"]} for name in "abcde"]
CONTENT = {"pictures": PICTURES, "comparison": [{"left": "a", "right": "b", "difference": 0.25}]}


def _call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["litemed", "measure", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_tables_have_a_column_a_picture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given: dict[str, Any] = {}

    def segment(source: str, bundle: str, out: str, **options: Any) -> segmentation.Segmentation:
        given.update(source=source, bundle=bundle, **options)
        (Path(out) / "measurements.json").write_text(json.dumps(CONTENT))
        return segmentation.Segmentation("eyes", out, results={"a": []}, failed=failed)

    failed = {"f.png": "f.png is empty"}
    monkeypatch.setattr(segmentation, "segment", segment)
    assert _call(monkeypatch, "eyes", "--out", str(tmp_path), "--spacing", "0.05") == 1
    assert given["source"] == "eyes"
    assert given["overrides"] == {"spacing": 0.05}
    assert Path(given["bundle"]).name == "tiu_ocular"
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    # four pictures beside each other, then the fifth, then the pair, then what failed
    assert said[:4] == [
        ["picture", "a", "b", "c", "d"],
        ["width", *["1.333"] * 4],
        ["height", *["-"] * 4],
        ["flags", *["closed;", "dark"] * 4],
    ]
    assert said[5] == ["picture", "e"]
    assert said[10:13] == [["left", "a"], ["right", "b"], ["difference", "0.25"]]
    assert said[14] == ["not", "measured:", "f.png:", "f.png", "is", "empty"]
    failed.clear()
    assert _call(monkeypatch, "eyes", "--out", str(tmp_path), "--json") == 0
    assert json.loads(capsys.readouterr().out) == {**CONTENT, "output_dir": str(tmp_path), "failed": {}}
