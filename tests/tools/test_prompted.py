# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Clicks and files of prompts by the command: the masks are those of a session."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from litemed.prompting import Session, write_results
from PIL import Image


@pytest.fixture(autouse=True)
def home(bright: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Embeddings in the test's own folder, and a network whose answers are known."""
    monkeypatch.setenv("LITEMED_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("litemed.tools.prompted.session_network", lambda bundle, overrides: bright)


@pytest.fixture
def call(call_litemed: Callable[..., int], tmp_path: Path) -> Callable[..., int]:
    def segment(image: Path, *words: str) -> int:
        return call_litemed("segment", str(image), "--bundle", "swiftmedsam", "--out", str(tmp_path / "out"), *words)

    return segment


def test_a_session_is_drawn_again_byte_for_byte(
    bright: Any, bright_volume: Path, call: Callable[..., int], tmp_path: Path
) -> None:
    with Session(bright, bright_volume, folder=tmp_path / "kept", modality="MR") as session:
        session.add_object("block")
        session.box("block", [226, 206, 245, 235], "axial", 6)
        session.click("block", 236, 212, False, "axial", 10)
        session.click("block", 236, 5, False, "coronal", 225)
        written = write_results(session, tmp_path / "session")
    assert call(bright_volume, "--prompts", str(tmp_path / "session/scan_prompts.json")) == 0
    found = {file.name for file in (tmp_path / "out").iterdir()}
    assert found == {"run.json", *(file.name for file in written)}
    assert {"scan_mask.nii.gz", "scan_mask.ctbl", "scan_objects.csv"} <= {file.name for file in written}
    for file in written:
        assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes()
    assert "block" in (tmp_path / "out/scan_mask.ctbl").read_text()


def test_clicks_of_a_picture(bright_picture: Path, call: Callable[..., int], tmp_path: Path) -> None:
    assert call(bright_picture, "--click", "40,40", "--click=110,110", "--not", "30,30") == 0
    expected = np.zeros((256, 256), np.uint8)
    expected[20:60, 20:60] = expected[100:131, 100:131] = 1
    expected[25:36, 25:36] = 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/case_mask.png")), expected)
    (found,) = json.loads((tmp_path / "out/run.json").read_text())["results"].values()
    digest = hashlib.sha256(bright_picture.read_bytes()).hexdigest()
    assert found["input"] == {"path": str(bright_picture), "sha256": digest, "size": [256, 256]}
    assert found["files"] == ["case_mask.png", "case_objects.csv", "case_prompts.json"]
    weights = Path(found["weights"]["path"])
    assert (found["bundle"], weights.name) == ("swiftmedsam", "model.pt")
    assert found["weights"]["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert found["seconds"] > 0


def test_clicks_of_a_volume_are_voxels_of_its_file(
    bright_volume: Path, call: Callable[..., int], tmp_path: Path
) -> None:
    box = ("--box", "10,20,6,29,49,6", "--not", "15,40,6", "--modality", "MR")
    assert call(bright_volume, *box, "--zoom", "off") == 0
    assert json.loads((tmp_path / "out/scan_prompts.json").read_text())["options"] == {
        "modality": "MR", "window": "soft_tissue", "zoom": "off"
    }  # fmt: skip
    (told,) = json.loads((tmp_path / "out/run.json").read_text())["results"].values()
    assert (told["input"]["shape"], told["input"]["spacing_mm"]) == ([256, 256, 16], [1, 1, 3])
    assert told["options"] == {"modality": "MR", "window": "soft_tissue", "zoom": "off"}
    labels = np.asanyarray(nibabel.load(tmp_path / "out/scan_mask.nii.gz").dataobj)
    expected = np.zeros((256, 256), np.uint8)
    expected[10:30, 20:50] = 1
    expected[10:21, 35:46] = 0
    np.testing.assert_array_equal(labels[:, :, 6], expected)
    assert labels[12, 22, 3:13].all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--not", "3,3"], "expected at least one --click on the object, or a --box"),
        (["--click", "3"], "expected a click of 2 numbers, got [3.0]"),
        (["--click", "a,b"], "expected --click as numbers with commas between, got 'a,b'"),
        (["--click", "300,3"], "expected a click inside 256x256 pixels"),
        (["--click", "3,3", "--not", "3,3"], "has a click that says the opposite"),
        (["--click", "3,3", "--box", "1,1,9,9", "--box", "1,1,8,8"], "expected at most one --box, got 2"),
        (["--prompts", "missing.json"], "No such file or directory: missing.json"),
        (["--prompts", "bad.json"], "bad.json isn't readable JSON"),
        (["--prompts", "list.json"], "list.json: expected an object with options and objects"),
        (["--prompts", "empty.json"], "expected objects with names and prompts"),
        (["--prompts", "bad.json", "--click", "3,3"], "a file of prompts has all clicks and boxes"),
    ],
)
def test_what_cannot_be_is_a_line_and_nothing_is_written(
    bright_picture: Path,
    call: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in (("bad", "{"), ("list", "[1]"), ("empty", json.dumps({"version": 1}))):
        (tmp_path / f"{name}.json").write_text(content)
    assert call(bright_picture, *words) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert "\n" not in said
    assert not (tmp_path / "out").exists()


def test_a_bundle_without_sessions_takes_no_clicks(
    bright_picture: Path, call_litemed: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.undo()
    assert call_litemed("segment", str(bright_picture), "--bundle", "mininet", "--click", "3,3") == 2
    assert "mininet takes no clicks: its metadata offer no sessions" in capsys.readouterr().err
