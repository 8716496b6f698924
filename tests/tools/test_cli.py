# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The ``litemed`` command: what it prints, and its exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from litemed.bundles import bundle_folders, find_bundle
from litemed.tools.cli import main
from PIL import Image


def _call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of the command."""
    monkeypatch.setattr(sys, "argv", ["litemed", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_doctor_finds_bundles_and_versions(monkeypatch, capsys) -> None:
    assert _call(monkeypatch, "doctor", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["packages"]["torch"] is not None
    assert "model.pt" in found["bundles"]["mininet"]["weights"]
    assert _call(monkeypatch, "doctor") == 0
    assert "mininet 0.1.0" in capsys.readouterr().out


def test_datasets_are_described(monkeypatch, capsys) -> None:
    assert _call(monkeypatch, "datasets", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"drive", "paired"} <= set(listed["readers"])
    assert {"fundus", "nuclei"} <= set(listed["samples"])
    assert all(listed["readers"].values())


def test_evaluate_prints_scores_and_fails_on_a_bad_file(monkeypatch, capsys, tmp_path: Path) -> None:
    for folder in ("pred", "truth"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / folder / "a.png")
    arguments = ["evaluate", str(tmp_path / "pred"), str(tmp_path / "truth"), "--workers", "1"]
    assert _call(monkeypatch, *arguments, "--json") == 0
    assert json.loads(capsys.readouterr().out)["means"]["all"]["dice"]["mean"] == 1.0
    (tmp_path / "pred/a.png").write_bytes(b"")
    assert _call(monkeypatch, *arguments) == 1
    assert "not scored: a" in capsys.readouterr().out
    assert _call(monkeypatch, *arguments, "--engine", "spark") == 2
    assert capsys.readouterr().err == "litemed: expected engine to be one of local, ray, got 'spark'\n"


def test_new_makes_a_bundle_and_says_where(monkeypatch, capsys, tmp_path: Path) -> None:
    assert _call(monkeypatch, "new", "thyroid_us", "--to", str(tmp_path)) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(tmp_path / "thyroid_us")
    assert _call(monkeypatch, "new", "thyroid_us", "--to", str(tmp_path)) == 2
    assert capsys.readouterr().err == f"litemed: {tmp_path / 'thyroid_us'} exists already\n"


@pytest.fixture
def bundle(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A bundle of one file: it writes its call down, and gives what a test asks for."""
    package = request.node.name
    folder = tmp_path / package
    (folder / "configs").mkdir(parents=True)
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text(_PACKAGE)
    common = {"imports": [f"$import {package}"], "output_dir": "nowhere"}
    inference = {
        **common,
        "dataset_dir": "nowhere",
        "boxes": None,
        "spacing": None,
        "dataset": {
            "_target_": "Dataset",
            "data": f"${package}.list_items(@dataset_dir, @boxes)",
            "transform": f"${package}.load",
        },
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "cpu",
            "val_data_loader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1},
            "network": {"_target_": "torch.nn.Identity"},
            "val_handlers": [{"_target_": f"{package}.Measure", "output_dir": "@output_dir", "spacing": "@spacing"}],
        },
        "run": ["$@evaluator.run()"],
    }
    collab = {
        **common,
        "video": "nowhere",
        "smooth": 0,
        "run": [f"${package}.analyse(@video, @output_dir, @smooth)"],
        "finalize": ["$print('done')"],
    }
    (folder / "configs/metadata.json").write_text('{"version": "0.1.0"}')
    (folder / "configs/inference.json").write_text(json.dumps(inference))
    (folder / "configs/collab.json").write_text(json.dumps(collab))
    return folder


_PACKAGE = """
import json
from pathlib import Path

import torch
from ignite.engine import Events
from monai.data import MetaTensor


def list_items(path, boxes):
    path = Path(path)
    return [{"image": str(file), "boxes": str(boxes)} for file in (sorted(path.iterdir()) if path.is_dir() else [path])]


def load(item):
    if not Path(item["image"]).read_bytes():
        raise ValueError(f"{item['image']} is empty")
    return {"image": MetaTensor(torch.zeros(1, 4, 4), meta={"filename_or_obj": item["image"]}), "boxes": item["boxes"]}


class Measure:
    def __init__(self, output_dir, spacing):
        self.output_dir, self.spacing = Path(output_dir), spacing

    def attach(self, engine):
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.measure)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def start(self):
        self.pictures = []

    def measure(self, engine):
        item = engine.state.batch[0]
        name = Path(item["image"].meta["filename_or_obj"]).name
        self.pictures.append({"picture": name, "width": 4 * self.spacing, "height": None, "flags": [item["boxes"]]})

    def write(self):
        self.output_dir.mkdir(parents=True)
        pairs = [{"left": "a", "right": "b", "difference": 0.25}]
        content = {"pictures": self.pictures, "comparison": pairs}
        (self.output_dir / "measurements.json").write_text(json.dumps(content))


def analyse(video, output_dir, smooth):
    if not Path(video).is_file():
        raise FileNotFoundError(f"no video {video}")
    return {"summary": f"{Path(video).name} into {Path(output_dir).name}, smoothed by {smooth}", "notes": ["a note"]}
"""


def test_segment_takes_boxes_and_fails_on_a_bad_file(monkeypatch, capsys, tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_text("a")
    (tmp_path / "in/b.png").write_text("")
    options = ["--bundle", str(bundle), "--out", str(tmp_path / "out"), "--spacing", "0.5", "--workers", "1"]
    boxes = ["--box", "1,2,3,4", "--box=5,6,7,8"]
    assert _call(monkeypatch, "segment", str(tmp_path / "in/a.png"), *boxes, *options, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "bundle": bundle.name,
        "output_dir": str(tmp_path / "out"),
        "results": {str(tmp_path / "in/a.png"): []},
        "tables": ["measurements.json"],
        "failed": {},
    }
    written = json.loads((tmp_path / "out/measurements.json").read_text())
    assert written["pictures"][0]["flags"] == ["[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]"]
    assert _call(monkeypatch, "segment", str(tmp_path / "in"), *options) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"not segmented: {tmp_path / 'in/b.png'}: {tmp_path / 'in/b.png'} is empty"
    assert said[1].startswith(f"1 of 2 segmented by {bundle.name}")


def test_measure_prints_a_table(monkeypatch, capsys, tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, content in (("a.png", "a"), ("b.png", "b"), ("c.png", "")):
        (tmp_path / "in" / name).write_text(content)
    options = ["--bundle", str(bundle), "--out", str(tmp_path / "out"), "--spacing", "0.33333"]
    assert _call(monkeypatch, "measure", str(tmp_path / "in"), *options) == 1
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert said[:4] == [
        ["picture", "a.png", "b.png"],
        ["width", "1.333", "1.333"],
        ["height", "-", "-"],
        ["flags", "None", "None"],
    ]
    assert said[5:8] == [["left", "a"], ["right", "b"], ["difference", "0.25"]]
    assert said[9][:2] == ["not", "measured:"]
    assert _call(monkeypatch, "measure", str(tmp_path / "in/a.png"), *options, "--json") == 0
    assert [each["picture"] for each in json.loads(capsys.readouterr().out)["pictures"]] == ["a.png"]


def test_collab_prints_the_report(monkeypatch, capsys, tmp_path: Path, bundle: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("visit.mp4").write_text("video")
    options = ["--bundle", str(bundle), "--smooth", "2"]
    assert _call(monkeypatch, "collab", "visit.mp4", *options) == 0
    summary = "visit.mp4 into collab, smoothed by 2"
    assert capsys.readouterr().out.splitlines() == [summary, "- a note", f"written to {tmp_path / 'collab'}"]
    assert _call(monkeypatch, "collab", "visit.mp4", *options, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"summary": summary, "notes": ["a note"]}
    assert _call(monkeypatch, "collab", "lost.mp4", *options) == 2
    assert capsys.readouterr().err.splitlines() == [f"litemed: no video {tmp_path / 'lost.mp4'}"]
    assert _call(monkeypatch, "collab", "visit.mp4", *options, "--smoth", "2") == 2
    assert "has no option smoth: did you mean smooth?" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["segment", "measure", "collab"])
def test_help_has_examples(command: str, monkeypatch, capsys) -> None:
    assert _call(monkeypatch, command, "--help") == 0
    assert f"    litemed {command} " in capsys.readouterr().err.partition("DESCRIPTION")[2]


def test_help_lists_the_commands(monkeypatch, capsys) -> None:
    monkeypatch.setenv("PAGER", "cat")
    assert _call(monkeypatch, "--help") == 0
    told = capsys.readouterr().out
    assert all(f"\n     {command}\n" in told for command in ("segment", "measure", "collab", "evaluate"))


def test_an_error_of_the_user_is_one_line(monkeypatch, capsys) -> None:
    assert _call(monkeypatch, "pack", "megasam") == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert said[0].startswith("litemed: no bundle megasam: expected a bundle's folder, or one of ")


def test_bundles_are_found_by_name_and_path(monkeypatch, tmp_path: Path) -> None:
    assert find_bundle("mininet") == find_bundle(bundle_folders()["mininet"])
    mine = tmp_path / "mine/mininet/configs"
    mine.mkdir(parents=True)
    (mine / "metadata.json").write_text("{}")
    monkeypatch.setenv("LITEMED_BUNDLES", str(tmp_path / "mine"))
    assert find_bundle("mininet") == mine.parent
