# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""The ``litemed`` command: what it prints, and its exit codes."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from litemed.bundles import offers
from litemed.tools.cli import Litemed
from PIL import Image


def test_doctor_finds_bundles_and_versions(call_litemed, capsys) -> None:
    assert call_litemed("doctor", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["packages"]["torch"] is not None
    assert "model.pt" in found["bundles"]["mininet"]["weights"]
    assert call_litemed("doctor") == 0
    assert "mininet 0.3.0" in capsys.readouterr().out


def test_doctor_names_what_a_bundle_needs_and_what_is_wrong_with_it(
    monkeypatch, call_litemed, capsys, tmp_path: Path
) -> None:
    for name, content in (("cough_ct", '{"version": "1", "required_packages_version": {"coughs": "2.0"}}'), ("x", "{")):
        (tmp_path / name / "configs").mkdir(parents=True)
        (tmp_path / name / "configs/metadata.json").write_text(content)
    monkeypatch.setenv("LITEMED_BUNDLES", str(tmp_path))
    assert call_litemed("doctor") == 0
    said = capsys.readouterr().out
    assert "pip install coughs: for bundle cough_ct" in said
    assert f"{tmp_path / 'x/configs/metadata.json'} is no JSON" in said


def test_doctor_compares_weights_with_their_records(monkeypatch, call_litemed, capsys, tmp_path: Path) -> None:
    bundle = tmp_path / "lids"
    for name in ("configs", "models"):
        (bundle / name).mkdir(parents=True)
    (bundle / "configs/metadata.json").write_text('{"version": "1"}')
    for name in ("model", "model_other", "model_lone"):
        (bundle / f"models/{name}.pt").write_bytes(b"weights")
    record = {"sha256": hashlib.sha256(b"weights").hexdigest()}
    (bundle / "models/model.json").write_text(json.dumps(record))
    (bundle / "models/model_other.json").write_text(json.dumps({"sha256": "0" * 64}))
    monkeypatch.setenv("LITEMED_BUNDLES", str(tmp_path))
    assert call_litemed("doctor") == 0
    said = capsys.readouterr().out
    assert "model.pt (0.0 MB, of its record), model_lone.pt (0.0 MB, no record), model_other.pt (0.0 MB, not of" in said
    assert "model_other.pt: expected the file that model_other.json beside it describes" in said
    assert "nothing is known of model_lone.pt: copy the .json beside it too" in said
    (bundle / "models/model_other.json").write_text("{")
    assert call_litemed("doctor") == 0
    assert "model_other.json: expected the record of model_other.pt, found no JSON" in capsys.readouterr().out


def test_doctor_says_where_bundles_come_from(monkeypatch, call_litemed, capsys) -> None:
    monkeypatch.setattr("litemed.tools.doctor.bundle_folders", dict)
    assert call_litemed("doctor") == 0
    assert "no bundle found: take it from a zoo (litemed get NAME --zoo ADDRESS)" in capsys.readouterr().out


def test_datasets_are_described(call_litemed, capsys) -> None:
    assert call_litemed("datasets", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"drive", "paired"} <= set(listed["readers"])
    assert {"fundus", "nuclei"} <= set(listed["samples"])
    assert all(listed["readers"].values())


def test_evaluate_prints_scores_and_fails_on_a_bad_file(call_litemed, capsys, tmp_path: Path) -> None:
    for folder in ("pred", "truth"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / folder / "a.png")
    arguments = ["evaluate", str(tmp_path / "pred"), str(tmp_path / "truth"), "--workers", "1"]
    assert call_litemed(*arguments, "--json") == 0
    assert json.loads(capsys.readouterr().out)["scores"]["dice"]["mean"] == 1.0
    (tmp_path / "pred/a.png").write_bytes(b"")
    assert call_litemed(*arguments) == 1
    assert "not scored: a" in capsys.readouterr().out
    assert call_litemed(*arguments, "--engine", "spark") == 2
    assert capsys.readouterr().err == "litemed: expected engine to be one of local, ray, got 'spark'\n"


def test_new_makes_a_bundle_and_says_where(call_litemed, capsys, tmp_path: Path) -> None:
    assert call_litemed("new", "thyroid_us", "--to", str(tmp_path)) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(tmp_path / "thyroid_us")
    assert call_litemed("new", "thyroid_us", "--to", str(tmp_path)) == 2
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
            "val_handlers": "@handlers",
        },
        "handlers": [{"_target_": f"{package}.Measure", "output_dir": "@output_dir", "spacing": "@spacing"}],
        "run": ["$@evaluator.run()"],
    }
    (folder / "configs/metadata.json").write_text('{"version": "0.1.0"}')
    (folder / "configs/inference.json").write_text(json.dumps(inference))
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
        self.output_dir, self.spacing, self.rows = Path(output_dir), spacing, []

    def attach(self, engine):
        engine.add_event_handler(Events.STARTED, self.rows.clear)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.measure)
        engine.add_event_handler(Events.COMPLETED, lambda: self.write(self.rows))

    def measure(self, engine):
        item = engine.state.batch[0]
        name = Path(item["image"].meta["filename_or_obj"]).name
        self.rows.append({"picture": name, "width": 4 * self.spacing, "height": None, "flags": [item["boxes"]]})

    def write(self, rows):
        if self.output_dir is not None:
            self.output_dir.mkdir(parents=True)
            pairs = [{"left": "a", "right": "b", "difference": 0.25}]
            content = {"pictures": rows, "comparison": pairs}
            (self.output_dir / "measurements.json").write_text(json.dumps(content))
"""


def test_segment_takes_boxes_and_fails_on_a_bad_file(call_litemed, capsys, tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_text("a")
    (tmp_path / "in/b.png").write_text("")
    options = ["--bundle", str(bundle), "--out", str(tmp_path / "out"), "--spacing", "0.5", "--workers", "1"]
    boxes = ["--box", "1,2,3,4", "--box=5,6,7,8"]
    assert call_litemed("segment", str(tmp_path / "in/a.png"), *boxes, *options, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "bundle": bundle.name,
        "output_dir": str(tmp_path / "out"),
        "results": {str(tmp_path / "in/a.png"): []},
        "tables": ["measurements.json"],
        "failed": {},
        "notices": {},
    }
    written = json.loads((tmp_path / "out/measurements.json").read_text())
    assert written["pictures"][0]["flags"] == ["1,2,3,4;5,6,7,8"]
    assert call_litemed("segment", str(tmp_path / "in"), *options) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"not segmented: {tmp_path / 'in/b.png'}: {tmp_path / 'in/b.png'} is empty"
    assert said[1].startswith(f"1 of 2 segmented by {bundle.name}")


@pytest.mark.parametrize("command", ["segment", "measure", "collab"])
def test_help_has_examples(command: str, call_litemed, capsys) -> None:
    assert call_litemed(command, "--help") == 0
    assert f"    litemed {command} " in capsys.readouterr().err.partition("DESCRIPTION")[2]


HELP = """
import contextlib, io, sys
from litemed.tools.cli import main
for command in ({commands}):
    sys.argv = ["litemed", *filter(None, [command]), "--help"]
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told), contextlib.suppress(SystemExit):
        main()
    print("=", command, told.getvalue())
for command in ("info", "datasets"):
    sys.argv = ["litemed", command]
    main()
print("loaded:", sorted(sys.modules.keys() & {{"torch", "monai", "numpy", "scipy", "mlflow", "matplotlib"}}))
"""


def test_help_tells_of_each_command_and_neither_it_nor_info_loads_anything_heavy(
    run_python: Callable[..., str],
) -> None:
    own = [name for name in vars(Litemed) if not name.startswith("_")]
    commands = [*own, *offers("commands")]
    said = run_python("-c", HELP.format(commands=", ".join(map(repr, ["", *commands]))), env={"PAGER": "cat"})
    first, *each = said.split("\n= ")
    assert all(f"\n     {command}\n" in first for command in commands)
    assert {"collab", "measure", "segment"} <= set(commands)
    assert len(each) == len(commands)
    for command, text in zip(commands, each, strict=True):
        assert f"litemed {command}" in text, text
    assert each[-1].rstrip().endswith("loaded: []")


def test_a_command_of_a_bundle_is_called(monkeypatch, call_litemed, capsys, tmp_path: Path) -> None:
    folder = tmp_path / "mine/cough_xray"
    (folder / "configs").mkdir(parents=True)
    (folder / "cough_xray").mkdir()
    offered = {"commands": {"listen": "Hear a cough.", "segment": "Not this one."}}
    (folder / "configs/metadata.json").write_text(json.dumps({"version": "1.0", "litemed": offered}))
    (folder / "cough_xray/__init__.py").write_text("")
    (folder / "cough_xray/command.py").write_text(
        'def listen(wave: str, loud: bool = False) -> None:\n    """Hear a cough."""\n    print(wave, loud)\n'
    )
    monkeypatch.setenv("LITEMED_BUNDLES", str(folder.parent))
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert call_litemed("listen", "a_1.wav", "--loud") == 0
    assert capsys.readouterr().out == "a_1.wav True\n"
    assert call_litemed("listen", "a.wav", "--lowd", "3") == 2
    assert capsys.readouterr().err == "litemed: unknown option --lowd: expected one of --wave, --loud\n"
    assert str(folder) in sys.path
    assert "Not this one" not in _told(call_litemed, capsys, "segment", "--help")


def _told(call_litemed: Callable[..., int], capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_litemed(*arguments)
    return "".join(capsys.readouterr())


def test_an_error_of_the_user_is_one_line(call_litemed, capsys) -> None:
    assert call_litemed("pack", "megasam") == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert said[0].startswith("litemed: no bundle megasam: expected a bundle's folder, or one of ")
